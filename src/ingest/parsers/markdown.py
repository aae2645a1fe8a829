"""Markdown: CommonMark with tables, footnotes and front matter; MyST, Hugo and MDX files too.

The canonical text is the decoded file, unchanged. Top-level blocks only: a heading inside a list or a quote starts no
section. Every character that is no white space lies in exactly one block, except a byte order mark.
"""

from typing import TYPE_CHECKING, Any

from ingest.parsers._decoding import BOM, decode
from ingest.parsers._lines import Lines, document_title
from ingest.parsers._markdown_syntax import (
    MAX_TITLE,
    NEWLINE,
    block_parser,
    directive,
    front_matter,
    language,
    plain_title,
)
from ingest.records import Block, BlockKind, Document, RawDocument

if TYPE_CHECKING:
    from markdown_it.token import Token

MEDIA_TYPES = ("text/markdown", "text/mdx")
VERSION = "1"
LIBRARIES = ("markdown-it-py", "mdit-py-plugins", "pyyaml", "charset-normalizer")

_CODE_DIRECTIVES = frozenset(
    {"code", "code-block", "code-cell", "sourcecode", "literalinclude", "testcode", "testoutput", "doctest", "prompt",
     "parsed-literal", "mermaid", "graphviz"}
)  # fmt: skip
_SILENT_DIRECTIVES = frozenset({"toctree", "contents", "currentmodule", "module", "meta", "index", "highlight"})


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument."""
    text = decode(raw.data, raw.ref.path)
    base = len(text) - len(text.removeprefix(BOM))
    length, title = front_matter(text[base:])
    blocks = []
    if length:
        end = base + len(text[base : base + length].rstrip())
        blocks.append(Block(BlockKind.METADATA, base, end))
    blocks += _Body(text, base + length, mdx=raw.media_type == "text/mdx").blocks()
    return Document(
        text=text,
        blocks=tuple(blocks),
        title=plain_title(title[:MAX_TITLE], {}) or document_title(blocks),
        media_type=raw.media_type,
        parser="markdown",
    )


class _Body:
    """The part of a file behind the front matter."""

    def __init__(self, text: str, base: int, mdx: bool) -> None:
        """Parse `text[base:]`."""
        self.mdx = mdx
        self.environment: dict[str, Any] = {}
        self.tokens = block_parser(mdx).parse(text[base:], self.environment)
        starts = [base, *(match.end() for match in NEWLINE.finditer(text, base))]
        self.lines = Lines(text, starts if starts[-1] == len(text) else [*starts, len(text)])

    def blocks(self) -> list[Block]:
        """Return the blocks in order. What no token covers are link reference definitions."""
        found: list[Block | None] = []
        done = 0
        for group in self._groups():
            first, end = group[0].map or (done, done)
            found += [self._definitions(done, first), self._block(group, first, end)]
            done = max(done, end)
        found.append(self._definitions(done, len(self.lines.starts) - 1))
        return [block for block in found if block is not None]

    def _groups(self) -> list[list["Token"]]:
        """Return for each top-level block its token and those inside it."""
        groups: list[list[Token]] = []
        for token in self.tokens:
            if token.level == 0 and token.nesting >= 0 and token.map:
                groups.append([token])
            elif groups:
                groups[-1].append(token)
        return groups

    def _definitions(self, first: int, end: int) -> Block | None:
        return self.lines.block(BlockKind.METADATA, first, end)

    def _block(self, group: list["Token"], first: int, end: int) -> Block | None:
        """Return the block of one top-level token."""
        token = group[0]
        make = {
            "heading_open": self._heading,
            "table_open": self._table,
            "bullet_list_open": self._list,
            "ordered_list_open": self._list,
            "blockquote_open": self._quote,
            "footnote_reference_open": self._quote,
            "fence": self._fence,
            "myst_directive": self._fence,
            "code_block": self._fence,
            "html_block": self._html,
            "paragraph_open": self._paragraph,
        }.get(token.type)
        if make is None:  # hr, myst_target: nothing to read
            return self.lines.block(BlockKind.METADATA, first, end)
        return make(group, first, end)

    def _heading(self, group: list["Token"], first: int, end: int) -> Block | None:
        content = group[1].content
        title = plain_title(content, self.environment) if len(content) <= MAX_TITLE else ""
        if not title:
            return self.lines.block(BlockKind.PARAGRAPH, first, end)
        return self.lines.block(BlockKind.HEADING, first, end, level=int(group[0].tag[1:]), title=title)

    def _table(self, group: list["Token"], first: int, end: int) -> Block | None:
        rows = [token.map[0] for token in group if token.type == "tr_open" and token.map]
        return self.lines.block(
            BlockKind.TABLE,
            first,
            end,
            breaks=self.lines.breaks(first, end, rows[1:]),
            header_end=self.lines.start(first + 2) if len(rows) > 1 else 0,
        )

    def _list(self, group: list["Token"], first: int, end: int) -> Block | None:
        items = [token.map[0] for token in group if token.type == "list_item_open" and token.map]
        return self.lines.block(BlockKind.LIST, first, end, breaks=self.lines.breaks(first, end, items))

    def _quote(self, group: list["Token"], first: int, end: int) -> Block | None:
        kind = BlockKind.QUOTE if group[0].type == "blockquote_open" else BlockKind.PARAGRAPH
        inner = [token.map[0] for token in group if token.map and token.nesting >= 0]
        return self.lines.block(kind, first, end, breaks=self.lines.breaks(first, end, inner))

    def _fence(self, group: list["Token"], first: int, end: int) -> Block | None:
        """Return a code block, or the block that a MyST directive stands for."""
        name, rest = directive(group[0].info)
        if name in _SILENT_DIRECTIVES:
            return self.lines.block(BlockKind.METADATA, first, end)
        if name and name not in _CODE_DIRECTIVES:
            breaks = self.lines.after_blanks(first, end)
            return self.lines.block(BlockKind.PARAGRAPH, first, end, breaks=breaks)
        breaks = self.lines.every_line(first, end)
        return self.lines.block(BlockKind.CODE, first, end, breaks=breaks, language=language(rest))

    def _html(self, group: list["Token"], first: int, end: int) -> Block | None:
        content = group[0].content.strip()
        comment = content.startswith("<!--") and content.find("-->") == len(content) - 3
        kind = BlockKind.METADATA if comment else BlockKind.PARAGRAPH
        return self.lines.block(kind, first, end, breaks=() if comment else self.lines.every_line(first, end))

    def _paragraph(self, group: list["Token"], first: int, end: int) -> Block | None:
        lines = group[1].content.split("\n")
        module = self.mdx and all(line.startswith(("import ", "export ")) for line in lines)
        return self.lines.block(BlockKind.METADATA if module else BlockKind.PARAGRAPH, first, end)
