"""Blocks to chunks: one pure function for all formats.

blocks ──sections──▶ groups ──splitting──▶ possible cuts ──▶ pieces of about the target size ──▶ chunks
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from ingest.documents.chunking.contexts import JOINT, Contexts, model_input
from ingest.documents.chunking.ruler import Ruler
from ingest.documents.chunking.sections import Group, Path, Section, common_path, embedded_text, groups, sections_of
from ingest.documents.chunking.splitting import Cutter, pack
from ingest.errors import InvalidSettings
from ingest.extras import version
from ingest.ids import chunk_id, digest_of, embedding_key
from ingest.ports import Tokenizer
from ingest.records import UNREAD, Chunk, ChunkingOptions, Document

__all__ = ["chunk", "fingerprint", "model_input"]

VERSION = 5  # raised when the same options give different chunks
CHARACTERS_PER_TOKEN = 10  # of `max_tokens`, in a chunk at most: English has 4 to 8, even in wide tables
COUNTED_AT_ONCE = 256  # pieces whose tokens are counted per call


def fingerprint(options: ChunkingOptions, tokenizer: Tokenizer, most: int = 0) -> str:
    """Return the SHA-256 of everything on which chunks depend besides the document; `most`: tokens the model takes."""
    fields = {**options.model_dump(), "skipped_kinds": sorted(options.skipped_kinds)}
    return digest_of([VERSION, version("sentencex"), version("py3langid"), fields, tokenizer.fingerprint, most])


def chunk(document: Document, document_id: str, options: ChunkingOptions, tokenizer: Tokenizer) -> list[Chunk]:
    """Return the chunks of a document in order; empty if no block has text.

    - `text` is embedded_text(…)[start:end], without white space at either end. Every character of a block that is not
      skipped is in exactly one chunk, except white space at its borders and up to `overlap_tokens` that a chunk may
      repeat from the previous one in its group. Hidden and visible text never share a chunk.
    - No chunk crosses a heading of `split_level` or above, except that a heading without a body joins what follows or,
      at the end, what precedes. Below that level, small neighbouring sections are merged.
    - A heading stands alone only when its whole body is hidden or left out by policy, or when it and the adjacent
      headings need more than half the room that context and overlap leave (at the document's end: a quarter).
    - `model_input(context, text)` has at most `max_tokens` tokens, and `text` at most CHARACTERS_PER_TOKEN code
      points for each of `max_tokens`.
    - A chunk of which the model reads too little has the mark UNREAD.

    Raises: MalformedDocument when blocks overlap.
    """
    return _Chunking(document, document_id, options, tokenizer).chunks()


class _Chunking:
    def __init__(self, document: Document, document_id: str, options: ChunkingOptions, tokenizer: Tokenizer) -> None:
        self._whole, document = document.text, replace(document, text=embedded_text(document, options))
        self._document = document
        self._document_id = document_id
        self._options = options
        self._tokenizer = tokenizer
        self._ruler = Ruler(document.text, tokenizer)
        self._contexts = Contexts(document, options, tokenizer)
        self._cutter = Cutter(self._ruler, self._contexts, document.language, options)
        self._longest = CHARACTERS_PER_TOKEN * options.max_tokens
        self._seen: Counter[tuple[Path, str]] = Counter()

    def chunks(self) -> list[Chunk]:
        sections = list(sections_of(self._document, self._options))
        self._contexts.prepare(sections)
        found = groups(sections, self._options, self._measure)
        drafts = [draft for group in found for piece in self._pieces(group) if (draft := self._draft(group, piece))]
        if self._options.overlap_tokens:
            drafts = self._overlapping(drafts)
        size, own = self._options.parent_tokens, self._ruler.text == self._whole
        parents = Parents(sections, self._ruler if own else Ruler(self._whole, self._tokenizer), size) if size else None
        chunks = [self._chunk(draft, parents) for draft in self._fitting(drafts)]
        most, shares = self._options.max_unread_share, self._tokenizer.unread([chunk.text for chunk in chunks])
        told = zip(chunks, shares, strict=True)
        return [replace(c, unread=s, marks=(UNREAD,) if s > most else ()) if s else c for c, s in told]

    def _measure(self, group: Group) -> tuple[int, int]:
        return self._ruler.size(group.start, group.end), self._contexts.room(group.paths)

    def _pieces(self, group: Group) -> Iterator[tuple[int, int]]:
        """Yield the untrimmed spans of a group's chunks; by the ruler's count, each fits into a chunk."""
        size, room = self._measure(group)
        if size <= min(self._options.target_tokens, room):
            yield group.start, group.end
            return
        cuts = self._cutter.cuts(group)
        before = self._ruler.before_start([c.start for c in cuts]), self._ruler.before_end([c.end for c in cuts])
        extras = [self._contexts.extra(*group.at(cut.start), cut.start) for cut in cuts]
        rooms = [self._contexts.room(group.paths, extra) if extra else room for extra in extras]
        for first, last in pack(cuts, before, rooms, self._options.target_tokens):
            yield cuts[first].start, cuts[last].end

    def _draft(self, group: Group, piece: tuple[int, int]) -> "_Draft | None":
        """Return a draft of a chunk, trimmed; None if the piece is all white space."""
        start, end = self._ruler.trimmed(*piece)
        if start == end:
            return None
        sections = group.covered(start, end)
        path = common_path([s.path for s in sections if s.has_body] or [s.path for s in sections])
        context, context_tokens = self._contexts.of(path, self._contexts.extra(*group.at(start), start))
        tokens = self._ruler.tokens(start, end)
        return _Draft(group, start, end, path, context, tokens, context_tokens + tokens)

    def _overlapping(self, drafts: list["_Draft"]) -> list["_Draft"]:
        """Return the drafts with overlap: all but the first of a group start earlier where that fits."""
        found = drafts[:1]
        for before, draft in pairwise(drafts):
            start = draft.start
            if before.group is draft.group:
                least = max(before.start + 1, self._ruler.back(draft.start, self._options.overlap_tokens))
                start = self._cutter.earlier(draft.group, least, draft.start)
            longer = self._draft(draft.group, (start, draft.end)) if start < draft.start else None
            found.append(replace(longer, own=draft) if longer else draft)
        return found

    def _fitting(self, drafts: Iterable["_Draft"]) -> Iterator["_Draft"]:
        """Yield the drafts in order with exact token counts; those that turn out not to fit are halved.

        A slice has the same tokens as within the whole text if the tokenizer always splits at both its ends. Others,
        such as slices that begin or end inside a word, are tokenised separately, many at a time.
        """
        left = iter(drafts)
        while batch := list(islice(left, COUNTED_AT_ONCE)):
            doubtful = [draft for draft in batch if self._is_doubtful(draft)]
            whole = [model_input(draft.context, self._document.text[draft.start : draft.end]) for draft in doubtful]
            totals = zip(doubtful, map(len, self._tokenizer.offsets(whole)), strict=True)
            counted = {id(d): replace(d, tokens=total - (d.total - d.tokens), total=total) for d, total in totals}
            for draft in (counted.get(id(draft), draft) for draft in batch):
                if draft.total <= self._options.max_tokens and draft.end - draft.start <= self._longest:
                    yield draft
                else:
                    yield from self._fitting([draft.own] if draft.own else self._halves(draft))

    def _halves(self, draft: "_Draft") -> list["_Draft"]:
        if draft.end - draft.start == 1:
            told = f"max_tokens {self._options.max_tokens}: one character in its context has {draft.total} tokens"
            raise InvalidSettings(told)
        middle = self._cutter.middle(draft.start, draft.end)
        pieces = (draft.start, middle), (middle, draft.end)
        return [half for piece in pieces if (half := self._draft(draft.group, piece))]

    def _is_doubtful(self, draft: "_Draft") -> bool:
        text, start, end = self._document.text, draft.start, draft.end
        borders = [JOINT + text[start], text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]]
        return not all(self._tokenizer.parts(*border) for border in borders if len(border) == 2)

    def _chunk(self, draft: "_Draft", parents: "Parents | None") -> Chunk:
        text = self._document.text[draft.start : draft.end]
        occurrence = self._seen[draft.path, text]
        self._seen[draft.path, text] += 1
        sections = draft.group.covered(draft.start, draft.end)
        return Chunk(
            chunk_id=chunk_id(self._document_id, draft.path, text, occurrence),
            document_id=self._document_id,
            heading_path=draft.path,
            heading_paths=tuple(dict.fromkeys(section.path for section in sections)),
            text=text,
            context=draft.context,
            start=draft.start,
            end=draft.end,
            tokens=draft.tokens,
            embedding_key=embedding_key(draft.context, text),
            page=draft.group.at(draft.start)[0].page,
            parent=parents.of(draft.start, draft.end) if parents else None,
        )


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft of a chunk; `total` counts the tokens of context and text together."""

    group: Group
    start: int
    end: int
    path: Path
    context: str
    tokens: int
    total: int
    own: "_Draft | None" = None  # the same draft without its overlap


class Parents:
    """Spans of enclosing text in one document, at most `size` tokens unless the chunk itself has more.

    A parent is the widest enclosing section that fits; if not even the chunk's own section fits, whole blocks of it on
    both sides. A parent never crosses a wall: hidden text is not shown with visible text.
    """

    def __init__(self, sections: Sequence[Section], ruler: Ruler, size: int) -> None:
        self._sections, self._ruler, self._size = sections, ruler, size
        self._section_starts = [section.blocks[0].start for section in sections]
        self._section_ends = [section.blocks[-1].end for section in sections]
        self._blocks = [block for section in sections for block in section.blocks]

    def of(self, start: int, end: int) -> tuple[int, int]:
        """Return the parent of the chunk with this span."""
        first = bisect_right(self._section_starts, start) - 1
        last = bisect_left(self._section_starts, end) - 1
        low, high = self._section_starts[first], self._section_ends[last]
        if self._ruler.size(low, high) > self._size:
            return self._around(start, end, low, high)
        path = self._sections[first].path
        for depth in range(len(path), -1, -1):
            found = self._widened(first, last, depth, path)
            if found is None:
                break
            first, last = found
        return self._section_starts[first], self._section_ends[last]

    def _widened(self, first: int, last: int, depth: int, path: tuple[str, ...]) -> tuple[int, int] | None:
        """Return the widest run of sections around these that shares `depth` titles; None when it does not fit."""
        sections = self._sections

        def joins(section: int, behind: int) -> bool:
            inside = 0 <= section < len(sections) and not sections[behind].wall
            return inside and sections[section].path[:depth] == path[:depth]

        while (before := joins(first - 1, first)) or joins(last + 1, last + 1):
            first, last = (first - 1, last) if before else (first, last + 1)
            if self._ruler.size(self._section_starts[first], self._section_ends[last]) > self._size:
                return None
        return first, last

    def _around(self, start: int, end: int, low: int, high: int) -> tuple[int, int]:
        """Return the chunk with whole blocks on both sides inside [low, high)."""
        spare = (self._size - self._ruler.size(start, end)) // 2
        if spare <= 0:
            return start, end
        least = max(low, self._ruler.back(start, spare))
        most = min(high, self._ruler.forth(end, spare))
        first = bisect_left(self._blocks, least, key=lambda block: block.start)
        last = bisect_right(self._blocks, most, key=lambda block: block.end) - 1
        begin = self._blocks[first].start if first < len(self._blocks) else start
        return min(start, begin), max(end, self._blocks[last].end if last >= 0 else end)
