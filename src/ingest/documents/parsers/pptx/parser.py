"""PPTX: slides are sections, in the order shown; tables, charts, diagrams, notes and comments are kept.

Why not `unstructured`: it loses which text belongs to which slide title, and also list levels, charts, diagrams and
hidden slides. Why not `python-pptx`: see `_office/ooxml.py`.

Canonical text per slide: a heading of level 1 (its title, else "Slide n"), then its shapes in stored order, which is
the order that screen readers use, unless their places plainly contradict it; then comments, then the notes below a
heading "Notes" of level 2. The page is the slide's number. Slides and shapes that are not shown are marked hidden. Left
out: footers, slide numbers.
"""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._office.drawings import figures, paragraph
from ingest.documents.parsers._office.ooxml import A, P, Package, R, keep_one_alternative
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.comments import MARK, Comment, comment_lines
from ingest.documents.parsers._reading.table_blocks import REPEATED, header_rows, lines
from ingest.documents.parsers._reading.titles import cover_title, document_title, stated_title
from ingest.documents.parsers.pptx.shapes import (
    RUNNING,
    TITLES,
    SlideLayouts,
    SlideShape,
    all_shapes,
    bullets,
    has_bullets,
    ordered_shapes,
    placeholder_kind,
    read_shapes,
)
from ingest.documents.parsers.pptx.slide_comments import read_authors, slide_comments
from ingest.errors import EmptyDocument, ScannedDocument
from ingest.records import BlockKind, Child, Document, RawDocument

_LISTED = ("body", "obj", "")  # placeholders whose text has bullets by default; "" is a content placeholder
_WIDEST = 1000  # columns that one cell may span


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    package = Package(raw)
    main = package.main("ppt/presentation.xml")
    relations, out = package.relations(main), Assembly(raw)
    children: list[Child] = []
    covers: list[str] = []
    authors = read_authors(package, main) if raw.options.comments == "keep" else None
    layouts = SlideLayouts(package)
    places = package.xml(main).iterfind(f"{P}sldIdLst/{P}sldId")
    for number, place in enumerate(places, 1):
        relation = relations.get(place.get(R + "id") or "")
        if relation is not None:
            slide = _Slide(package, relation.target, number, out, layouts)
            slide.add_shapes()
            if authors is not None:
                slide.add_comments(slide_comments(package, relation.target, authors))
            slide.add_notes()
            covers += slide.covers
            children += package.children(relation.target)
    if not any(block.kind is not BlockKind.HEADING or block.title != f"Slide {block.page}" for block in out.blocks):
        kind = ScannedDocument if any("/media/" in name for name in package.names()) else EmptyDocument
        raise kind(f"{raw.ref.path}: {len(raw.data)} bytes of PPTX, but no text on its slides")
    unique = {child.path: child for child in children}
    return Document(
        out.text,
        tuple(out.blocks),
        document_title(out.blocks, cover_title(covers)) or stated_title(package.title()),
        raw.media_type,
        "pptx",
        children=tuple(unique.values()),
    )


class _Slide:
    """Adds one slide to the document."""

    def __init__(self, package: Package, part: str, number: int, out: Assembly, layouts: SlideLayouts) -> None:
        self._package, self._part, self._number, self._out = package, part, number, out
        self._root = package.xml(part)
        keep_one_alternative(self._root)
        self._hidden = self._root.get("show") in ("0", "false")
        self._layouts, self._limit = layouts, out.limits.text_characters
        self.covers: list[str] = []  # of a slide that is shown: its title if it is a title slide, else ""

    def add_shapes(self) -> None:
        """Add the title and the other shapes."""
        tree = self._root.find(f"{P}cSld/{P}spTree")
        shapes = [] if tree is None else read_shapes(tree)
        titles = ((each, _text(each.element)) for each in all_shapes(shapes) if each.kind in TITLES and not each.hidden)
        title, text = next(((shape, text) for shape, text in titles if text), (None, ""))
        self._out.heading(text or f"Slide {self._number}", 1, **self._fields(False))
        if not self._hidden:
            self.covers.append(text if title is not None and title.kind == TITLES[1] else "")
        for shape in () if tree is None else ordered_shapes(tree, shapes, title, self._layouts, self._part):
            if shape.kind not in RUNNING:
                self._shape(shape, self._fields(shape.hidden))

    def add_comments(self, comments: list[Comment]) -> None:
        """Add what people wrote about the slide."""
        fields = self._fields(False)
        for comment in comments:
            self._out.add(BlockKind.PARAGRAPH, comment_lines(comment), **{**fields, "marks": (*fields["marks"], MARK)})

    def _fields(self, hidden: bool) -> dict[str, Any]:
        return {"page": self._number, "marks": ("hidden",) if hidden or self._hidden else ()}

    def _shape(self, shape: SlideShape, fields: dict[str, Any]) -> None:
        element = shape.element
        body = element.find(P + "txBody")
        if body is not None:
            self._body(shape, body, fields)
        for table in element.iterfind(f"{A}graphic/{A}graphicData/{A}tbl"):
            rows = list(_rows(table))
            properties = table.find(A + "tblPr")
            named = properties is not None and properties.get("firstRow") in ("1", "true") and len(rows) > 1
            headers = header_rows(rows) or int(named)
            self._out.add(BlockKind.TABLE, lines(rows, self._out.path, self._limit), headers, **fields)
        for kind, texts, headers in figures(self._package, self._part, element):
            self._out.add(kind, texts, headers, **fields)
        picture = element.find(f"{P}nvPicPr/{P}cNvPr")
        text = "" if picture is None else " ".join((picture.get("descr") or "").split())
        if " " in text:  # not a file name
            self._out.add(BlockKind.CAPTION, [text], **fields)

    def _body(self, shape: SlideShape, body: Any, fields: dict[str, Any]) -> None:
        """Add the paragraphs of a shape; adjacent ones with bullets form one list."""
        holder = next(self._layouts.inherited(self._part, shape.kind, shape.idx), None)
        styles = [bullets(body.find(A + "lstStyle")), holder.bullets if holder is not None else {}]
        items: list[str] = []
        breaks: list[int] = []
        numbers: dict[int, int] = {}
        for element in body.iterfind(A + "p"):
            texts = paragraph(element)
            if not texts:
                continue
            properties = element.find(A + "pPr")
            level = _level(properties)
            if not _is_item(properties, level, styles, shape.kind in _LISTED):
                self._list(items, breaks, fields)
                items, breaks, numbers = [], [], {}
                self._out.add(BlockKind.PARAGRAPH, texts, **fields)
                continue
            breaks.append(breaks[-1] + len(items[-1]) + 1 if items else 0)
            items.append(_item(texts, level, _label(properties, level, numbers)))
        self._list(items, breaks, fields)

    def _list(self, items: list[str], breaks: list[int], fields: dict[str, Any]) -> None:
        if items:
            self._out.add(BlockKind.LIST, "\n".join(items).split("\n"), breaks=breaks[1:], **fields)

    def add_notes(self) -> None:
        """Add the speaker's notes."""
        for part in self._package.related(self._part, "notesSlide"):
            root = self._package.xml(part)
            texts = [
                texts
                for shape in root.iter(P + "sp")
                if placeholder_kind(shape) not in RUNNING
                for element in shape.iterfind(f"{P}txBody/{A}p")
                if (texts := paragraph(element))
            ]
            if texts:
                self._out.heading("Notes", 2, **self._fields(False))
            for each in texts:
                self._out.add(BlockKind.PARAGRAPH, each, **self._fields(False))


def _text(shape: Any) -> str:
    return " ".join(text for element in shape.iterfind(f"{P}txBody/{A}p") for text in paragraph(element))


def _level(properties: Any) -> int:
    level = "" if properties is None else properties.get("lvl") or ""
    return min(int(level), 8) if level.isdecimal() and len(level) < 4 else 0


def _is_item(properties: Any, level: int, styles: list[dict[str, bool | None]], default: bool) -> bool:
    """Return whether a paragraph has a bullet or number, by itself, its shape, its layout or its placeholder type."""
    own = None if properties is None else has_bullets(properties)
    told = (own, *(style.get(f"{A}lvl{level + 1}pPr") for style in styles))
    return next((each for each in told if each is not None), default)


def _label(properties: Any, level: int, numbers: dict[int, int]) -> str:
    """Return the label of a list item and count it."""
    automatic = None if properties is None else properties.find(A + "buAutoNum")
    for deeper in [at for at in numbers if at > level]:
        del numbers[deeper]
    if automatic is None:
        numbers.pop(level, None)
        return "-"
    start = automatic.get("startAt") or "1"
    first = int(start) if start.isdecimal() and len(start) < 6 else 1
    numbers[level] = numbers.get(level, first - 1) + 1
    return f"{numbers[level]}."


def _item(texts: list[str], level: int, label: str) -> str:
    indent = "  " * level
    return f"\n{indent}  ".join([f"{indent}{label} {texts[0]}", *texts[1:]])


def _rows(table: Any) -> Iterator[list[str]]:
    """Yield the cells of each row; a short text of merged cells is repeated in each."""
    above: dict[int, str] = {}
    for row in table.iterfind(A + "tr"):
        cells: list[str] = []
        members = row.findall(A + "tc")[:_WIDEST]
        for column, cell in enumerate(members):
            text = " ".join(text for element in cell.iterfind(f"{A}txBody/{A}p") for text in paragraph(element))
            if cell.get("hMerge") in ("1", "true"):
                text = text or (cells[-1] if cells and len(cells[-1]) <= REPEATED else "")
            elif cell.get("vMerge") in ("1", "true"):
                text = text or above.get(column, "")
            above[column] = text if len(text) <= REPEATED else ""
            cells.append(text)
        if any(cells):
            yield [cells[0]] if len(members) > 1 and members[0].get("gridSpan") == str(len(members)) else cells
