"""Blocks to chunks: one pure function for all formats.

sections   blocks → sections → groups: the stretches that no chunk crosses
contexts   what is embedded in front of a chunk's text
splitting  where a group may be cut
packing    which of these cuts make pieces of about the target size
ruler      token counts of slices, the text being tokenised once
"""

from collections import Counter
from collections.abc import Iterator

from ingest.chunking.contexts import Contexts, model_input
from ingest.chunking.packing import pack
from ingest.chunking.ruler import Ruler
from ingest.chunking.sections import Group, Path, common_path, groups
from ingest.chunking.splitting import Cutter
from ingest.errors import InvalidSettings
from ingest.ids import chunk_id, digest_of, embedding_key
from ingest.ports import Tokenizer
from ingest.records import Chunk, ChunkingOptions, Document

__all__ = ["chunk", "fingerprint", "model_input"]

VERSION = 1  # raised when the same options give other chunks
LEAST_MAX_TOKENS = 16
NEAR_LIMIT = 16  # tokens; a piece that close to the limit is counted again by itself

Piece = tuple[int, int]


def fingerprint(options: ChunkingOptions, tokenizer: Tokenizer) -> str:
    """Return the SHA-256 over everything that decides about chunks apart from the document."""
    fields = {name: getattr(options, name) for name in options.__slots__}
    return digest_of([VERSION, {**fields, "skipped_kinds": sorted(options.skipped_kinds)}, tokenizer.fingerprint])


def chunk(document: Document, document_id: str, options: ChunkingOptions, tokenizer: Tokenizer) -> list[Chunk]:
    """Return the chunks of a document in order; none when it has no block with text.

    - `text` is document.text[start:end], without white space at its ends. Chunks do not overlap, and every character
      of a block that is not skipped is in exactly one, white space at borders apart.
    - No chunk reaches over a heading of `split_level` or above, except that a heading without a body joins what
      follows. Below that level small neighbouring sections merge.
    - `model_input(context, text)` has at most `max_tokens` tokens.

    Raises: InvalidSettings for sizes that contradict each other; MalformedDocument when blocks overlap.
    """
    _check(options)
    return _Chunking(document, document_id, options, tokenizer).chunks()


def _check(options: ChunkingOptions) -> None:
    if not 0 <= options.min_tokens <= options.target_tokens <= options.max_tokens:
        raise InvalidSettings(
            f"chunking: min_tokens {options.min_tokens} <= target_tokens {options.target_tokens} <= "
            f"max_tokens {options.max_tokens} does not hold"
        )
    if options.max_tokens < LEAST_MAX_TOKENS or options.target_tokens < 1:
        raise InvalidSettings(f"chunking: max_tokens {options.max_tokens} is less than {LEAST_MAX_TOKENS}")


class _Chunking:
    """The chunking of one document."""

    def __init__(self, document: Document, document_id: str, options: ChunkingOptions, tokenizer: Tokenizer) -> None:
        self._document = document
        self._document_id = document_id
        self._options = options
        self._tokenizer = tokenizer
        self._ruler = Ruler(document.text, tokenizer)
        self._contexts = Contexts(document, options, tokenizer)
        self._cutter = Cutter(self._ruler, self._contexts, document.language, options.target_tokens)
        self._seen: Counter[tuple[Path, str]] = Counter()

    def chunks(self) -> list[Chunk]:
        found = groups(self._document, self._options, self._measure)
        return [chunk for group in found for piece in self._pieces(group) for chunk in self._fitting(group, piece)]

    def _measure(self, group: Group) -> tuple[int, int]:
        return self._ruler.size(group.start, group.end), self._contexts.room(group.paths)

    def _pieces(self, group: Group) -> Iterator[Piece]:
        """Yield the spans of a group's chunks, untrimmed; each fits into a chunk by the ruler's count."""
        size, room = self._measure(group)
        if size <= min(self._options.target_tokens, room):
            yield group.start, group.end
            return
        cuts = self._cutter.cuts(group)
        before = self._ruler.before_start([c.start for c in cuts]), self._ruler.before_end([c.end for c in cuts])
        rooms = [self._contexts.room(group.paths, self._extra(group, cut.start)) for cut in cuts]
        for first, last in pack(cuts, before, rooms, self._options.target_tokens):
            yield cuts[first].start, cuts[last].end

    def _fitting(self, group: Group, piece: Piece) -> Iterator[Chunk]:
        """Yield the chunk of a piece, or several where the ruler's count was too low."""
        start, end = self._ruler.trimmed(*piece)
        if start == end:
            return
        sections = group.covered(start, end)
        path = common_path([s.path for s in sections if s.has_body] or [s.path for s in sections])
        context, context_tokens = self._contexts.of(path, self._extra(group, start))
        tokens, total = self._counted(start, end, context, context_tokens)
        if total <= self._options.max_tokens:
            paths = tuple(dict.fromkeys(section.path for section in sections))
            yield self._chunk((start, end), (path, paths), (context, tokens), group.at(start)[0].page)
            return
        if end - start == 1:
            raise InvalidSettings(f"max_tokens {self._options.max_tokens}: one character in its context has {total}")
        middle = self._cutter.middle(start, end)
        yield from self._fitting(group, (start, middle))
        yield from self._fitting(group, (middle, end))

    def _extra(self, group: Group, start: int) -> str:
        return self._contexts.extra(*group.at(start), start)

    def _counted(self, start: int, end: int, context: str, context_tokens: int) -> tuple[int, int]:
        """Return the tokens of a text, and those of context and text together.

        Slices between words have the tokens that they have in the whole. A slice that begins or ends inside a word may
        have others, and one near the limit is not left to chance: both are tokenised by themselves.
        """
        text = self._document.text
        before, after = text[max(0, start - 1) : start] or " ", text[end : end + 1] or " "
        inside_word = not (before.isspace() and after.isspace())
        tokens = self._ruler.tokens(start, end)
        total = context_tokens + tokens
        if inside_word or total > self._options.max_tokens - NEAR_LIMIT:
            alone, whole = self._tokenizer.offsets([text[start:end], model_input(context, text[start:end])])
            tokens, total = len(alone), len(whole)
        return tokens, total

    def _chunk(
        self, span: Piece, paths: tuple[Path, tuple[Path, ...]], measured: tuple[str, int], page: int | None
    ) -> Chunk:
        (start, end), (path, every_path), (context, tokens) = span, paths, measured
        text = self._document.text[start:end]
        occurrence = self._seen[path, text]
        self._seen[path, text] += 1
        return Chunk(
            chunk_id=chunk_id(self._document_id, path, text, occurrence),
            document_id=self._document_id,
            heading_path=path,
            heading_paths=every_path,
            text=text,
            context=context,
            start=start,
            end=end,
            tokens=tokens,
            embedding_key=embedding_key(context, text),
            page=page,
        )
