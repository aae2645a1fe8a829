"""The letters of a PDF page and their places, read from PDFium in batches.

PDFium is asked four times for each letter, and this takes most of the time of reading a page. So the questions are put
in a row, without Python between them, and the answers go into arrays.
"""

import ctypes
import struct
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from ingest.documents.parsers.pdf.addresses import address_of, by_address

SPACES = frozenset(code for code in range(0x3001) if chr(code).isspace())  # in UTF-16
_BATCH = 4096  # letters
_BOX, _ORIGIN = struct.Struct("4f"), struct.Struct("2d")
_SIZE = 16  # bytes of each

Place = tuple[int | None, tuple[float, float, float, float], tuple[float, float]]


def letters_of(text: Any) -> Iterator[tuple[int, list[int], Iterator[Place]]]:
    """Yield the characters of a page in batches: the number of the first, their codes, and the places of letters.

    The codes are those of UTF-16. There is one place for each that is no white space: the address of its text object,
    None without one; its box, as left, top, right, bottom; and its origin. Coordinates are those of the page.

    Args:
        text: pypdfium2's text of a page.
    """
    page, count = address_of(text.raw), text.count_chars()
    boxes, origins = (ctypes.c_float * (4 * _BATCH))(), (ctypes.c_double * (2 * _BATCH))()
    code_at, object_at = by_address("FPDFText_GetUnicode"), by_address("FPDFText_GetTextObject")
    box_at, origin_at = by_address("FPDFText_GetLooseCharBox"), by_address("FPDFText_GetCharOrigin")
    first_box, first_x = ctypes.addressof(boxes), ctypes.addressof(origins)
    for first in range(0, count, _BATCH):
        codes = list(map(code_at, repeat(page), range(first, min(first + _BATCH, count))))
        shown = [at for at, code in enumerate(codes, first) if code not in SPACES]
        size = _SIZE * len(shown)
        objects = list(map(object_at, repeat(page), shown))
        list(map(box_at, repeat(page), shown, range(first_box, first_box + size, _SIZE)))
        xs, ys = range(first_x, first_x + size, _SIZE), range(first_x + 8, first_x + 8 + size, _SIZE)
        list(map(origin_at, repeat(page), shown, xs, ys))
        held = memoryview(boxes).cast("B")[:size], memoryview(origins).cast("B")[:size]
        yield first, codes, zip(objects, _BOX.iter_unpack(held[0]), _ORIGIN.iter_unpack(held[1]), strict=True)
