"""Characters that a PDF's symbol fonts show where the file does not say it: "" of Wingdings is a tick.

Where such a font has no table of its characters, or one of the private use area, PDFium gives the codes. Where it has
one, what the font shows is known: that is left alone.
"""

from functools import lru_cache

from ingest.documents.parsers._reading.symbol_fonts import symbol, with_symbols

UNKNOWN = "\ufffd"  # a glyph whose character is not in the file
_HYPHENS = {0x2: "-", 0xFFFE: "-", 0xAD: "\xad"}  # PDFium's own marks for a hyphen at the end of a line
_LATIN = frozenset([*range(0x21, 0x7F), *range(0xA0, 0x100)])  # control characters come of wrong tables
_PRIVATE = range(0xE000, 0xF900)
_MICRO, _MU = "\u00b5", "\u03bc"  # PDFium has the sign, our table the letter
_ADOBE = {0xF6D9: "©", 0xF6DA: "®", 0xF6DB: "™"}  # Adobe's own codes for what Unicode has
_ADOBE.update(enumerate("⏐⎯®©™⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪⎮⎞⎟⎠⎤⎥⎦⎫⎬⎭", 0xF8E6))


@lru_cache(maxsize=10_000)
def letter_of(code: int, font: str) -> str:
    """Return what is shown for a code of PDFium's; `font` as in `shown_letter`."""
    letter = _HYPHENS.get(code) or (UNKNOWN if code < 32 else chr(code))
    return shown_letter(letter, font) if font or code >= 0xE000 else letter


def shown_letter(letter: str, font: str) -> str:
    """Return what is shown for a character.

    Args:
        letter: As PDFium has it.
        font: The name of a symbol font, "" of others.
    """
    code = ord(letter)
    if code in _PRIVATE:
        return _ADOBE.get(code) or with_symbols(letter, font)
    if not font or code not in _LATIN or letter.replace(_MICRO, _MU) in _repertoire(font):
        return letter
    return symbol(code, font) or letter


def without_halves(text: str) -> str:
    """Return a text whose characters beyond the first 65,536 are whole: PDFium gives their halves one by one."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@lru_cache(maxsize=50)
def _repertoire(font: str) -> frozenset[str]:
    """Return the characters of a symbol font."""
    return frozenset(symbol(code, font) for code in range(0x20, 0x100))
