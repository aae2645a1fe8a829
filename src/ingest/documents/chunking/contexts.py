"""The context of a chunk: what is embedded before its text so that the text can be understood on its own."""

import re
from collections.abc import Iterable, Sequence
from html import unescape
from itertools import pairwise

from ingest.documents.chunking.sections import HIDDEN, Path, Section
from ingest.ports import Tokenizer
from ingest.records import Block, BlockKind, ChunkingOptions, Document

JOINT = "\n"  # between context and text in what is embedded
MANY_PATHS = 16  # sections in a group; with more, the longest possible context is assumed
LONGEST_CONTEXT = 4000  # code points of headings, and as many of what else it repeats: a word may be one token
CHARACTERS_PER_TOKEN = 32  # instead, where contexts of more tokens are allowed; natural text has about 4
LONGEST_LEAD_IN = 300  # code points that are examined
LONGEST_LANGUAGE = 40  # code points
LONGEST_HEADER = 100_000  # code points of a table's header in which tags are looked for
_CELL = re.compile(r"<t[hd](?![\w-])[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<(?:/?[a-zA-Z]|!--)[^<>]*>")
INTRODUCED = (BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE)


def model_input(context: str, text: str) -> str:
    """Return what the embedder receives for a chunk."""
    return f"{context}{JOINT}{text}" if context else text


class Contexts:
    """The contexts of one document, counted once, each at most a third of `max_tokens`: its end is kept."""

    def __init__(self, document: Document, options: ChunkingOptions, tokenizer: Tokenizer) -> None:
        self._document = document
        self._options = options
        self._tokenizer = tokenizer
        self._limit = options.max_tokens // 3
        self._longest = max(LONGEST_CONTEXT, CHARACTERS_PER_TOKEN * self._limit)
        self._first = next(((b.title,) for b in document.blocks if b.title and HIDDEN not in b.marks), ())
        self._headers = _headers(document.blocks)
        self._known: dict[tuple[Path, str], tuple[str, int]] = {}

    def prepare(self, sections: Iterable[Section]) -> None:
        """Count the tokens of most contexts that will be needed, in one call to the tokenizer."""
        wanted: dict[tuple[Path, str], str] = {}
        for section in sections:
            line = self._heading_line(section.path)
            extras = {""}
            for previous, block in pairwise(section.blocks):
                if block.kind in INTRODUCED:
                    extras |= {self.extra(block, previous, block.start), self.extra(block, previous, block.end)}
            wanted |= {(section.path, extra): context for extra in extras if (context := _joined(line, extra))}
        spans = self._tokenizer.offsets([context + JOINT for context in wanted.values()])
        for (key, context), found in zip(wanted.items(), spans, strict=True):
            if len(found) <= self._limit:
                self._known[key] = context, len(found)

    def of(self, path: Path, extra: str = "") -> tuple[str, int]:
        """Return the context of a heading path and of what `extra` returned, and its token count, joint included."""
        if (path, extra) not in self._known:
            self._known[path, extra] = self._built(path, extra)
        return self._known[path, extra]

    def room(self, paths: Sequence[Path], extra: str = "") -> int:
        """Return the number of tokens left for a text that may get the context of any of `paths`."""
        if len(paths) > MANY_PATHS:
            return max(1, self._options.max_tokens - self._limit - self._options.overlap_tokens)
        room = self._options.max_tokens - max(self.of(path, extra)[1] for path in paths)
        return max(1, room - self._options.overlap_tokens)

    def extra(self, block: Block, previous: Block | None, start: int) -> str:
        """Return what a chunk that starts at `start` in `block` repeats: lead-in, table header, code language."""
        if block.kind not in INTRODUCED:
            return ""
        parts = [self._lead_in(previous)] if previous is not None else []
        if block.start in self._headers and (header := self._headers[block.start])[1] <= start:
            parts.append(_columns(self._document.text[slice(*header)].strip()))
        if block.kind is BlockKind.CODE and block.start < start and block.language:
            parts.append(block.language.split()[0][:LONGEST_LANGUAGE])
        return _joined(*parts)[-self._longest :]

    def _lead_in(self, block: Block) -> str:
        """Return the text of a caption, or the last line of a paragraph that ends with a colon; else ""."""
        text = self._document.text[block.start : block.end].strip()
        if block.kind is BlockKind.CAPTION:
            return text
        last = text[-LONGEST_LEAD_IN:].rpartition("\n")[2].rpartition(". ")[2].strip()
        return last if introduces(block, text) else ""

    def _built(self, path: Path, extra: str) -> tuple[str, int]:
        front = self._heading_line(path)
        whole = _joined(front, extra)
        if (tokens := self._tokens(whole)) <= self._limit:
            return whole, tokens
        reserved = min(self._limit // 2, self._tokens(front)) if extra else 0
        extra = self._cut(extra, self._limit - reserved)
        front = self._cut(front, self._limit - self._tokens(extra))
        context = _joined(front, extra)
        while context and (over := self._tokens(context) - self._limit) > 0:
            context = self._cut(context, self._limit - over)
        return context, self._tokens(context)

    def _heading_line(self, path: Path) -> str:
        if not self._options.heading_prefix:
            return ""
        title = " ".join(self._document.title.split())
        known = {" ".join(part.split()).casefold() for part in path or self._first}
        parts = (title, *path) if title and title.casefold() not in known else path
        return " > ".join(" ".join(part.split()) for part in parts)[-self._longest :]

    def _tokens(self, text: str) -> int:
        """Return the number of tokens in a context with its joint; an empty context has no joint."""
        return len(self._tokenizer.offsets([text + JOINT])[0]) if text else 0

    def _cut(self, text: str, limit: int) -> str:
        """Return the end of `text`, about `limit` tokens, from a word's start; of a longer one always less."""
        spans = self._tokenizer.offsets([text + JOINT])[0] if text else ()
        if len(spans) <= limit:
            return text
        starts = [int(start) for start, _ in spans[len(spans) - limit :] if start > 0] if limit > 0 else []
        words = [start for start in starts if text[start - 1 : start].isspace()]
        return text[next(iter(words or starts), len(text)) :].strip()


def introduces(block: Block, text: str) -> bool:
    """Return whether a block with this text introduces the next one."""
    return block.kind is BlockKind.PARAGRAPH and text.rstrip().endswith((":", "：", "::"))


def _columns(header: str) -> str:
    """Return the header of a table; of one in HTML, the names of its columns alone, as tags cost tokens."""
    parts = _CELL.split(header[:LONGEST_HEADER]) if "<" in header else []
    above, *cells = (" ".join(unescape(_TAG.sub(" ", part)).split()) for part in parts or [""])
    return _joined(above, " | ".join(filter(None, cells))) if cells else header


def _headers(blocks: Sequence[Block]) -> dict[int, tuple[int, int]]:
    """Return where tables begin → the span of their header; so for a part of a table behind hidden cells of it."""
    found: dict[int, tuple[int, int]] = {}
    header: tuple[int, int] | None = None
    behind = False
    for block in blocks:
        if block.kind is BlockKind.METADATA:
            continue
        table, hidden = block.kind is BlockKind.TABLE, HIDDEN in block.marks
        own = (block.start, block.header_end) if table and block.header_end else None
        if not hidden:
            header = own or (header if table and behind else None)
        elif not table:
            header = None
        if told := own if hidden else header:
            found[block.start] = told
        behind = table and hidden
    return found


def _joined(*parts: str) -> str:
    return JOINT.join(filter(None, parts))
