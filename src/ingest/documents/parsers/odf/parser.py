"""OpenDocument text, spreadsheet and presentation (ODT, ODS, ODP), from `content.xml`.

Why not `unstructured`: it converts with pandoc, an external program. Why not `odfpy`: its element classes take much
more memory and time than lxml, and offer no structure beyond that of the XML.

Canonical text as for the Office formats: one line per list item and table row; a sheet or slide is a section below a
heading of level 1. Left out: comments, tracked deletions, running headers and footers, macros. A table of contents is
metadata. Text with a style that is not displayed, and hidden rows and sheets, are marked hidden.
"""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._office.ooxml import Package
from ingest.documents.parsers._reading.assembly import MAX_TITLE, Assembly
from ingest.documents.parsers._reading.table_blocks import REPEATED, header_rows, lines
from ingest.documents.parsers._reading.titles import cover_title, document_title
from ingest.documents.parsers.odf.text import (
    DRAW,
    OFFICE,
    PRESENTATION,
    TABLE,
    TEXT,
    OdfStyles,
    outside_notes,
    paragraph_lines,
    repeated,
)
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument, ScannedDocument
from ingest.records import BlockKind, Document, RawDocument

MEDIA_TYPES = (
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
)
VERSION = "2"
LIBRARIES = ("lxml",)

_HIDDEN = ("hidden",)
_SKIPPED = frozenset(
    (TEXT + "tracked-changes", OFFICE + "annotation", OFFICE + "forms", TEXT + "sequence-decls", PRESENTATION + "notes")
)
_KINDS = {"code": BlockKind.CODE, "quote": BlockKind.QUOTE, "caption": BlockKind.CAPTION}
_CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    package, path = Package(raw), raw.ref.path
    if package.has("META-INF/manifest.xml") and b"encryption-data" in package.data("META-INF/manifest.xml"):
        raise EncryptedDocument(f"{path}: protected by a password")
    root = package.xml("content.xml")
    body = root.find(OFFICE + "body")
    if body is None:
        raise MalformedDocument(f"{path}: content.xml: no body in <{root.tag}>")
    styles = OdfStyles([root] + ([package.xml("styles.xml")] if package.has("styles.xml") else []))
    reader = _Reader(raw, styles)
    reader.blocks(body, {})
    named = [block for block in reader.out.blocks if block.title != f"Slide {block.page}"]
    if not named:
        kind = ScannedDocument if any(name.startswith("pictures/") for name in package.names()) else EmptyDocument
        raise kind(f"{path}: {len(raw.data)} bytes of OpenDocument, but no text in it")
    sheets = body.find(OFFICE + "spreadsheet") is not None
    title = document_title(() if sheets else reader.out.blocks, reader.title, package.title())
    return Document(reader.out.text, tuple(reader.out.blocks), title, raw.media_type, "odf")


class _Reader:
    """Walks through a document in order."""

    def __init__(self, raw: RawDocument, styles: OdfStyles) -> None:
        self.out = Assembly(raw)
        self._styles = styles
        self._path, self._limit = raw.ref.path, raw.options.limits.text_characters
        self._slides = 0
        self._titles: list[str] = []  # texts in the style of a title
        self._covers: list[str] = []  # of each slide that is shown, the title if it has a subtitle
        self._code: list[str] = []  # lines of code that may continue

    @property
    def title(self) -> str:
        """The text in the style of a title, or the title of a title slide; "" when there are several: chapters."""
        return self._titles[0] if len(self._titles) == 1 else cover_title(self._covers)

    def blocks(self, parent: Any, fields: dict[str, Any]) -> None:
        """Add the content of a body, section, sheet or frame; `fields` are set on each block: page, marks."""
        for element in parent:
            tag = element.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag in (TEXT + "p", TEXT + "h"):
                self._paragraph(element, fields)
                continue
            self._flush(fields)
            if tag == TEXT + "list":
                self._list(element, fields)
            elif tag == TABLE + "table":
                self._table(element, fields)
            elif tag == DRAW + "page":
                self._slide(element)
            elif tag in (TEXT + "table-of-content", TEXT + "alphabetical-index", TEXT + "illustration-index"):
                texts = [line for each in element.iter(TEXT + "p") for line in paragraph_lines(each)]
                self.out.add(BlockKind.METADATA, texts, **fields)
            else:
                self.blocks(element, fields)
        self._flush(fields)

    def _flush(self, fields: dict[str, Any]) -> None:
        if self._code:
            code, self._code = self._code, []
            self.out.add(BlockKind.CODE, code, **fields)

    def _paragraph(self, element: Any, fields: dict[str, Any]) -> None:
        name = element.get(TEXT + "style-name")
        role = self._styles.role(name)
        texts = paragraph_lines(element, hidden=self._styles.hidden, keep_spaces=role == "code")
        level = element.get(TEXT + "outline-level") or "1"
        title = " ".join(texts)
        marks = {"marks": _HIDDEN} if self._styles.is_hidden(name) else {}
        if role == "code" and texts:
            self._code += texts
        else:
            self._flush(fields)
            if (element.tag == TEXT + "h" or role == "title") and len(title) <= MAX_TITLE:
                self._titles += [title] if role == "title" and not marks else []
                self.out.heading(
                    title,
                    int(level) if level.isdecimal() and len(level) < 3 and int(level) else 1,
                    **{**fields, **marks},
                )
            else:
                self.out.add(_KINDS.get(role, BlockKind.PARAGRAPH), texts, **{**fields, **marks})
        self._attached(element, fields)

    def _attached(self, element: Any, fields: dict[str, Any]) -> None:
        """Add what is attached to a paragraph: hidden runs, notes, text boxes."""
        unseen = paragraph_lines(element, hidden=self._styles.hidden, only_hidden=True)
        notes = list(outside_notes(element, TEXT + "note"))
        boxes = list(outside_notes(element, DRAW + "text-box"))
        if unseen or notes or boxes:
            self._flush(fields)
        if not self._styles.is_hidden(element.get(TEXT + "style-name")):
            self.out.add(BlockKind.PARAGRAPH, unseen, **{**fields, "marks": _HIDDEN})
        for note in notes:
            mark = " ".join((note.findtext(TEXT + "note-citation") or "").split())
            texts = [line for p in note.iterfind(f"{TEXT}note-body//{TEXT}p") for line in paragraph_lines(p)]
            if texts:
                self.out.add(BlockKind.PARAGRAPH, [f"[{mark}] {texts[0]}", *texts[1:]], **fields)
        for box in boxes:
            self.blocks(box, fields)

    def _list(self, element: Any, fields: dict[str, Any]) -> None:
        """Add a list, unless it is the numbering of headings."""
        heads = list(element.iter(TEXT + "h"))
        if heads:
            for item in element:
                self.blocks(item, fields)
            return
        items = [item for item in self._items(element, 0, self._styles.is_numbered(element.get(TEXT + "style-name")))]
        breaks, at = [], 0
        for item in items:
            breaks.append(at)
            at += len(item) + 1
        self.out.add(BlockKind.LIST, "\n".join(items).split("\n"), breaks=breaks[1:], **fields)
        for paragraph in element.iter(TEXT + "p"):
            self._attached(paragraph, fields)

    def _items(self, element: Any, depth: int, numbered: bool) -> Iterator[str]:
        number = 0
        for item in element:
            if item.tag not in (TEXT + "list-item", TEXT + "list-header"):
                continue
            number += 1
            parts = [part for part in item if part.tag == TEXT + "p"]
            texts = [line for part in parts for line in paragraph_lines(part, hidden=self._styles.hidden)]
            indent = "  " * depth
            if texts:
                label = f"{number}." if numbered else "-"
                yield f"\n{indent}  ".join([f"{indent}{label} {texts[0]}", *texts[1:]])
            for part in item:
                if part.tag == TEXT + "list":
                    yield from self._items(part, depth + 1, numbered)

    def _slide(self, element: Any) -> None:
        """Add a slide: its title, its content, its notes."""
        self._slides += 1
        fields: dict[str, Any] = {"page": self._slides}
        if self._styles.is_invisible(element.get(DRAW + "style-name")):
            fields["marks"] = _HIDDEN
        frames = [frame for frame in element if frame.get(PRESENTATION + "class") == "title"]
        title = " ".join(line for frame in frames[:1] for p in frame.iter(TEXT + "p") for line in paragraph_lines(p))
        self.out.heading(title or f"Slide {self._slides}", 1, **fields)
        if "marks" not in fields:
            subtitled = any(frame.get(PRESENTATION + "class") == "subtitle" for frame in element)
            self._covers.append(title if subtitled else "")
        for frame in element:
            if not (title and frame in frames[:1]) and frame.tag != PRESENTATION + "notes":
                self.blocks([frame], fields)
        for notes in element.iterfind(PRESENTATION + "notes"):
            texts = [text for p in notes.iter(TEXT + "p") if (text := paragraph_lines(p))]
            if texts:
                self.out.heading("Notes", 2, **fields)
            for text in texts:
                self.out.add(BlockKind.PARAGRAPH, text, **fields)

    def _table(self, element: Any, fields: dict[str, Any]) -> None:
        """Add a table, or a sheet as a section; hidden rows come after the visible ones."""
        if element.getparent().tag == OFFICE + "spreadsheet":
            if self._styles.is_invisible(element.get(TABLE + "style-name")):
                fields = {**fields, "marks": _HIDDEN}
            if any(paragraph_lines(p) for p in element.iter(TEXT + "p")):
                self.out.heading(element.get(TABLE + "name") or "", 1, **fields)
        bands: list[list[list[str]]] = [[]]
        unseen: list[list[str]] = []
        for row, hidden in _rows(element, self._path, self._limit):
            if hidden:
                unseen.append(row)
            elif any(row):
                bands[-1].append(row)
            elif bands[-1]:
                bands.append([])
        marked = sum(1 for _ in element.iterfind(f"{TABLE}table-header-rows/{TABLE}table-row"))
        for band in bands:
            if len(band) == 1 and sum(map(bool, band[0])) == 1:
                self.out.add(BlockKind.PARAGRAPH, [next(filter(None, band[0]))], **fields)
                continue
            headers = marked if 0 < marked < len(band) else header_rows(band)
            self.out.add(BlockKind.TABLE, lines(band, self._path, self._limit), headers, **fields)
        self.out.add(BlockKind.TABLE, lines(unseen, self._path, self._limit), **{**fields, "marks": _HIDDEN})


def _rows(table: Any, path: str, limit: int) -> Iterator[tuple[list[str], bool]]:
    """Yield each row's cells and whether it is hidden; a short text of merged cells is repeated in each."""
    for row in table.iter(TABLE + "table-row"):
        if next(row.iterancestors(TABLE + "table")) is not table:
            continue  # of a nested table, whose text is part of its cell
        cells: list[str] = []
        for cell in row:
            cells += _cells(cell, path, limit) if cell.tag in _CELLS else []
            if len(cells) > 2 * _COLUMNS:
                raise OversizedDocument(f"{path}: a row of more than {_COLUMNS} cells")
        while cells and not cells[-1]:
            cells.pop()
        times = repeated(row, TABLE + "number-rows-repeated") if any(cells) else 1
        if sum(map(len, cells)) * times > limit:
            raise OversizedDocument(f"{path}: a row {times} times: over the limit of {limit} characters")
        for _ in range(times):
            yield cells, row.get(TABLE + "visibility") in ("collapse", "filter")


def _cells(cell: Any, path: str, limit: int) -> list[str]:
    """Return the texts of the columns that one cell repeats over or covers."""
    text = " ".join(line for p in cell.iter(TEXT + "p", TEXT + "h") for line in paragraph_lines(p))
    if cell.tag == _CELLS[1] and not text:
        return []  # counted with the cell that covers it
    times = min(repeated(cell, TABLE + "number-columns-repeated"), _COLUMNS)
    spans = min(repeated(cell, TABLE + "number-columns-spanned"), _COLUMNS)
    if len(text) * times > limit:
        raise OversizedDocument(f"{path}: a cell of {len(text)} characters, {times} times")
    return [text] * times + [text if len(text) <= REPEATED else ""] * (spans - 1)


_COLUMNS = 16384  # of the format
