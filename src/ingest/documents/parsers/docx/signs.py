"""Signs in a DOCX that its text does not hold: characters of symbol fonts, check boxes and choices of forms."""

import re
import unicodedata
from typing import Any

from ingest.documents.parsers._office.ooxml import W
from ingest.documents.parsers._reading.symbol_fonts import UNKNOWN, is_symbol_font, with_symbols
from ingest.documents.parsers.docx.styles import Fonts, flag, value

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_W16 = "{http://schemas.microsoft.com/office/word/2015/wordml/symex}"
EMOJI = _W16 + "symEx"  # a character outside of the basic plane
TICKED, EMPTY = "☒", "☐"
_PRIVATE = re.compile("[\uf020-\uf0ff]+")
_ASCII = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_FIELD = re.compile(r"\s*SYMBOL\s+(?:0x([0-9a-f]{1,6})|(\d{1,7})|\"?(\S)\"?)(?:\s|\Z)", re.I)
_FIELD_FONT = re.compile(r"\\f\s*(?:\"([^\"]{0,100})\"|(\S{1,100}))", re.I)
_CHOICES = 1000  # of one field
_SPACELESS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))  # Thai, Lao, Burmese, Khmer


def text_in_fonts(text: str, fonts: Fonts) -> str:
    """Return a text as its fonts show it."""
    font, wide = fonts.ascii, fonts.wide
    if text.isascii():
        return with_symbols(text, font)
    named = next(filter(is_symbol_font, (wide, font, fonts.east)), "")
    if not named:
        return with_symbols(text, "")
    parts = []
    for part in _ASCII.findall(_PRIVATE.sub(lambda match: with_symbols(match[0], named), text)):
        parts.append(with_symbols(part, font if part.isascii() else wide or font))
    return "".join(parts)


def sign_of(element: Any, font: str) -> str:
    """Return the character of a `w:sym`; one that is only known to a font that nobody knows becomes U+FFFD.

    Args:
        element: A `w:sym` or `w16se:symEx`.
        font: The font of its run, if it names none.
    """
    prefix = W if element.tag == W + "sym" else _W16
    return _character(element.get(prefix + "char") or "", element.get(prefix + "font") or font)


def field_symbol(instruction: str) -> str:
    """Return the character of a field such as `SYMBOL 252`, "" for other fields."""
    match = _FIELD.match(instruction)
    if match is None:
        return ""
    font = _FIELD_FONT.search(instruction, match.end())
    code = match[1] or (f"{int(match[2]):x}" if match[2] else f"{ord(match[3]):x}")
    return _character(code, (font[1] or font[2] or "") if font else "")


def _character(code: str, font: str) -> str:
    try:
        number = int(code, 16) if len(code) < 9 else 0
    except ValueError:
        return ""
    if not (32 <= number < 0xD800 or 0xE000 <= number < 0x110000):
        return ""
    return _PRIVATE.sub(UNKNOWN, with_symbols(chr(number), font))


def check_box(control: Any) -> str:
    """Return the state of a content control that is a check box, "" for others."""
    box = control.find(f"{W}sdtPr/{_W14}checkbox")
    if box is None:
        return ""
    checked = box.find(_W14 + "checked")
    return TICKED if checked is not None and flag(checked.get(_W14 + "val"), True) else EMPTY


def form_field(start: Any) -> str:
    """Return what a form field shows that has no text as its result: a check box, or a choice. `start`: `w:fldChar`."""
    data = start.find(W + "ffData")
    if data is None:
        return ""
    if (box := data.find(W + "checkBox")) is not None:
        state = box.find(W + "checked")
        state = box.find(W + "default") if state is None else state
        return TICKED if state is not None and flag(state.get(W + "val"), True) else EMPTY
    if (choice := data.find(W + "ddList")) is not None:
        entries = [value(entry) for entry in choice.findall(W + "listEntry")[:_CHOICES]]
        chosen = value(choice.find(W + "result")) or value(choice.find(W + "default")) or "0"
        index = int(chosen) if chosen.isdecimal() and len(chosen) < 5 else _CHOICES
        return entries[index] if index < len(entries) else ""
    return ""


def is_word_end(character: str) -> bool:
    """Return whether a character belongs to a word of a script that has spaces between words."""
    if not character.isalnum() or unicodedata.east_asian_width(character) in "WF":
        return False
    return not any(first <= ord(character) <= last for first, last in _SPACELESS)
