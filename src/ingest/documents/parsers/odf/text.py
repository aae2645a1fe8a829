"""The text of OpenDocument paragraphs and comments, and what their styles mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
_NOTE, _SPACE, _TAB, _BREAK, _HIDDEN = (TEXT + name for name in ("note", "s", "tab", "line-break", "hidden-text"))
_SPAN = TEXT + "span"
_NAME, _STYLED, _CONTROL = STYLE + "name", TEXT + "style-name", DRAW + "control"
_LOOK, _DISPLAY = STYLE + "text-properties", TEXT + "display"
_NAMESPACES = {"style": STYLE[1:-1], "text": TEXT[1:-1]}
_ANY_HIDDEN = "boolean(//style:text-properties/@text:display[. != ''] | //text:hidden-text)"
_BESIDES = (_NOTE, *ANNOTATIONS)
_APART = frozenset((*_BESIDES, DRAW + "frame", DRAW + "text-box", TEXT + "ruby-text", TEXT + "tracked-changes"))
_FIELD = "{urn:openoffice:names:experimental:ooo-ms-interop:xmlns:field:1.0}"
_MARK = _FIELD + "fieldmark"
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
        self._roots = roots
        self.controls: dict[str, str] = {}  # id → what a control of a form shows
        self.formats: dict[str, NumberFormat | None] = {}  # of each style of cells that was asked for
        self._fonts: dict[str, str] = {}  # of each style that was asked for, as below
        self._shifts: dict[str, str] = {}
        self._roles: dict[str | None, str] = {}
        self._unseen: dict[str | None, bool] = {}
        self._symbols: dict[str | None, str | None] = {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """Name → style of numbers."""
        return _named([style for root in self._roots for style in root.iterfind(f"./*/{NUMBER}*")])

    @cached_property
    def hides(self) -> bool:
        """Whether any text of the document may not be displayed."""
        return any(root.xpath(_ANY_HIDDEN, namespaces=_NAMESPACES) for root in self._roots)

    @cached_property
    def _styles(self) -> dict[str, Any]:
        return self._all(STYLE + "style")

    @cached_property
    def _lists(self) -> dict[str, Any]:
        return self._all(TEXT + "list-style")

    @cached_property
    def _faces(self) -> dict[str, str]:
        """Name in the document → font."""
        faces = self._all(STYLE + "font-face")
        return {name: (face.get(SVG + "font-family") or "").strip("'\"") for name, face in faces.items()}

    def _all(self, tag: str) -> dict[str, Any]:
        return _named([element for root in self._roots for element in root.iter(tag)])

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
        if name not in self._roles:
            names = (each.replace("_20_", " ").lower() for each, _ in self._chain(name))
            found = (role for plain in names for start, role in _ROLES if plain.startswith(start))
            self._roles[name] = next(found, "")
        return self._roles[name]

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

    def symbols(self, name: str | None) -> str | None:
        """Return the font of a style if it is one of symbols, "" if it is another, None for a style without a font."""
        if name not in self._symbols:
            font = self.font(name)
            self._symbols[name] = (font if is_symbol_font(font) else "") if font else None
        return self._symbols[name]

    def _own_font(self, style: Any) -> str:
        properties = None if style is None else style.find(_LOOK)
        if properties is None:
            return ""
        face = properties.get(STYLE + "font-name") or ""
        return self._faces.get(face, face) or (properties.get(FO + "font-family") or "").strip("'\"")

    def shift(self, name: str) -> str:
        """Return how far a style raises the text of a run, "" if it does not: "super", "sub", "33%", "-33%"."""
        if name not in self._shifts:
            found = (style.find(_LOOK) for _, style in self._chain(name) if style is not None)
            places = (properties.get(STYLE + "text-position") for properties in found if properties is not None)
            self._shifts[name] = (next(filter(None, places), "").split() or [""])[0].removeprefix("0%")
        return self._shifts[name]

    def is_hidden(self, name: str | None) -> bool:
        """Return whether text with a style is not displayed."""
        if not self.hides:
            return False
        if name not in self._unseen:
            looks = (style.find(_LOOK) for _, style in self._chain(name) if style is not None)
            shown = (look.get(_DISPLAY) for look in looks if look is not None)
            self._unseen[name] = next(filter(None, shown), "") == "none"
        return self._unseen[name]

    def hidden(self, element: Any) -> bool:
        """Return whether a run is not displayed, because of its style or as hidden text."""
        return element.tag == _HIDDEN or self.is_hidden(element.get(_STYLED))

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


def _named(elements: Sequence[Any]) -> dict[str, Any]:
    """Return name → element; the first of several with one name."""
    return {element.get(_NAME) or "": element for element in reversed(elements)}


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
            self.parts.append(_shown(text, font))


def _shown(text: str, font: str) -> str:
    """Return text on one line as a font shows it, without soft hyphens."""
    text = text.replace("\n", " ")
    return text if text.isascii() and not font else with_symbols(text, font).replace("\u00ad", "")


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
    if only_hidden and not styles.hides:
        return []
    font = _symbol_font(element, styles, around)
    if len(element):
        reading = _Reading(styles, only_hidden, (hides or only_hidden) and styles.hides)
        _walk(element, reading, False, font)
        found = "".join(reading.parts).split("\n")
    else:
        found = ["" if only_hidden else _shown(element.text or "", font)]
    if keep_spaces:
        return [line.rstrip() for line in found]
    return [line for part in found if (line := " ".join(part.split()))]


def _symbol_font(element: Any, styles: OdfStyles, around: str) -> str:
    """Return the symbol font of an element's style, "" when it has another font, else that of the text around it."""
    font = styles.symbols(element.get(_STYLED))
    return around if font is None else font


def _walk(element: Any, reading: _Reading, inside: bool, font: str) -> None:
    """Read the text of an element; `inside`: it is in a run that is not displayed; `font`: a symbol font, or ""."""
    reading.add(element.text, inside, font)
    for child in element:
        tag = child.tag
        if tag == _NOTE and not reading.unseen and not inside:
            reading.parts.append(f"[{' '.join((child.findtext(TEXT + 'note-citation') or '').split())}]")
        elif tag == _SPACE:
            reading.add(" " * min(repeated(child, TEXT + "c"), _SPACES), inside, "")
        elif tag == _CONTROL:
            reading.add(f" {reading.styles.controls.get(child.get(_CONTROL) or '', '')} ", inside, "")
        elif tag == _TAB:
            reading.add("\t", inside, "")
        elif tag == _MARK:
            reading.add(_form_field(child), inside, "")
        elif tag == _BREAK and inside is reading.unseen:
            reading.parts.append("\n")
        elif isinstance(tag, str) and tag not in _APART:
            within = inside or (reading.hides and reading.styles.hidden(child))
            start = len(reading.parts)
            _walk(child, reading, within, _symbol_font(child, reading.styles, font))
            if tag == _SPAN and (shift := reading.styles.shift(child.get(_STYLED) or "")):
                _raise(reading.parts, start, shift, child.tail or "")
        reading.add(child.tail, inside, font)


def _raise(parts: list[str], start: int, shift: str, behind: str) -> None:
    """Write what is raised or lowered as such; by a distance, only what touches a word."""
    before, raised = "".join(parts[start - 1 : start]), shift != "sub" and shift[0] != "-"
    if shift[-1] != "%" or before[-1:].strip():
        parts[start:] = [marked_script("".join(parts[start:]), before, behind, raised=raised)]


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
        elif isinstance(child.tag, str) and child.tag not in _BESIDES:
            yield from outside_notes(child, tag)


def repeated(element: Any, name: str) -> int:
    """Return the repeat count in an attribute, at least 1."""
    times = element.get(name) or "1"
    return min(max(int(times), 1), _MOST) if times.isdecimal() and len(times) < 9 else 1
