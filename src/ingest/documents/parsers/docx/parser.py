"""DOCX: headings, lists, tables, code, quotes, captions, notes, text boxes, equations, charts, from the XML.

Why not `unstructured`: its partitioner guesses headings from the wording of unstyled paragraphs and drops outline
levels, numbering, notes and text boxes. Why not `python-docx`: see `_office/ooxml.py`.

Canonical text: one block per paragraph, one line per list item and table row. Kept: insertions; labels of automatic
numbering; notes and comments, after the paragraph that refers to them; alternative texts of pictures. A short value of
merged cells is repeated in each. Left out: deletions, running headers and footers, macros, field codes. A table of
contents is metadata. Hidden: text formatted as hidden, white on white, or at most 1.5 points high. Embedded Office
documents are children; OLE objects, which only their own program can read, are not.
"""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._office.drawings import figures
from ingest.documents.parsers._office.ooxml import Package, R, W, keep_one_alternative
from ingest.documents.parsers._reading.assembly import MAX_TITLE, Assembly
from ingest.documents.parsers._reading.comments import MARK, Comment, comment_lines
from ingest.documents.parsers._reading.table_blocks import header_rows, lines
from ingest.documents.parsers._reading.titles import document_title, stated_title
from ingest.documents.parsers.docx.numbering import Numbering
from ingest.documents.parsers.docx.styles import Style, Styles, flag, is_shaded, numbering_of, outline_level, value
from ingest.documents.parsers.docx.table import rows
from ingest.documents.parsers.docx.text import Paragraph, Texts
from ingest.documents.parsers.docx.threads import DocxComments
from ingest.errors import EmptyDocument, MalformedDocument, ScannedDocument
from ingest.records import BlockKind, Child, Document, RawDocument

_HIDDEN = ("hidden",)
_COMMENTS = ("comments", "commentsExtended")
_SKIPPED = frozenset(W + name for name in ("del", "moveFrom", "sectPr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid"))
_CODE_SIGNS = frozenset("{}();=<>[]$#/\\_|&*+")
_KINDS = {
    "code": BlockKind.CODE,
    "quote": BlockKind.QUOTE,
    "caption": BlockKind.CAPTION,
    "contents": BlockKind.METADATA,
}


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    package = Package(raw)
    main = package.main("word/document.xml")
    root = package.xml(main)
    body = root.find(W + "body")
    if body is None:
        raise MalformedDocument(f"{raw.ref.path}: {main}: no body in <{root.tag}>")
    reader = _Reader(raw, package, main, root)
    reader.blocks(body, True)
    reader.flush()
    children = (*package.children(main), *reader.children)
    if not reader.out.blocks and not children:
        kind = ScannedDocument if any("/media/" in name for name in package.names()) else EmptyDocument
        raise kind(f"{raw.ref.path}: {len(raw.data)} bytes of DOCX, but no text in it")
    title = document_title(reader.out.blocks, reader.title) or stated_title(package.title())
    return Document(reader.out.text, tuple(reader.out.blocks), title, raw.media_type, "docx", children=children)


class _Reader:
    """Walks through a document in order; lists and code are collected until something else follows."""

    def __init__(self, raw: RawDocument, package: Package, main: str, root: Any) -> None:
        self.out = Assembly(raw)
        self._titles: list[str] = []  # texts in the style of a title
        self.children: list[Child] = []
        self._package, self._main = package, main
        self._path, self._limit = raw.ref.path, raw.options.limits.text_characters
        keep_one_alternative(root)
        self._styles = Styles(self._part("styles"), lambda: self._part("theme"))
        self._numbering = Numbering.read(self._part("numbering"))
        self._texts = Texts(self._styles, root.find(W + "background") is None, self._is_hyphenated)
        self._notes: dict[str, dict[str, Any]] = {}
        kept = raw.options.comments == "keep"
        self._comments = DocxComments(*(self._part(kind) if kept else None for kind in _COMMENTS))
        self._pending: tuple[BlockKind, list[str]] | None = None  # a list or code that may continue
        self._behind: list[tuple[BlockKind, list[str], dict[str, Any]]] = []
        self._joined: list[Any] = []  # paragraphs that the next one continues

    @property
    def title(self) -> str:
        """The text in the style of a title, "" when several paragraphs have it: they are chapters."""
        return self._titles[0] if len(self._titles) == 1 else ""

    def _part(self, kind: str) -> Any:
        parts = self._package.related(self._main, kind)
        return self._package.xml(parts[0]) if parts else None

    def _is_hyphenated(self) -> bool:
        settings = self._part("settings")
        setting = None if settings is None else settings.find(W + "autoHyphenation")
        return setting is not None and flag(setting.get(W + "val"), True)

    def blocks(self, parent: Any, on_white: bool) -> None:
        """Add the content of a body, cell, text box, note or content control."""
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag == W + "p":
                self._paragraph(element, on_white)
            elif tag == W + "tbl":
                self._table(element, on_white)
            elif tag == W + "altChunk":
                relation = self._package.relations(self._main).get(element.get(R + "id") or "")
                if relation:
                    self.children.append(Child(relation.target, self._package.data(relation.target)))
            else:
                self.blocks(element, on_white)

    def flush(self) -> None:
        """Add the collected list or code, and what belongs after it."""
        if self._pending is not None:
            kind, items = self._pending
            self._pending = None
            while not items[-1]:
                items.pop()
            self._items(kind, items)
        behind, self._behind = self._behind, []
        for kind, texts, fields in behind:
            self.out.add(kind, texts, **fields)

    def _items(self, kind: BlockKind, items: list[str], **fields: Any) -> None:
        """Add a list or code; an item may have several lines, and breaks are only between items."""
        breaks, at = [], 0
        for item in items:
            breaks.append(at)
            at += len(item) + 1
        self.out.add(kind, "\n".join(items).split("\n"), breaks=breaks[1:], **fields)

    def _paragraph(self, element: Any, on_white: bool) -> None:
        properties = element.find(W + "pPr")
        after = element.getnext()
        goes_on = after is not None and after.tag == W + "p"
        if goes_on and properties is not None and _is_begun(properties):
            self._joined.append(element)
            return
        style = self._styles.paragraph(value(properties.find(W + "pStyle")) if properties is not None else None)
        joined, self._joined = self._joined, []
        found = self._texts.read(element, style, on_white)
        for part in reversed(joined):
            before = self._texts.read(part, style, on_white)
            found.text, found.hidden = before.text + found.text, before.hidden + found.hidden
            found.notes, found.comments = before.notes + found.notes, before.comments + found.comments
        if found.text.strip():
            self._place(found.text, found, style, properties)
        elif self._pending is not None and self._pending[0] is BlockKind.CODE:
            self._pending[1].append("")  # a blank line, if code goes on
        if found.hidden.strip():
            self._behind.append((BlockKind.PARAGRAPH, _lines(found.hidden), {"marks": _HIDDEN}))
        self._attached(found)

    def _place(self, text: str, found: Paragraph, style: Style, properties: Any) -> None:
        """Add a paragraph as the kind that its style, outline level or numbering determines."""
        own = outline_level(properties)
        level = own or style.level
        level = 0 if level > 9 or style.role in ("contents", "caption", "code") else level
        numbering = numbering_of(properties)
        key, depth = _effective(numbering, style)
        label = self._numbering.label(key, depth) if key else ""
        if level and len(text) <= MAX_TITLE:
            self.flush()
            title = text if label in ("", "-") else f"{label} {text}"
            self.out.heading(title, level)
            self._titles += [" ".join(text.split())] if style.role == "title" else []
        elif style.role == "code" or (found.monospaced and not key and self._like_code(text)):
            self._collect(BlockKind.CODE, text.strip("\n"))
        elif key:
            inner = [line for line in _lines(text) if line]
            indent = "  " * depth
            self._collect(BlockKind.LIST, f"\n{indent}  ".join([f"{indent}{label} {inner[0]}".rstrip(), *inner[1:]]))
        else:
            self.flush()
            self.out.add(_KINDS.get(style.role, BlockKind.PARAGRAPH), _lines(text))

    def _like_code(self, text: str) -> bool:
        """Return whether a monospaced paragraph is code: it has signs that prose lacks, or follows code."""
        return bool(_CODE_SIGNS & set(text)) or (self._pending is not None and self._pending[0] is BlockKind.CODE)

    def _collect(self, kind: BlockKind, item: str) -> None:
        if self._pending is None or self._pending[0] is not kind:
            self.flush()
            self._pending = (kind, [])
        assert self._pending is not None
        self._pending[1].append(item)

    def _attached(self, found: Paragraph) -> None:
        """Keep notes for after the block; add text boxes, figures and pictures now."""
        for kind, key, mark in found.notes:
            note, place = self._note(kind, key), len(self._behind)
            texts = [line for p in note.iter(W + "p") for line in self._note_lines(p)] if note is not None else []
            if texts:
                texts[0] = f"{mark} {texts[0]}".strip()
                self._behind.insert(place, (BlockKind.PARAGRAPH, texts, {}))
        self._commented(found.comments)
        for text in found.pictures:
            self._behind.append((BlockKind.CAPTION, [text], {}))
        for element in found.figures:
            self._behind += [
                (kind, texts, {"header_lines": named})
                for kind, texts, named in figures(self._package, self._main, element)
            ]
        for box in found.boxes:
            self.flush()
            self.blocks(box, False)
        if self._behind and self._pending is None:
            self.flush()

    def _commented(self, keys: list[str]) -> None:
        """Keep comments for after the block."""
        for key in keys:
            for element, resolved in self._comments.take(key):
                texts = [line for p in element.iter(W + "p") for line in self._note_lines(p, False)]
                found = comment_lines(Comment(element.get(W + "author") or "", texts, resolved))
                self._behind += [(BlockKind.PARAGRAPH, found, {"marks": (MARK,)})] if found else []

    def _note(self, kind: str, key: str) -> Any:
        if kind not in self._notes:
            root = self._part(kind + "s")
            self._notes[kind] = {} if root is None else {note.get(W + "id"): note for note in root}
        return self._notes[kind].pop(key, None)

    def _note_lines(self, paragraph: Any, with_comments: bool = True) -> list[str]:
        properties = paragraph.find(W + "pPr")
        style = self._styles.paragraph(value(properties.find(W + "pStyle")) if properties is not None else None)
        found = self._texts.read(paragraph, style, True)
        if found.hidden.strip():
            self._behind.append((BlockKind.PARAGRAPH, _lines(found.hidden), {"marks": _HIDDEN}))
        self._commented(found.comments if with_comments else [])
        return [line for line in _lines(found.text) if line]

    def _table(self, element: Any, on_white: bool) -> None:
        """Add a table; a single cell is a frame around text."""
        self.flush()
        properties = element.find(W + "tblPr")
        style = self._styles.get(value(properties.find(W + "tblStyle")) if properties is not None else None)
        on_white = on_white and not style.shaded and not is_shaded(properties)
        cells = element.findall(f"{W}tr/{W}tc")
        if len(cells) == 1 and len(list(element.iter(W + "tc"))) == 1:
            self.blocks(cells[0], on_white and not is_shaded(cells[0].find(W + "tcPr")))
            return
        found, marked = rows(element, lambda cell, white: " ".join(self._cell(cell, white)), on_white)
        headers = marked or header_rows(found)
        self.out.add(BlockKind.TABLE, lines(found, self._path, self._limit), headers)
        self.flush()

    def _cell(self, cell: Any, on_white: bool) -> Iterator[str]:
        """Yield the visible texts in a cell, nested tables and text boxes included."""
        for element in cell:
            tag = element.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag != W + "p":
                yield from self._cell(element, on_white)
                continue
            properties = element.find(W + "pPr")
            style = self._styles.paragraph(value(properties.find(W + "pStyle")) if properties is not None else None)
            found = self._texts.read(element, style, on_white)
            key, depth = _effective(numbering_of(properties), style)
            label = self._numbering.label(key, depth) if key and found.text.strip() else ""
            yield f"{label} {found.text}".strip()
            if found.hidden.strip():
                self._behind.append((BlockKind.PARAGRAPH, _lines(found.hidden), {"marks": _HIDDEN}))
            for box in found.boxes:
                yield from self._cell(box, False)
            found.boxes = []
            pending, self._pending = self._pending, (BlockKind.LIST, [])  # what is attached waits for the table
            self._attached(found)
            self._pending = pending


def _effective(own: tuple[str, int] | None, style: Style) -> tuple[str, int]:
    """Return numId and level of a paragraph; numId is "" when it is not in a list."""
    if own is None:
        key, depth = style.numbering or ("", 0)
    else:
        key, depth = own[0] or (style.numbering or ("", 0))[0], own[1]
    return ("", 0) if key == "0" else (key, depth)


def _lines(text: str) -> list[str]:
    """Return the lines of a paragraph, white space collapsed."""
    return [" ".join(line.split()) for line in text.strip().split("\n")]


def _is_begun(properties: Any) -> bool:
    """Return whether the next paragraph continues one: its end mark is deleted, or it is a large initial."""
    frame = properties.find(W + "framePr")
    initial = frame is not None and (frame.get(W + "dropCap") or "none") != "none"
    return initial or properties.find(f"{W}rPr/{W}del") is not None
