"""Addresses of PDFium's objects, by which they are told apart."""

import ctypes
from collections.abc import Callable
from typing import Any


def object_addresses(text: Any) -> Callable[[int], int]:
    """Return a function from a character's number to the address of its text object, 0 without one.

    It is called for each character of a page: the binding's own function makes a pointer object each time.
    """
    import pypdfium2.raw as pdfium

    function = ctypes.cast(pdfium.FPDFText_GetTextObject, ctypes.c_void_p).value
    call = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(function or 0)
    page = ctypes.cast(text.raw, ctypes.c_void_p)
    return lambda at: call(page, at) or 0
