"""OpenDocument text, spreadsheet and presentation (ODT, ODS, ODP), from `content.xml` or one flat XML file.

Why not `unstructured`: it converts with pandoc, an external program. Why not `odfpy`: its element classes take much
more memory and time than lxml, and offer no structure beyond that of the XML.

Canonical text as for the Office formats: one line per list item and table row; a sheet or slide is a section below a
heading of level 1. Cells are as the file shows them; one that no program has shown yet has its value, or its formula.
Comments follow their paragraph, table or slide. Left out: tracked deletions, running headers and footers, macros. A
table of contents is metadata. Text with a style that is not displayed, and hidden rows and sheets, are marked hidden.
"""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._reading.assembly import MAX_TITLE, Assembly
from ingest.documents.parsers._reading.comments import MARK, Comment, comment_lines
from ingest.documents.parsers._reading.table_blocks import header_rows, lines
from ingest.documents.parsers._reading.titles import cover_title, document_title, stated_title
from ingest.documents.parsers.odf.controls import control_texts
from ingest.documents.parsers.odf.flat import opened
from ingest.documents.parsers.odf.frames import frames_in_order
from ingest.documents.parsers.odf.list_marks import ListMarks, stated_number
from ingest.documents.parsers.odf.table_rows import TableRow, table_rows
from ingest.documents.parsers.odf.text import (
    ANNOTATIONS,
    DRAW,
    OFFICE,
    PRESENTATION,
    TABLE,
    TEXT,
    OdfStyles,
    comment_of,
    outside_notes,
    paragraph_lines,
)
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, ScannedDocument
from ingest.records import BlockKind, Document, RawDocument

_HIDDEN = ("hidden",)
_SKIPPED = frozenset(
    (TEXT + "tracked-changes", *ANNOTATIONS, OFFICE + "forms", TEXT + "sequence-decls", PRESENTATION + "notes")
)
_PARAGRAPHS = (TEXT + "p", TEXT + "h")
_LIST, _TABLE, _GROUP, _PAGE, _CONTROL = TEXT + "list", TABLE + "table", DRAW + "g", DRAW + "page", DRAW + "control"
_INDEXES = (TEXT + "table-of-content", TEXT + "alphabetical-index", TEXT + "illustration-index")
_ATTACHED = (TEXT + "note", DRAW + "text-box", ANNOTATIONS[0])
_RUNNING = ("page-number", "header", "footer", "date-time")
_KINDS = {"code": BlockKind.CODE, "quote": BlockKind.QUOTE, "caption": BlockKind.CAPTION}


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    package, path = opened(raw), raw.ref.path
    if package.has("META-INF/manifest.xml") and b"encryption-data" in package.data("META-INF/manifest.xml"):
        raise EncryptedDocument(f"{path}: protected by a password")
    root = package.xml("content.xml")
    body = root.find(OFFICE + "body")
    if body is None:
        raise MalformedDocument(f"{path}: content.xml: no body in <{root.tag}>")
    styles = OdfStyles([root] + ([package.xml("styles.xml")] if package.has("styles.xml") else []))
    styles.controls = control_texts(root)
    reader = _Reader(raw, styles)
    reader.blocks(body, {})
    named = [block for block in reader.out.blocks if block.title != f"Slide {block.page}"]
    if not named:
        kind = ScannedDocument if any(name.startswith("pictures/") for name in package.names()) else EmptyDocument
        raise kind(f"{path}: {len(raw.data)} bytes of OpenDocument, but no text in it")
    sheets = body.find(OFFICE + "spreadsheet") is not None
    title = document_title(() if sheets else reader.out.blocks, reader.title) or stated_title(package.title())
    return Document(reader.out.text, tuple(reader.out.blocks), title, raw.media_type, "odf")


class _Reader:
    """Walks through a document in order."""

    def __init__(self, raw: RawDocument, styles: OdfStyles) -> None:
        self.out = Assembly(raw)
        self._styles, self._with_comments = styles, raw.options.comments == "keep"
        self._path, self._limit = raw.ref.path, raw.options.limits.text_characters
        self._marks = ListMarks(styles)
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
            if tag in _PARAGRAPHS:
                self._paragraph(element, fields)
                continue
            self._flush(fields)
            if tag == _LIST:
                self._list(element, fields)
            elif tag == _TABLE:
                self._table(element, fields)
            elif tag == _GROUP:
                self.blocks(frames_in_order(list(element)), fields)
            elif tag == _PAGE:
                self._slide(element)
            elif tag == _CONTROL:
                shown = self._styles.controls.get(element.get(DRAW + "control") or "", "")
                self.out.add(BlockKind.PARAGRAPH, [shown], **fields)
            elif tag in _INDEXES:
                texts = [line for each in element.iter(TEXT + "p") for line in paragraph_lines(each, self._styles)]
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
        texts = paragraph_lines(element, self._styles, hides=True, keep_spaces=role == "code")
        level = element.get(TEXT + "outline-level") or "1"
        title = " ".join(texts)
        marks = {"marks": _HIDDEN} if self._styles.is_hidden(name) else {}
        if role == "code" and (texts or self._code):
            self._code += texts or [""]
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
        """Add what is attached to a paragraph: hidden runs, notes, comments, text boxes."""
        unseen = paragraph_lines(element, self._styles, only_hidden=True)
        if not unseen and next(element.iter(*_ATTACHED), None) is None:
            return
        notes = list(outside_notes(element, TEXT + "note"))
        boxes = list(outside_notes(element, DRAW + "text-box"))
        annotations = list(outside_notes(element, ANNOTATIONS[0]))
        if unseen or notes or boxes or annotations:
            self._flush(fields)
        if not self._styles.is_hidden(element.get(TEXT + "style-name")):
            self.out.add(BlockKind.PARAGRAPH, unseen, **{**fields, "marks": _HIDDEN})
        for note in notes:
            mark = " ".join((note.findtext(TEXT + "note-citation") or "").split())
            texts = [
                line for p in note.iterfind(f"{TEXT}note-body//{TEXT}p") for line in paragraph_lines(p, self._styles)
            ]
            if texts:
                self.out.add(BlockKind.PARAGRAPH, [f"[{mark}] {texts[0]}", *texts[1:]], **fields)
        self._comments([comment_of(each, self._styles) for each in annotations], fields)
        for box in boxes:
            self.blocks(box, fields)

    def _comments(self, comments: list[Comment], fields: dict[str, Any]) -> None:
        for comment in comments if self._with_comments else ():
            marks = (*fields.get("marks", ()), MARK)
            self.out.add(BlockKind.PARAGRAPH, comment_lines(comment), **{**fields, "marks": marks})

    def _list(self, element: Any, fields: dict[str, Any]) -> None:
        """Add a list, unless it is the numbering of headings."""
        heads = list(element.iter(TEXT + "h"))
        if heads:
            for item in element:
                self.blocks(item, fields)
            return
        items = list(self._items(element, "", ()))
        breaks, at = [], 0
        for item in items:
            breaks.append(at)
            at += len(item) + 1
        self.out.add(BlockKind.LIST, "\n".join(items).split("\n"), breaks=breaks[1:], **fields)
        for paragraph in element.iter(TEXT + "p"):
            self._attached(paragraph, fields)

    def _items(self, element: Any, name: str, above: tuple[int, ...]) -> Iterator[str]:
        """Yield the items of a list; `name` is the style of the list around it, `above` the numbers around it."""
        name, depth = element.get(TEXT + "style-name") or name, len(above)
        number = self._marks.before_first(element, name, depth)
        for item in element:
            if item.tag not in (TEXT + "list-item", TEXT + "list-header"):
                continue
            parts = [part for part in item if part.tag == TEXT + "p"]
            counts = item.tag == TEXT + "list-item" and (bool(parts) or not len(item))
            number = stated_number(item, number + counts)
            texts = [line for part in parts for line in paragraph_lines(part, self._styles, hides=True)]
            indent = "  " * depth
            if texts:
                label = f"{self._marks.mark(name, (*above, number))} " if counts else "  "
                yield f"\n{indent}  ".join([f"{indent}{label}{texts[0]}", *texts[1:]])
            for part in item:
                if part.tag == TEXT + "list":
                    yield from self._items(part, name, (*above, number))
        self._marks.end(element, name, depth, number)

    def _slide(self, element: Any) -> None:
        """Add a slide: its title, its content, its notes."""
        self._slides += 1
        fields: dict[str, Any] = {"page": self._slides}
        if self._styles.is_invisible(element.get(DRAW + "style-name")):
            fields["marks"] = _HIDDEN
        frames = [frame for frame in element if frame.get(PRESENTATION + "class") == "title"]
        named = (paragraph_lines(p, self._styles) for frame in frames[:1] for p in frame.iter(TEXT + "p"))
        title = " ".join(line for found in named for line in found)
        self.out.heading(title or f"Slide {self._slides}", 1, **fields)
        if "marks" not in fields:
            subtitled = any(frame.get(PRESENTATION + "class") == "subtitle" for frame in element)
            self._covers.append(title if subtitled else "")
        apart = frames[:1] if title else []
        others = [each for each in element if not _is_running(each) and each not in apart]
        for frame in frames_in_order(others):
            self.blocks([frame], fields)
        found = [comment_of(each, self._styles) for each in element if each.tag in ANNOTATIONS]
        self._comments(found, fields)
        for notes in element.iterfind(PRESENTATION + "notes"):
            shown = (p for frame in notes if not _is_running(frame) for p in frame.iter(TEXT + "p"))
            texts = [text for p in shown if (text := paragraph_lines(p, self._styles))]
            if texts:
                self.out.heading("Notes", 2, **fields)
            for text in texts:
                self.out.add(BlockKind.PARAGRAPH, text, **fields)

    def _table(self, element: Any, fields: dict[str, Any]) -> None:
        """Add a table, or a sheet as a section; hidden rows come after the visible ones, then comments on cells."""
        is_sheet = element.getparent().tag == OFFICE + "spreadsheet"
        if is_sheet and self._styles.is_invisible(element.get(TABLE + "style-name")):
            fields = {**fields, "marks": _HIDDEN}
        bands: list[list[TableRow]] = [[]]
        unseen: list[list[str]] = []
        comments: list[Comment] = []
        for row in table_rows(element, self._styles, self._path, self._limit):
            comments += row.comments if is_sheet else [comment._replace(place="") for comment in row.comments]
            if row.hidden:
                unseen.append(row.cells)
            elif any(row.cells):
                bands[-1].append(row)
            elif bands[-1]:
                bands.append([])
        if is_sheet and (unseen or any(bands) or comments):
            self.out.heading(element.get(TABLE + "name") or "", 1, **fields)
        marked = sum(1 for _ in element.iterfind(f"{TABLE}table-header-rows/{TABLE}table-row"))
        for band in bands:
            if len(band) == 1 and sum(map(bool, band[0].cells)) == 1:
                self.out.add(BlockKind.PARAGRAPH, [next(filter(None, band[0].cells))], **fields)
                continue
            headers = marked if 0 < marked < len(band) else header_rows([row.figures for row in band])
            rows = (row.cells for row in band)
            self.out.add(BlockKind.TABLE, lines(rows, self._path, self._limit), headers, **fields)
        self.out.add(BlockKind.TABLE, lines(unseen, self._path, self._limit), **{**fields, "marks": _HIDDEN})
        self._comments(comments, fields)


def _is_running(frame: Any) -> bool:
    """Return whether a member of a slide is its notes, or has what each slide shows: a number, a date, a footer."""
    return frame.tag == PRESENTATION + "notes" or frame.get(PRESENTATION + "class") in _RUNNING
