"""reStructuredText: sections and top-level blocks, with exact offsets into the file.

The canonical text is the decoded file, unchanged. A directive and its body form one block. Nothing is executed and no
other file is read: `include` and `raw` are treated as text. Levels are those of docutils before it promotes a lone
title: the first style is level 1.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from ingest.documents.parsers._reading.assembly import MAX_TITLE
from ingest.documents.parsers._reading.decoding import BOM, decode, told_charset
from ingest.documents.parsers._reading.lines import Lines
from ingest.documents.parsers._reading.titles import document_title
from ingest.documents.parsers.rst.inline_markup import plain_title
from ingest.documents.parsers.rst.scan import Construct, scan
from ingest.records import Block, BlockKind, Document, RawDocument

_TAB = 8  # columns, as docutils expands them

_CODE = frozenset(
    {
        "code",
        "code-block",
        "sourcecode",
        "literalinclude",
        "testcode",
        "testoutput",
        "testsetup",
        "testcleanup",
        "doctest",
        "prompt",
        "parsed-literal",
        "ipython",
        "jupyter-execute",
        "command-output",
        "program-output",
        "graphviz",
        "mermaid",
        "uml",
        "productionlist",
        "raw",
    }
)
_PYTHON = frozenset({"testcode", "testsetup", "testcleanup", "doctest", "ipython", "jupyter-execute"})
_SILENT = frozenset(
    {
        "toctree",
        "contents",
        "sectnum",
        "section-numbering",
        "index",
        "meta",
        "title",
        "highlight",
        "default-role",
        "role",
        "currentmodule",
        "module",
        "py:currentmodule",
        "py:module",
        "default-domain",
        "include",
        "tabularcolumns",
        "codeauthor",
        "sectionauthor",
        "target-notes",
        "class",
        "rst-class",
        "cssclass",
    }
)
_TABLES = frozenset({"table", "list-table", "csv-table", "flat-table"})
_KINDS = {
    "list": BlockKind.LIST,
    "definition": BlockKind.LIST,
    "field": BlockKind.LIST,
    "quote": BlockKind.QUOTE,
    "table": BlockKind.TABLE,
    "literal": BlockKind.CODE,
    "doctest": BlockKind.CODE,
    "comment": BlockKind.METADATA,
    "target": BlockKind.METADATA,
    "substitution": BlockKind.METADATA,
    "transition": BlockKind.METADATA,
}
_MERGED = ("list", "definition", "field", "lines", "comment", "target", "substitution")
_REPLACE = re.compile(r"\.\. +\|(?P<name>[^|]+)\| +replace:: *(?P<text>.*)")
_ITEM = re.compile(r"\s*(?:[-+*\u2022\u2023\u2043]|\(?(?:[0-9]+|[a-zA-Z]|#)[.)])\s")
_ROW = re.compile(r" *\* ")
_OPTION = re.compile(r" +:([\w-]+): *(.*)")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument."""
    text = decode(raw.data, raw.ref.path, told_charset(raw))
    body = _Body(text)
    blocks = tuple(body.blocks())
    return Document(text, blocks, document_title(blocks, body.title), raw.media_type, "rst")


class _Body:
    """The lines of a file, both unchanged (for offsets) and as docutils reads them (for structure)."""

    def __init__(self, text: str) -> None:
        base = len(text) - len(text.removeprefix(BOM))
        written = re.sub("[\v\f]", " ", text[base:]).splitlines(keepends=True)
        starts = [base]
        for line in written:
            starts.append(starts[-1] + len(line))
        self.lines = Lines(text, starts)
        self.read = [line.expandtabs(_TAB).rstrip() for line in written]
        self.styles: list[str] = []  # title styles by level, in order of first use
        self.level = 0
        self.title = ""  # of a directive `title`, which stands for the document and not in it

    def blocks(self) -> Iterator[Block]:
        """Yield blocks in order; adjacent items of the same kind form one block."""
        constructs = list(scan(self.read))
        substitutions = dict(self._substitutions(constructs))
        text_seen = False
        for _, group in groupby(constructs, lambda c: c.kind if c.kind in _MERGED else c.first):
            members = list(group)
            if members[0].kind == "field" and not text_seen:
                block = self.lines.block(BlockKind.METADATA, members[0].first, members[-1].end)
            else:
                block = self._block(members, substitutions)
            if block is not None:
                text_seen = text_seen or block.kind is not BlockKind.METADATA
                yield block

    def _substitutions(self, constructs: list[Construct]) -> Iterator[tuple[str, str]]:
        for construct in constructs:
            if construct.kind == "substitution" and (match := _REPLACE.match(self.read[construct.first])):
                rest = " ".join(self.read[construct.first + 1 : construct.end])
                yield match["name"].lower(), " ".join(f"{match['text']} {rest}".split())

    def _block(self, members: list[Construct], substitutions: dict[str, str]) -> Block | None:
        """Return the block of one construct, or of several of one kind."""
        construct, end = members[0], members[-1].end
        if construct.kind == "title":
            return self._heading(construct, substitutions)
        if construct.kind == "directive":
            return self._directive(construct)
        kind = _KINDS.get(construct.kind, BlockKind.PARAGRAPH)
        if kind is BlockKind.TABLE:
            return self._table(construct)
        language = "python" if construct.kind == "doctest" else ""
        breaks: tuple[int, ...] = ()
        if kind is BlockKind.CODE:
            breaks = self.lines.every_line(construct.first, end)
        elif kind is BlockKind.LIST:
            nested = (i for i in range(construct.first, end) if _ITEM.match(self.read[i]))
            breaks = self.lines.breaks(construct.first, end, [*(m.first for m in members), *nested])
        elif kind is not BlockKind.METADATA:
            breaks = self.lines.after_blanks(construct.first, end)
        return self.lines.block(kind, construct.first, end, breaks=breaks, language=language)

    def _heading(self, construct: Construct, substitutions: dict[str, str]) -> Block | None:
        """Return the heading. A style that skips a level is an error in docutils and starts no section."""
        style = construct.argument
        level = self.styles.index(style) + 1 if style in self.styles else len(self.styles) + 1
        title = plain_title(construct.name, substitutions) if len(construct.name) <= MAX_TITLE else ""
        if level > self.level + 1 or not title:
            return self.lines.block(BlockKind.PARAGRAPH, construct.first, construct.end)
        if level > len(self.styles):
            self.styles.append(style)
        self.level = level
        return self.lines.block(BlockKind.HEADING, construct.first, construct.end, level=level, title=title)

    def _directive(self, construct: Construct) -> Block | None:
        """Return the block of a directive."""
        name, first, end = construct.name, construct.first, construct.end
        if name == "title":
            self.title = " ".join([construct.argument, *self.read[first + 1 : end]])
        if name in _SILENT:
            return self.lines.block(BlockKind.METADATA, first, end)
        if name in _TABLES:
            return self._table(construct)
        if name in _CODE:
            words = construct.argument.split() if name not in _PYTHON | {"literalinclude", "prompt"} else []
            language = "python" if name in _PYTHON else words[0].lower() if words else ""
            breaks = self.lines.every_line(first, end)
            return self.lines.block(BlockKind.CODE, first, end, breaks=breaks, language=language)
        kind = BlockKind.CAPTION if name in ("image", "figure") else BlockKind.PARAGRAPH
        return self.lines.block(kind, first, end, breaks=self.lines.after_blanks(first, end))

    def _table(self, construct: Construct) -> Block | None:
        """Return a table with breaks at its rows and the end of its header."""
        first, end = construct.first, construct.end
        if construct.kind == "table":
            rows, header = list(self._rows(first, end)), construct.body
        else:
            rows, header = self._directive_rows(construct)
        breaks = self.lines.breaks(first, end, (row for row in rows if row >= header))
        header_end = self.lines.start(header) if first < header < end else 0
        return self.lines.block(BlockKind.TABLE, first, end, breaks=breaks, header_end=header_end)

    def _rows(self, first: int, end: int) -> Iterator[int]:
        """Yield the first lines of the rows of a grid table or a simple table."""
        indent = len(self.read[first]) - len(self.read[first].lstrip())
        grid = self.read[first][indent : indent + 1] == "+"
        for line in range(first + 1, end - 1):
            above, text = self.read[line - 1][indent:], self.read[line][indent:]
            if (grid and above[:1] == "+") or (not grid and text[:1] not in ("", " ", "=", "-")):
                yield line

    def _directive_rows(self, construct: Construct) -> tuple[list[int], int]:
        """Return the first lines of the rows of a table directive, and the first line below its header, or 0."""
        first, end = construct.first, construct.end
        body = next((i for i in range(first + 1, end) if not self.read[i]), end)
        options = [m for i in range(first + 1, body) if (m := _OPTION.match(self.read[i]))]
        body = next((i for i in range(body, end) if self.read[i]), end)
        if body >= end:
            return [], 0
        if construct.name == "table":
            header = next((i + 1 for i in range(body, end) if _is_rule(self.read[i])), 0)
            return list(self._rows(body, end)), header
        rows = list(range(body, end))
        if construct.name != "csv-table":
            margin = len(self.read[body]) - len(self.read[body].lstrip())
            rows = [i for i in rows if _ROW.match(self.read[i]) and self.read[i][margin : margin + 1] == "*"]
        count = next((m[2] for m in options if m[1] == "header-rows"), "")
        headers = int(count) if count.isdecimal() and len(count) < 4 else 0
        named = any(m[1] == "header" for m in options)  # of a csv-table: the header is in the option
        return rows, rows[headers] if (named or headers) and headers < len(rows) else 0


def _is_rule(line: str) -> bool:
    """Return whether a line is the rule below a grid table's header."""
    return "=" in line and "+" in line and not line.strip().strip("+=")
