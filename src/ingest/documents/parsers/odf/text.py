"""The text of OpenDocument paragraphs and comments, and what their styles mean."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers._office.number_formats import NumberFormat
from ingest.documents.parsers._reading.comments import Comment
from ingest.documents.parsers._reading.raised_figures import marked_script
from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, with_symbols

_PREFIX = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TEXT, TABLE = f"{_PREFIX}office:1.0}}", f"{_PREFIX}text:1.0}}", f"{_PREFIX}table:1.0}}"
DRAW, PRESENTATION, STYLE = f"{_PREFIX}drawing:1.0}}", f"{_PREFIX}presentation:1.0}}", f"{_PREFIX}style:1.0}}"
FO, SVG = f"{_PREFIX}xsl-fo-compatible:1.0}}", f"{_PREFIX}svg-compatible:1.0}}"
NUMBER = f"{_PREFIX}datastyle:1.0}}"
ANNOTATIONS = (OFFICE + "annotation", "{http://openoffice.org/2009/office}annotation")  # the second one on slides
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_RESOLVED = "{urn:org:documentfoundation:names:experimental:office:xmlns:loext:1.0}resolved"
_APART = frozenset(
    (
        TEXT + "note",
        *ANNOTATIONS,
        DRAW + "frame",
        DRAW + "text-box",
        TEXT + "ruby-text",
        TEXT + "tracked-changes",
    )
)
_FIELD = "{urn:openoffice:names:experimental:ooo-ms-interop:xmlns:field:1.0}"
_SPACES = 1000  # that one element may represent
_MOST = 20_000_000  # times that one cell or row may be repeated
_CHAIN = 20  # styles based on styles
_ROLES = (
    ("title", "title"),
    ("preformatted", "code"),
    ("source code", "code"),
    ("quot", "quote"),
    ("caption", "caption"),
    ("illustration", "caption"),
    ("figure", "caption"),
)


class OdfStyles:
    """Names, parents and visibility of one document's styles."""

    def __init__(self, roots: list[Any]) -> None:
        """Read the styles below `roots`: first those of the content, then those of `styles.xml`."""
        self.controls: dict[str, str] = {}  # id → what a control of a form shows
        self._styles: dict[str, Any] = {}
        self._lists: dict[str, Any] = {}
        self._faces: dict[str, str] = {}  # name in the document → font
        self._fonts: dict[str, str] = {}  # of each style that was asked for
        self._shifts: dict[str, str] = {}  # of each style of runs that was asked for
        self.data: dict[str, Any] = {}  # name → style of numbers
        self.formats: dict[str, NumberFormat | None] = {}  # of each style of cells that was asked for
        for root in roots:
            for face in root.iter(STYLE + "font-face"):
                family = (face.get(SVG + "font-family") or "").strip("'\"")
                self._faces.setdefault(face.get(STYLE + "name") or "", family)
            for style in root.iter(STYLE + "style"):
                self._styles.setdefault(style.get(STYLE + "name") or "", style)
            for style in root.iterfind(f"./*/{NUMBER}*"):
                self.data.setdefault(style.get(STYLE + "name") or "", style)
            for style in root.iter(TEXT + "list-style"):
                self._lists.setdefault(style.get(STYLE + "name") or "", style)

    def _chain(self, name: str | None) -> Iterator[tuple[str, Any]]:
        for _ in range(_CHAIN):
            style = self._styles.get(name or "")
            if style is None:
                if name:
                    yield name, None
                return
            yield name or "", style
            name = style.get(STYLE + "parent-style-name")

    def role(self, name: str | None) -> str:
        """Return a paragraph's role according to the names of its styles: title, code, quote, caption, or ""."""
        for each, _ in self._chain(name):
            plain = each.replace("_20_", " ").lower()
            for start, role in _ROLES:
                if plain.startswith(start):
                    return role
        return ""

    def data_style(self, name: str) -> Any:
        """Return the style of numbers that a style of cells names, None without one."""
        names = (style.get(STYLE + "data-style-name") for _, style in self._chain(name) if style is not None)
        return self.data.get(next(filter(None, names), ""))

    def font(self, name: str | None) -> str:
        """Return the font that a style and those on which it is based give to text, "" without one."""
        key = name or ""
        if key not in self._fonts:
            self._fonts[key] = next(filter(None, (self._own_font(style) for _, style in self._chain(key))), "")
        return self._fonts[key]

    def _own_font(self, style: Any) -> str:
        properties = None if style is None else style.find(STYLE + "text-properties")
        if properties is None:
            return ""
        face = properties.get(STYLE + "font-name") or ""
        return self._faces.get(face, face) or (properties.get(FO + "font-family") or "").strip("'\"")

    def shift(self, name: str) -> str:
        """Return how far a style raises the text of a run, "" if it does not: "super", "sub", "33%", "-33%"."""
        if name not in self._shifts:
            found = (style.find(STYLE + "text-properties") for _, style in self._chain(name) if style is not None)
            places = (properties.get(STYLE + "text-position") for properties in found if properties is not None)
            self._shifts[name] = (next(filter(None, places), "").split() or [""])[0].removeprefix("0%")
        return self._shifts[name]

    def is_hidden(self, name: str | None) -> bool:
        """Return whether text with a style is not displayed."""
        for _, style in self._chain(name):
            properties = None if style is None else style.find(STYLE + "text-properties")
            shown = None if properties is None else properties.get(TEXT + "display")
            if shown:
                return str(shown) == "none"
        return False

    def hidden(self, element: Any) -> bool:
        """Return whether a run is not displayed, because of its style or as hidden text."""
        return element.tag == TEXT + "hidden-text" or self.is_hidden(element.get(TEXT + "style-name"))

    def is_invisible(self, name: str | None) -> bool:
        """Return whether a sheet or slide with a style is not shown."""
        style = self._styles.get(name or "")
        if style is None:
            return False
        page, table = style.find(STYLE + "drawing-page-properties"), style.find(STYLE + "table-properties")
        hidden_page = page is not None and page.get(PRESENTATION + "visibility") == "hidden"
        return hidden_page or (table is not None and table.get(TABLE + "display") == "false")

    def list_levels(self, name: str) -> list[Any]:
        """Return what a list style says about each level."""
        style = self._lists.get(name)
        return [] if style is None else list(style)


@dataclass
class _Reading:
    """How a paragraph is read, and what was found."""

    styles: OdfStyles
    unseen: bool  # whether only what is not displayed is wanted
    hides: bool  # whether what is not displayed is told apart
    parts: list[str] = field(default_factory=list)

    def add(self, text: str | None, inside: bool, font: str) -> None:
        """Add text; `inside`: it is not displayed."""
        if text and inside is self.unseen:
            text = text.replace("\n", " ")
            shown = with_symbols(text, font) if font or not text.isascii() else text
            self.parts.append(shown.replace("\u00ad", ""))  # soft hyphens


def paragraph_lines(
    element: Any,
    styles: OdfStyles,
    *,
    hides: bool = False,
    only_hidden: bool = False,
    keep_spaces: bool = False,
    around: str = "",
) -> list[str]:
    """Return the lines of a paragraph, without notes, comments and frames.

    Args:
        element: A `text:p` or `text:h`.
        styles: The document's.
        hides: Leave out text that is not displayed.
        only_hidden: Return only the text that is not displayed.
        keep_spaces: For code; otherwise white space is collapsed.
        around: The symbol font of the cell that holds the paragraph, "" when it has another font.
    """
    reading = _Reading(styles, only_hidden, hides or only_hidden)
    _walk(element, reading, False, _symbol_font(element, styles, around))
    found = "".join(reading.parts).split("\n")
    if keep_spaces:
        return [line.rstrip() for line in found]
    return [line for part in found if (line := " ".join(part.split()))]


def _symbol_font(element: Any, styles: OdfStyles, around: str) -> str:
    """Return the symbol font of an element's style, "" when it has another font, else that of the text around it."""
    font = styles.font(element.get(TEXT + "style-name"))
    return (font if is_symbol_font(font) else "") if font else around


def _walk(element: Any, reading: _Reading, inside: bool, font: str) -> None:
    """Read the text of an element; `inside`: it is in a run that is not displayed; `font`: a symbol font, or ""."""
    reading.add(element.text, inside, font)
    for child in element:
        tag = child.tag
        if tag == TEXT + "note" and not reading.unseen and not inside:
            reading.parts.append(f"[{' '.join((child.findtext(TEXT + 'note-citation') or '').split())}]")
        elif tag == TEXT + "s":
            reading.add(" " * min(repeated(child, TEXT + "c"), _SPACES), inside, "")
        elif tag == DRAW + "control":
            reading.add(f" {reading.styles.controls.get(child.get(DRAW + 'control') or '', '')} ", inside, "")
        elif tag == TEXT + "tab":
            reading.add("\t", inside, "")
        elif tag == _FIELD + "fieldmark":
            reading.add(_form_field(child), inside, "")
        elif tag == TEXT + "line-break" and inside is reading.unseen:
            reading.parts.append("\n")
        elif isinstance(tag, str) and tag not in _APART:
            within = inside or (reading.hides and reading.styles.hidden(child))
            start = len(reading.parts)
            _walk(child, reading, within, _symbol_font(child, reading.styles, font))
            if tag == TEXT + "span" and (shift := reading.styles.shift(child.get(TEXT + "style-name") or "")):
                before, text = "".join(reading.parts[start - 1 : start]), "".join(reading.parts[start:])
                raised = shift != "sub" and shift[0] != "-"
                reading.parts[start:] = [marked_script(text, before, child.tail or "", raised=raised)]
        reading.add(child.tail, inside, font)


def _form_field(mark: Any) -> str:
    """Return what a field of an old form shows, as Word has them: a box or the choice from a list."""
    values = [(param.get(_FIELD + "name"), param.get(_FIELD + "value") or "") for param in mark.iter(_FIELD + "param")]
    if (mark.get(_FIELD + "type") or "").endswith(".FORMCHECKBOX"):
        return "☒" if ("Checkbox_Checked", "true") in values else "☐"
    options = [value for name, value in values if name == "Dropdown_ListEntry"]
    chosen = next((value for name, value in values if name == "Dropdown_Selected"), "")
    return options[int(chosen)] if chosen.isdecimal() and len(chosen) < 9 and int(chosen) < len(options) else ""


def comment_of(annotation: Any, styles: OdfStyles, place: str = "") -> Comment:
    """Return a comment; `place` is the cell that it is on."""
    lines = [line for p in annotation.iter(TEXT + "p", TEXT + "h") for line in paragraph_lines(p, styles)]
    return Comment(annotation.findtext(_CREATOR) or "", lines, annotation.get(_RESOLVED) == "true", place)


def outside_notes(element: Any, tag: str) -> Iterator[Any]:
    """Yield the elements with a tag below a paragraph that are not in notes nor in others of their kind."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in (TEXT + "note", *ANNOTATIONS):
            yield from outside_notes(child, tag)


def repeated(element: Any, name: str) -> int:
    """Return the repeat count in an attribute, at least 1."""
    times = element.get(name) or "1"
    return min(max(int(times), 1), _MOST) if times.isdecimal() and len(times) < 9 else 1
