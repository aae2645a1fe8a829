"""Characters in symbol fonts in HTML, as Word and Outlook write them: a tick is a "ü" in Wingdings."""

import re
from collections.abc import Iterable
from typing import Any

from ingest.documents.parsers._markup.html_inline_styles import values
from ingest.documents.parsers._markup.html_styles import rules, sheets_of
from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, with_symbols

_FAMILY = re.compile(r"(?:\A|;)\s*font(-family)?\s*:([^;]{1,300})", re.I)
_SIZED = re.compile(r"\A.*\d[\w.%/]*\s+")  # style, weight and size, which stand before the families of `font`
_SYMBOLIC = re.compile(r"symbol|wingdings|webdings|dingbats|monotype sorts", re.I)
_CLASS = re.compile(r"[a-z][a-z0-9]*\.([\w-]+)|\.([\w-]+)", re.I)
_SETTERS = ".//*[@face or contains(@style, 'font')] | self::*[@face or contains(@style, 'font')]"


def show_symbols(root: Any, styles: Iterable[str]) -> None:
    """Replace text in a symbol font by what the font shows, in place. One pass over the elements that set a font.

    `styles` are the inline styles of the page, each once.
    """
    classed = _classed(root)
    if not classed and not _asks_for_symbols(values(root, "face"), styles):
        return
    own = {element: _font(element.get("face"), element.get("style")) for element in root.xpath(_SETTERS)}
    setters = classed | {element: font for element, font in own.items() if font}
    for element, font in setters.items():
        if font and is_symbol_font(font):
            _show(element, font, setters)


def _show(root: Any, font: str, setters: dict[Any, str]) -> None:
    """Replace the text of an element, except where elements inside it set another font."""
    from lxml import etree

    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if event == "end":
            if element is not root and element.tail:
                element.tail = with_symbols(element.tail, font)
        elif element is not root and setters.get(element):
            walker.skip_subtree()
        elif element.text:
            element.text = with_symbols(element.text, font)


def _classed(root: Any) -> dict[Any, str]:
    """Return element → the font that its class asks for, {} where no style sheet of the page names a symbol font."""
    if not any(_SYMBOLIC.search(style.text or "") for style in root.iter("style")):
        return {}
    fonts: dict[str, str] = {}  # by class
    for _, selectors, body in rules(sheets_of(root)):
        font = _font(None, body) if "font" in body else ""
        for selector in selectors.split(",") if font else ():
            if found := _CLASS.fullmatch(selector.strip()):
                fonts[found[1] or found[2]] = font
    named = ((element, element.get("class").split()) for element in root.xpath(".//*[@class]"))
    return {element: font for element, names in named if (font := next(filter(None, map(fonts.get, names)), ""))}


def _asks_for_symbols(faces: Iterable[str], styles: Iterable[str]) -> bool:
    """Return whether any element asks for a symbol font. Most pages ask for few fonts, each in many elements."""
    fonts = {_font(face, None) for face in faces} | {_font(None, style) for style in styles if "font" in style}
    return any(font and is_symbol_font(font) for font in fonts)


def _font(face: str | None, style: str | None) -> str:
    """Return the first font that attributes ask for, "" when they ask for none."""
    found = face or ""
    for shorthand, families in _FAMILY.findall(style or ""):
        found = families if shorthand else _SIZED.sub("", families)
    return found.partition(",")[0].strip(" '\"\t\r\n")
