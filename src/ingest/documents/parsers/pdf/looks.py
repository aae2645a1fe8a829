"""How the letters of a PDF page look: size, colour, font and turn, determined once for each text object."""

import ctypes
import math
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers.pdf.addresses import address_of, by_address
from ingest.documents.parsers.pdf.fonts import Face, Faces
from ingest.documents.parsers.pdf.paint import Paint
from ingest.documents.parsers.pdf.turns import quarter_turns

SMALLEST = 1.0  # points; smaller text is hidden


@dataclass(slots=True)
class Look:
    """What the letters of a text object have in common."""

    size: float  # of the font, in points
    bold: bool
    mode: int  # PDFium's number for how they are painted
    colour: tuple[int, int, int, int]  # red, green, blue, opacity
    order: int  # of painting
    tag: int
    turn: int  # quarter turns
    face: Face = field(default_factory=Face)


class Looks:
    """The looks of a page's text objects."""

    def __init__(self, text: Any, painted: Paint) -> None:
        """Take pypdfium2's text of a page, and what is painted there."""
        import pypdfium2.raw as pdfium

        self._text, self._painted = address_of(text.raw), painted
        self._found: dict[int, Look] = {}
        self._faces = Faces()
        self._matrix = pdfium.FS_MATRIX()
        self._channels = (ctypes.c_uint * 4)()
        first = ctypes.addressof(self._channels)
        self._by_channel = tuple(range(first, first + 16, 4))
        self._matrix_at, self._size_at = by_address("FPDFText_GetMatrix"), by_address("FPDFText_GetFontSize")
        self._colour_of = by_address("FPDFPageObj_GetFillColor")
        self._mode_of = by_address("FPDFTextObj_GetTextRenderMode")
        self._tag_of = by_address("FPDFPageObj_GetMarkedContentID")

    def of(self, at: int, key: int | None) -> Look:
        """Return the look of a character's text object.

        Args:
            at: The character's number.
            key: The object's address.
        """
        if key in self._found:
            return self._found[key]
        matrix = self._matrix
        self._matrix_at(self._text, at, ctypes.byref(matrix))
        a, b = matrix.a, matrix.b
        height = math.hypot(matrix.c, matrix.d) or math.hypot(a, b)
        size = abs(self._size_at(self._text, at)) * (height or 1.0)
        if not key:
            return Look(size, False, 0, (0, 0, 0, 255), 0, -1, quarter_turns(a, b))
        face, order = self._faces.of(key), self._painted.order.get(key, self._painted.objects)
        look = Look(size, face.bold, self._mode_of(key), self._colour(key), order, self._tag_of(key), 0, face)
        look.turn = quarter_turns(a, b)
        self._found[key] = look
        return look

    def _colour(self, key: int) -> tuple[int, int, int, int]:
        self._channels[:] = [0, 0, 0, 0]
        if not self._colour_of(key, *self._by_channel):
            self._channels[3] = 255
        red, green, blue, alpha = self._channels
        return red, green, blue, alpha
