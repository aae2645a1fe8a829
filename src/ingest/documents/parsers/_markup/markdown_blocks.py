"""The blocks of a Markdown text, of CommonMark and of its dialects, as spans of the text."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from io import StringIO
from itertools import accumulate

from ingest.documents.parsers._markup.markdown_events import MarkdownBlock, labels, top_level_blocks
from ingest.documents.parsers._markup.markdown_hidden import mark_hidden
from ingest.documents.parsers._markup.markdown_html import headings
from ingest.documents.parsers._markup.markdown_html_lists import with_html_lists
from ingest.documents.parsers._markup.markdown_shadow import TRIGGER, Special, shadow
from ingest.documents.parsers._markup.markdown_syntax import (
    directive,
    fence_language,
    front_matter,
    heading_content,
    is_plain,
    plain_title,
)
from ingest.documents.parsers._markup.markdown_tables import with_captions, with_html_tables
from ingest.documents.parsers._reading.assembly import MAX_TITLE
from ingest.documents.parsers._reading.decoding import BOM
from ingest.documents.parsers._reading.lines import NEWLINE, Lines
from ingest.errors import OversizedDocument
from ingest.records import Block, BlockKind, RawDocument

_CODE_DIRECTIVES = frozenset(
    {
        "code",
        "code-block",
        "code-cell",
        "sourcecode",
        "literalinclude",
        "testcode",
        "testoutput",
        "doctest",
        "prompt",
        "parsed-literal",
        "mermaid",
        "graphviz",
    }
)
_SILENT_DIRECTIVES = frozenset({"toctree", "contents", "currentmodule", "module", "meta", "index", "highlight"})
_KINDS = {
    "List": BlockKind.LIST,
    "DefinitionList": BlockKind.LIST,
    "BlockQuote": BlockKind.QUOTE,
    "Rule": BlockKind.METADATA,
    "silent": BlockKind.METADATA,
}
_MADE = frozenset({"Heading", "Table", "CodeBlock", "directive"})  # of what there is more to say than its kind
_DELIMITERS = re.compile(r"^ {0,3}[|:-](?=[^\n]*\|)[ \t|:-]*\t[ \t|:-]*$", re.M)
_DELIMITER_ROW = re.compile(r"[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|?)+\s*\Z")
_UNREAD_HTML = re.compile(r"<(script|style)\b", re.I)


def markdown_blocks(text: str, raw: RawDocument) -> tuple[list[Block], str]:
    """Return the blocks of a Markdown text in order, and the title from its front matter, or "".

    `raw` is the document from which the text comes; its media type and limits apply. Raises: OversizedDocument.
    """
    base = len(text) - len(text.removeprefix(BOM))
    length, title = front_matter(text[base:])
    blocks = []
    if length:
        end = base + len(text[base : base + length].rstrip())
        blocks.append(Block(BlockKind.METADATA, base, end))
    body = with_html_tables(text, _Body(text, base + length, raw).blocks(), raw.ref.path)
    blocks += mark_hidden(text, with_captions(text, with_html_lists(text, body)))
    if len(blocks) > raw.options.limits.blocks:
        raise OversizedDocument(f"{raw.ref.path}: {len(blocks)} blocks, the limit is {raw.options.limits.blocks}")
    return blocks, plain_title(title[:MAX_TITLE])


class _Body:
    """The part of a file after the front matter."""

    def __init__(self, text: str, base: int, raw: RawDocument) -> None:
        """Find the blocks of `text[base:]`."""
        self.mdx = raw.media_type == "text/mdx"
        self.source = text[base:]
        if "\r" in self.source:
            starts = [base, *(match.end() for match in NEWLINE.finditer(text, base))]
            self.source = NEWLINE.sub("\n", self.source)
        else:
            starts = list(accumulate(map(len, StringIO(self.source, newline="\n")), initial=base))
        self.lines = Lines(text, starts if starts[-1] == len(text) else [*starts, len(text)])
        if "\t" in self.source:  # pulldown-cmark does not accept tabs in a table's delimiter row
            self.source = _DELIMITERS.sub(lambda row: row.group().replace("\t", " "), self.source)
        self.specials: list[Special] = []
        seen = None
        if self.mdx or TRIGGER.search(self.source):
            seen = shadow(self.source.split("\n"), self.mdx)
            self.source, self.specials = "\n".join(seen.lines), seen.specials
        self.found = top_level_blocks(self.source, raw.options.limits.nesting, raw.ref.path)
        if seen is not None:
            _end_at_text(self.found, seen.lines)

    @cached_property
    def references(self) -> frozenset[str]:
        """The normalised labels of the link reference definitions."""
        return labels(self.source)

    def blocks(self) -> list[Block]:
        """Return the blocks in order. Lines that no construct covers are link reference definitions."""
        blocks: list[Block] = []
        done = 0
        for found in self._with_specials():
            first, end = max(found.first, done), found.end
            if end > done:
                if first > done and (between := self.lines.block(BlockKind.METADATA, done, first)) is not None:
                    blocks.append(between)
                blocks += self._block(found, first, end)
                done = end
        return blocks + self._some(self.lines.block(BlockKind.METADATA, done, len(self.lines.starts) - 1))

    def _with_specials(self) -> list[MarkdownBlock]:
        """Return the blocks with the special constructs between them; adjacent lines of text are joined."""
        merged: list[MarkdownBlock] = []
        for special in self.specials:
            last = merged[-1] if merged else None
            if last and last.kind == special.kind == "text" and last.end == special.first:
                last.end = special.end
            else:
                merged.append(MarkdownBlock(special.kind, special.first, special.end, info=special.info))
        if not merged:
            return self.found
        return sorted([*merged, *self.found], key=lambda found: (found.first, -found.end))

    @staticmethod
    def _some(block: Block | None) -> list[Block]:
        return [block] if block is not None else []

    def _block(self, found: MarkdownBlock, first: int, end: int) -> list[Block]:
        """Return the block of a construct; HTML can give several."""
        if found.kind == "HtmlBlock":
            return self._html(first, end)
        if found.kind in _MADE:
            make = {
                "Heading": self._heading,
                "Table": self._table,
                "CodeBlock": self._code,
                "directive": self._directive,
            }[found.kind]
            return self._some(make(found, first, end))
        kind = _KINDS.get(found.kind, BlockKind.PARAGRAPH)
        if not found.inner and not found.tables:
            return self._some(self.lines.block(kind, first, end))
        blocks: list[Block] = []
        for start, stop, *rows in found.tables:
            if first <= start < stop <= end:
                blocks += self._part(found, kind, first, start)
                blocks += self._some(self._table(MarkdownBlock("Table", start, stop, inner=rows), start, stop))
                first = stop
        return blocks + self._part(found, kind, first, end)

    def _part(self, found: MarkdownBlock, kind: BlockKind, first: int, end: int) -> list[Block]:
        """Return some of the lines of a construct, without blank lines at their start."""
        block = self.lines.block(kind, first, end)
        if block is None:
            return []
        inside = found.inner[bisect_left(found.inner, first) : bisect_left(found.inner, end)]
        breaks = self._breaks(first, end, inside)
        breaks = breaks[bisect_right(breaks, block.start) :]
        return [replace(block, breaks=breaks) if breaks else block]

    def _breaks(self, first: int, end: int, lines: Iterable[int]) -> tuple[int, ...]:
        return self.lines.breaks(first, end, lines) if lines else ()

    def _heading(self, found: MarkdownBlock, first: int, end: int) -> Block | None:
        source = self.lines.text[self.lines.start(first) : self.lines.start(end)].rstrip()
        title = found.title
        if not is_plain(source):
            content = heading_content(source) if len(source) <= 2 * MAX_TITLE else ""
            title = plain_title(content, self.references if "[" in content else ())
        if not 0 < len(title) <= MAX_TITLE:
            return self.lines.block(BlockKind.PARAGRAPH, first, end)
        return self.lines.block(BlockKind.HEADING, first, end, level=found.level, title=title)

    def _table(self, found: MarkdownBlock, first: int, end: int) -> Block | None:
        rows = self.lines.breaks(first, end, found.inner)
        header = self.lines.start(first + 2) if found.inner else 0
        return self.lines.block(BlockKind.TABLE, first, end, breaks=rows, header_end=header if rows else 0)

    def _code(self, found: MarkdownBlock, first: int, end: int) -> Block | None:
        """Return a code block, or the block of a MyST directive. In MDX, indentation does not make code."""
        if found.indented and self.mdx:
            return self.lines.block(BlockKind.PARAGRAPH, first, end)
        return self._directive(found, first, end)

    def _directive(self, found: MarkdownBlock, first: int, end: int) -> Block | None:
        name, rest = directive(found.info)
        if name in _SILENT_DIRECTIVES:
            return self.lines.block(BlockKind.METADATA, first, end)
        if name == "table" and (table := self._titled_table(first, end)) is not None:
            return table
        if name and name not in _CODE_DIRECTIVES:
            breaks = self.lines.after_blanks(first, end)
            return self.lines.block(BlockKind.PARAGRAPH, first, end, breaks=breaks)
        breaks = self.lines.every_line(first, end)
        return self.lines.block(BlockKind.CODE, first, end, breaks=breaks, language=fence_language(rest))

    def _titled_table(self, first: int, end: int) -> Block | None:
        """Return the table in a MyST directive, its title a part of the header, None without a delimiter row."""
        text, lines = self.lines.text, self.lines
        for line in range(first + 2, end - 1):
            if _DELIMITER_ROW.match(text, lines.start(line), lines.start(line + 1)):
                rows = lines.breaks(first, end, range(line + 1, end - 1))
                header = lines.start(line + 1) if rows else 0
                return lines.block(BlockKind.TABLE, first, end, breaks=rows, header_end=header)
        return None

    def _html(self, first: int, end: int) -> list[Block]:
        """Return the blocks of HTML: markup without text, or text and the headings in it."""
        start, stop = self.lines.start(first), self.lines.start(end)
        content = self.lines.text[start:stop].strip()
        comment = content.startswith("<!--") and content.find("-->") == len(content) - 3
        if comment or (_UNREAD_HTML.match(content) and content.endswith(">")):
            return self._some(self.lines.block(BlockKind.METADATA, first, end))
        blocks: list[Block] = []
        for heading in headings(self.lines, first, end):
            blocks += self._text_lines(first, heading.first)
            title = heading.title
            if 0 < len(title) <= MAX_TITLE:
                blocks += self._some(
                    self.lines.block(BlockKind.HEADING, heading.first, heading.end, level=heading.level, title=title)
                )
                first = heading.end
            else:
                first = heading.first
        return blocks + self._text_lines(first, end)

    def _text_lines(self, first: int, end: int) -> list[Block]:
        breaks = self.lines.every_line(first, end)
        return self._some(self.lines.block(BlockKind.PARAGRAPH, first, end, breaks=breaks))


def _end_at_text(found: list[MarkdownBlock], lines: list[str]) -> None:
    """Leave the lines after a block to the special constructs: in the shadow these are blank."""
    for block in found:
        while block.end > block.first + 1 and not lines[block.end - 1].strip():
            block.end -= 1
