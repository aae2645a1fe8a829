"""Functions of PDFium that take addresses and give numbers: the binding's own make a pointer object in each call."""

import ctypes
from functools import cache
from typing import Any

_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # what a function gives, and what it takes
    "FPDFText_GetUnicode": (ctypes.c_uint, _POINTER, _NUMBER),
    "FPDFText_GetTextObject": (_POINTER, _POINTER, _NUMBER),
    "FPDFText_GetLooseCharBox": (_NUMBER, _POINTER, _NUMBER, _POINTER),
    "FPDFText_GetCharOrigin": (_NUMBER, _POINTER, _NUMBER, _POINTER, _POINTER),
    "FPDFText_GetMatrix": (_NUMBER, _POINTER, _NUMBER, _POINTER),
    "FPDFText_GetFontSize": (ctypes.c_double, _POINTER, _NUMBER),
    "FPDFPageObj_GetFillColor": (_NUMBER, *[_POINTER] * 5),
    "FPDFPageObj_GetMarkedContentID": (_NUMBER, _POINTER),
    "FPDFTextObj_GetFont": (_POINTER, _POINTER),
    "FPDFTextObj_GetTextRenderMode": (_NUMBER, _POINTER),
}


@cache
def by_address(name: str) -> Any:
    """Return a function of PDFium by its name; it gives None for the null pointer.

    It keeps Python's lock, so it is only for those that return at once.
    """
    import pypdfium2.raw as pdfium

    return ctypes.PYFUNCTYPE(*_SIGNATURES[name])(address_of(getattr(pdfium, name)))


def address_of(thing: Any) -> int:
    """Return the address of an object or a function of PDFium, by which objects are told apart; 0 of none."""
    return ctypes.cast(thing, ctypes.c_void_p).value or 0
