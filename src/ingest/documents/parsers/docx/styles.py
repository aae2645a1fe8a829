"""What the styles of a DOCX say about a paragraph or run: heading level, role, list, hidden.

Built-in styles have English names in every language version of Word; other programs write translated names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingest.documents.parsers._office.ooxml import A, W
from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font

_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|titulo|kop|rubrik|overskrift|otsikko|nagłówek|заголовок|标题|標題|見出し|"
    r"제목|başlık|nadpis|címsor)\s?([1-9])\Z"
)
_LETTER_HEAD = re.compile(r"(?:head\s?([a-f])|([a-f])[-\s]?head)\Z")  # publishers' A-heads come below the chapter title
_TITLE = re.compile(r"(?:title|chapter\s?title|chaptertitle)\Z")
_CONTENTS = re.compile(r"(?:toc \d|toc heading|table of figures|index \d|inhaltsverzeichnis\s?\d?)\Z")
_CAPTION = re.compile(r"caption|\blabel|(?:table|figure|code|listing)\s?(?:title|label)\Z")
_CODE = re.compile(
    r"(?:code|source\s?code|program|listing|verbatim|macro|console|konsole|terminal|quelltext)"
    r"(?:[\s_-]?(?:block|text|wide|annotated|single|first|last|line|indented|[a-f0-9]))?\Z|.*preformatted"
)
_QUOTE = re.compile(r"(?:intense |block )?(?:quote|quotation|citation|zitat)s?\Z|block text\Z")
_MONOSPACED = re.compile(
    r"courier|consolas|mono\b|monospace|menlo|monaco|lucida console|cascadia|fira code|source code", re.I
)
_CHAIN = 20  # styles based on styles
_OFF = ("0", "false", "off", "none")
_THEME = "theme:"  # in front of a font that the theme names
_WHITE = "FFFFFF"
_SEEN = frozenset(
    W + name for name in ("vanish", "color", "highlight", "shd", "sz", "rFonts", "vertAlign", "position")
)  # see `run_properties`
_HEIGHTS = {W + "vertAlign": "script", W + "position": "offset"}
_FACES = (
    ("font", W + "ascii", W + "asciiTheme"),
    ("wide", W + "hAnsi", W + "hAnsiTheme"),
    ("east", W + "eastAsia", ""),
)
_VALUE = W + "val"
_SMALLEST = 3  # half points: text of up to 1.5 points is not meant to be read


@dataclass(frozen=True, slots=True)
class Style:
    """A style with everything it inherits."""

    name: str = ""
    role: str = ""  # title, heading, contents, caption, code, quote
    level: int = 0  # heading level from 1, by outline level or name
    numbering: tuple[str, int] | None = None  # numId, level
    run: tuple[tuple[str, str], ...] = ()  # properties of its text: see `run_properties`
    shaded: bool = False


class Fonts(NamedTuple):
    """The fonts of a run."""

    ascii: str
    wide: str  # of other Western text
    east: str  # of East Asian text
    has_symbols: bool
    is_monospaced: bool


class Styles:
    """The styles of one document by id."""

    def __init__(self, root: Any, theme: Callable[[], Any] = lambda: None) -> None:
        """Read the root of `styles.xml`; `theme` returns that of the theme. Both are None without one."""
        elements = [] if root is None else root.findall(W + "style")
        self._elements = {element.get(W + "styleId") or "": element for element in elements}
        self._known: dict[str, Style] = {}
        self._default = next(
            (
                key
                for key, element in self._elements.items()
                if element.get(W + "type") == "paragraph" and flag(element.get(W + "default"), False)
            ),
            "",
        )
        base = None if root is None else root.find(f"{W}docDefaults/{W}rPrDefault/{W}rPr")
        self.base = run_properties(base)
        self._theme = theme
        self._themed: dict[str, str] | None = None
        self._fonts: dict[tuple[str, str, str], Fonts] = {}

    def fonts(self, properties: dict[str, str]) -> "Fonts":
        """Return the fonts of a run with these properties."""
        key = properties.get("font", ""), properties.get("wide", ""), properties.get("east", "")
        if key not in self._fonts:
            font, wide, east = map(self._typeface, key)
            symbols = any(map(is_symbol_font, (font, wide, east)))
            self._fonts[key] = Fonts(font, wide, east, symbols, bool(_MONOSPACED.search(font)))
        return self._fonts[key]

    def _typeface(self, font: str) -> str:
        """Return the name of a font, which the theme may have."""
        if not font.startswith(_THEME):
            return font
        if self._themed is None:
            root, self._themed = self._theme(), {}
            for kind in ("major", "minor") if root is not None else ():
                latin = root.find(f".//{A}{kind}Font/{A}latin")
                name = "" if latin is None else latin.get("typeface") or ""
                self._themed |= {f"{_THEME}{kind}{part}": name for part in ("Ascii", "HAnsi")}
        return self._themed.get(font, "")

    def paragraph(self, key: str | None) -> Style:
        """Return a paragraph's style, or the default one if it names none that exists."""
        return self.get(key if key in self._elements else self._default)

    def get(self, key: str | None) -> Style:
        """Return a style by id; an empty one when there is none."""
        if not key or key not in self._elements:
            return Style()
        if key not in self._known:
            self._known[key] = self._resolve(key)
        return self._known[key]

    def _resolve(self, key: str) -> Style:
        """Walk from a style up to those on which it is based; the nearest value of each property counts."""
        role, level, numbering, shaded, name = "", 0, None, False, ""
        run: dict[str, str] = {}
        list_level: int | None = None
        for element in self._chain(key):
            own = value(element.find(W + "name")).lower()
            name = name or own
            properties = element.find(W + "pPr")
            named = _named_role(own)
            role = role or named[0]
            level = level or outline_level(properties) or named[1]
            shaded = shaded or is_shaded(properties) or is_shaded(element.find(W + "rPr"))
            shaded = shaded or is_shaded(element.find(W + "tcPr"))
            shaded = shaded or any(map(is_shaded, element.iterfind(f"{W}tblStylePr/{W}tcPr")))
            found = numbering_of(properties)
            list_level = found[1] if found and list_level is None else list_level
            numbering = numbering or (found if found and found[0] else None)
            run = {**dict(run_properties(element.find(W + "rPr"))), **run}
        level = 0 if level > 9 or role in ("contents", "caption") else level  # 10: body text on purpose
        if numbering and list_level is not None:
            numbering = (numbering[0], list_level)
        return Style(name, role, level, numbering, tuple(run.items()), shaded)

    def _chain(self, key: str) -> list[Any]:
        found: list[Any] = []
        while key in self._elements and len(found) < _CHAIN:
            element = self._elements[key]
            if element in found:
                break
            found.append(element)
            key = value(element.find(W + "basedOn"))
        return found


def _named_role(name: str) -> tuple[str, int]:
    """Return the role and heading level that a style's name implies."""
    if match := _HEADING.match(name):
        return "heading", int(match[1])
    if match := _LETTER_HEAD.match(name):
        return "heading", "abcdef".index(match[1] or match[2]) + 2
    if _TITLE.match(name):
        return "title", 1
    for role, pattern in (("contents", _CONTENTS), ("quote", _QUOTE), ("code", _CODE)):
        if pattern.match(name):
            return role, 0
    return ("caption", 0) if _CAPTION.search(name) else ("", 0)


def run_properties(element: Any) -> tuple[tuple[str, str], ...]:
    """Return the properties of a `w:rPr` that affect how its text is seen: vanish, color, lit, size, fonts, script,
    offset.

    `font` is that of ASCII, `wide` that of other Western text, `east` that of East Asian text; see `Styles.fonts`.
    """
    if element is None:
        return ()
    found: dict[str, str] = {}
    for child in element:
        tag = child.tag
        if tag not in _SEEN:
            continue
        if tag == W + "vanish":
            found["vanish"] = "1" if flag(child.get(W + "val"), True) else ""
        elif tag == W + "color":
            found["color"] = value(child).upper()
        elif tag == W + "highlight" or tag == W + "shd":
            found["lit"] = "1" if value(child) not in ("none",) and (tag != W + "shd" or _fills(child)) else ""
        elif tag == W + "sz":
            found["size"] = value(child)
        elif tag == W + "rFonts":
            found |= _fonts(child)
        elif tag in _HEIGHTS:
            found[_HEIGHTS[tag]] = value(child)
    return tuple(found.items())


def _fonts(element: Any) -> dict[str, str]:
    """Return the fonts of a `w:rFonts`; a reference to the theme counts more than a name."""
    found = {}
    for key, name, named in _FACES:
        theme = element.get(named) if named else None
        if chosen := f"{_THEME}{theme}" if theme else element.get(name):
            found[key] = chosen
    return found


def is_hidden(properties: dict[str, str], on_white: bool) -> bool:
    """Return whether readers do not see a run: it is hidden, white on white, or too small."""
    size = properties.get("size", "")
    white = on_white and properties.get("color") == _WHITE and not properties.get("lit")
    return bool(properties.get("vanish")) or white or (size.isdecimal() and int(size) <= _SMALLEST)


def is_shaded(properties: Any) -> bool:
    """Return whether the properties of a paragraph, cell or table give it a background colour other than white."""
    shading = None if properties is None else properties.find(W + "shd")
    return shading is not None and _fills(shading)


def _fills(shading: Any) -> bool:
    fill = (shading.get(W + "fill") or "auto").upper()
    return (
        fill not in ("AUTO", _WHITE) or value(shading) not in ("", "clear", "nil") or bool(shading.get(W + "themeFill"))
    )


def outline_level(properties: Any) -> int:
    """Return the heading level of a `w:pPr`: from 1; 10 for body text; 0 when it has none."""
    level = "" if properties is None else value(properties.find(W + "outlineLvl"))
    return min(int(level), 9) + 1 if level.isdecimal() and len(level) < 4 else 0


def numbering_of(properties: Any) -> tuple[str, int] | None:
    """Return numId and level of a `w:pPr`, None when it is not a list. numId "0" removes the style's list."""
    element = None if properties is None else properties.find(W + "numPr")
    if element is None:
        return None
    level = value(element.find(W + "ilvl"))
    return value(element.find(W + "numId")), min(int(level), 8) if level.isdecimal() and len(level) < 4 else 0


def value(element: Any) -> str:
    """Return the `w:val` of an element, "" without one."""
    return "" if element is None else element.get(_VALUE) or ""


def flag(text: str | None, default: bool) -> bool:
    """Return a truth value as the format writes it."""
    return default if text is None else text.lower() not in _OFF
