"""What a tagged PDF says about marked content: headings (H1 … H6), and the fields of a form that a browser printed."""

import ctypes
import re
from dataclasses import dataclass, field
from typing import Any

_MAX_ELEMENTS = 50_000  # per page
_MAX_ATTRIBUTES = 20  # of an element
_DEPTH = 60
_HEADING = re.compile(r"H[1-6]?")
_LONGEST = 64  # bytes of a type's name that are read
_BOXES = ("cb", "rb")  # roles of printed check boxes and radio buttons


@dataclass(slots=True)
class Tags:
    """Ids of marked content on a page."""

    headings: dict[int, str] = field(default_factory=dict)  # → tag
    boxes: dict[int, bool] = field(default_factory=dict)  # that draw check boxes → whether they are ticked
    values: set[int] = field(default_factory=set)  # values of text fields


_Place = tuple[Any, str, bool, int]  # element, heading around it, whether it is in a text field, depth


def page_tags(handle: Any) -> Tags:
    """Return the tags of a page; none without a structure tree.

    Args:
        handle: pypdfium2's page.
    """
    import pypdfium2.raw as pdfium

    found = Tags()
    tree = pdfium.FPDF_StructTree_GetForPage(handle)
    if not tree:
        return found
    try:
        roots: list[_Place] = [
            (pdfium.FPDF_StructTree_GetChildAtIndex(tree, index), "", False, 0)
            for index in range(min(pdfium.FPDF_StructTree_CountChildren(tree), _MAX_ELEMENTS))
        ]
        _walk(pdfium, roots[::-1], found)
    finally:
        pdfium.FPDF_StructTree_Close(tree)
    return found


def _walk(pdfium: Any, waiting: list[_Place], found: Tags) -> None:
    """Visit elements depth first; what is inside a heading or a text field belongs to it."""
    seen = 0
    while waiting and seen < _MAX_ELEMENTS:
        element, tag, is_value, depth = waiting.pop()
        if not element or depth > _DEPTH:
            continue
        seen += 1
        name = _type(pdfium, element)
        tag = name if _HEADING.fullmatch(name) else tag
        role, ticked = _print_field(pdfium, element) if name == "Form" else ("", False)
        is_value = is_value or role == "tv"
        if tag or is_value or role in _BOXES:
            for index in range(min(pdfium.FPDF_StructElement_GetMarkedContentIdCount(element), _MAX_ELEMENTS)):
                content = pdfium.FPDF_StructElement_GetMarkedContentIdAtIndex(element, index)
                if tag:
                    found.headings[content] = tag
                if is_value:
                    found.values.add(content)
                if role in _BOXES:
                    found.boxes[content] = ticked
        children = min(pdfium.FPDF_StructElement_CountChildren(element), _MAX_ELEMENTS - seen)
        for index in range(children - 1, -1, -1):
            waiting.append((pdfium.FPDF_StructElement_GetChildAtIndex(element, index), tag, is_value, depth + 1))


def _print_field(pdfium: Any, element: Any) -> tuple[str, bool]:
    """Return the role of a printed field and whether it is ticked, from its attributes; "" for another element."""
    role, ticked = "", False
    for index in range(min(pdfium.FPDF_StructElement_GetAttributeCount(element), _MAX_ATTRIBUTES)):
        attribute = pdfium.FPDF_StructElement_GetAttributeAtIndex(element, index)
        if attribute and _attribute(pdfium, attribute, b"O") == "PrintField":
            role = _attribute(pdfium, attribute, b"Role") or role
            state = _attribute(pdfium, attribute, b"checked") or _attribute(pdfium, attribute, b"Checked")
            ticked = ticked or state in ("on", "neutral")
    return role, ticked


def _attribute(pdfium: Any, attribute: Any, name: bytes) -> str:
    value = pdfium.FPDF_StructElement_Attr_GetValue(attribute, name)
    buffer, size = ctypes.create_string_buffer(_LONGEST), ctypes.c_ulong()
    if not value or not pdfium.FPDF_StructElement_Attr_GetStringValue(value, buffer, _LONGEST, ctypes.byref(size)):
        return ""
    return buffer.raw[: max(min(size.value, _LONGEST) - 2, 0)].decode("utf-16-le", "replace")


def _type(pdfium: Any, element: Any) -> str:
    buffer = ctypes.create_string_buffer(_LONGEST)
    length = pdfium.FPDF_StructElement_GetType(element, buffer, _LONGEST)
    return buffer.raw[: max(min(length, _LONGEST) - 2, 0)].decode("utf-16-le", "replace")
