"""Faces of a PDF's fonts: whether they are bold, and whether all their letters are equally wide."""

import ctypes
from dataclasses import dataclass

from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font
from ingest.documents.parsers.pdf.addresses import by_address

_BOLD = ("bold", "black", "heavy", "semib", "demi", "cmbx", "sfbx", "-medi")
_FIXED = (
    "mono",
    "courier",
    "consol",
    "menlo",
    "typewriter",
    "cmtt",
    "sftt",
    "ectt",
    "lettergothic",
    "fixed",
    "terminal",
)
_FIXED_PITCH = 1  # flags of a font descriptor
_FORCE_BOLD = 1 << 18
_LONGEST = 128  # bytes of a name that are read
_NARROW = frozenset(map(ord, "ijl"))
_WIDE = frozenset(map(ord, "abdghmnopquwMW"))
TELLING = _NARROW | _WIDE  # letters whose widths tell whether all are equally wide
_EQUAL = 0.03  # of the width: differences due to rounding


@dataclass(slots=True)
class Face:
    """A font, and the widths of its letters that were met, as shares of the font size."""

    bold: bool = False
    named: bool = False  # its name or its flags say that all letters are equally wide
    narrow: float = 0.0  # the widest of the narrow letters
    wide: float = 0.0  # the narrowest of the others
    symbols: str = ""  # its name, if it is a symbol font

    def measure(self, code: int, width: float) -> None:
        """Take note of the width of a letter of `TELLING`, as a share of the font size."""
        if code in _NARROW:
            self.narrow = width if width > self.narrow else self.narrow
        elif width < self.wide or not self.wide:
            self.wide = width

    @property
    def fixed(self) -> bool:
        """Whether all letters are equally wide: as they were met, or else as the font says."""
        if self.narrow and self.wide:
            return abs(self.wide - self.narrow) <= _EQUAL * self.wide
        return self.named


UNSEEN = Face()  # of the text layer of a scan, whose sizes are guesses


class Faces:
    """The faces of a page, each determined once."""

    def __init__(self) -> None:
        """Start with none."""
        self._found: dict[int, Face] = {}
        self._font_of = by_address("FPDFTextObj_GetFont")

    def of(self, thing: int) -> Face:
        """Return the face of the text object at an address."""
        key = self._font_of(thing) or 0
        if key not in self._found:
            self._found[key] = _face(key) if key else Face()
        return self._found[key]


def _face(key: int) -> Face:
    import pypdfium2.raw as pdfium

    font = ctypes.cast(key, pdfium.FPDF_FONT)
    name = ctypes.create_string_buffer(_LONGEST)
    pdfium.FPDFFont_GetBaseFontName(font, name, _LONGEST)
    base = name.value.decode("latin-1")
    low, symbols = base.lower(), base if is_symbol_font(base) else ""
    flags = max(pdfium.FPDFFont_GetFlags(font), 0)
    bold = any(part in low for part in _BOLD) or bool(flags & _FORCE_BOLD)
    return Face(bold, any(part in low for part in _FIXED) or bool(flags & _FIXED_PITCH), symbols=symbols)
