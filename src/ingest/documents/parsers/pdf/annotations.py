"""What people wrote onto a page: comments with their replies, and text boxes (FreeText) that no appearance shows.

A text box is text of the page. A comment is about it: a note, a remark on marked text or on a drawing, a reply. Of
those, the text is read, not what they mark; a pop-up only shows the text of another annotation. Left out: states of a
review such as "accepted", and remarks that only repeat what they mark.
"""

import ctypes
import html
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.documents.parsers._reading.comments import Comment, comment_lines, in_threads
from ingest.errors import OversizedDocument

MAX_NOTES = 10_000  # annotations read per page
_HIDDEN, _PRINTED, _NOT_VIEWED = 2, 4, 32  # flags of annotations
_COMMENTS = [
    "TEXT",
    "HIGHLIGHT",
    "UNDERLINE",
    "SQUIGGLY",
    "STRIKEOUT",
    "SQUARE",
    "CIRCLE",
    "LINE",
    "POLYGON",
    "POLYLINE",
    "INK",
    "CARET",
    "STAMP",
    "FILEATTACHMENT",
    "REDACT",
    "POPUP",
]
_BREAK = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SIZE = re.compile(r"([\d.]{1,12})\s+Tf\b")
_CSS_SIZE = re.compile(r"(?:font|font-size)\s*:[^;]{0,80}?([\d.]{1,12})\s*pt")
_DATED = re.compile(r",\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b.*$")  # LibreOffice puts a date behind the name
_FAR = 1e6  # points: no page is larger
_TYPICAL = 12.0  # points, of a text box that does not say

Box = tuple[float, float, float, float]


class Budget:
    """How many characters may still be read from annotations: one value may be shown in thousands of places."""

    def __init__(self, path: str, characters: int) -> None:
        """Start with all of them."""
        self._path, self._limit, self._left = path, characters, characters

    def spend(self, characters: int) -> None:
        """Take some. Raises: OversizedDocument when there are none left."""
        self._left -= characters
        if self._left < 0:
            raise OversizedDocument(f"{self._path}: text over the limit of {self._limit} characters in annotations")


@dataclass(slots=True)
class Remark:
    """A comment about the page, or a reply to one."""

    text: str
    author: str
    hidden: bool
    box: Box  # left, bottom, right, top in the page's own coordinates, then x0, top, x1, bottom as those of words
    marks_text: bool = False  # it marks text instead of standing beside it

    @property
    def lines(self) -> list[str]:
        """The comment as it stands in the document's text."""
        return comment_lines(Comment(self.author, self.text.split("\n")))


@dataclass(slots=True)
class TextBox:
    """Text that belongs onto the page."""

    lines: list[str]
    size: float  # of the font, in points
    hidden: bool
    box: Box  # likewise
    drawn: bool = False  # an appearance shows it


@dataclass(slots=True)
class _Note:
    kind: str
    text: str
    author: str
    hidden: bool
    box: Box
    parent: int  # number of the annotation to which it belongs, -1 without one
    size: float = _TYPICAL
    is_state: bool = False


def annotations(page: Any, budget: Budget) -> tuple[list[Remark], list[TextBox]]:
    """Return the comments of pypdfium2's page, replies after what they answer, and its text boxes.

    Raises: OversizedDocument.
    """
    notes = dict(_notes(page, budget))
    boxes = [
        TextBox(lines, note.size, note.hidden, note.box)
        for note in notes.values()
        if note.kind == "FREETEXT" and (lines := [" ".join(line.split()) for line in note.text.splitlines()])
    ]
    said = {note.text for note in notes.values() if note.kind != "POPUP"}
    comments = {
        number: note
        for number, note in notes.items()
        if note.kind != "FREETEXT"
        and note.text
        and not note.is_state
        and (note.kind != "POPUP" or note.text not in said)
    }
    parents = {number: note.parent for number, note in comments.items()}
    return [_remark(comments[number]) for number in in_threads(parents)], boxes


def _notes(page: Any, budget: Budget) -> Iterator[tuple[int, _Note]]:
    """Yield number and content of a page's comments and text boxes."""
    import pypdfium2.raw as pdfium

    kinds = {getattr(pdfium, f"FPDF_ANNOT_{name}"): name for name in [*_COMMENTS, "FREETEXT"]}
    for number in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_NOTES)):
        note = pdfium.FPDFPage_GetAnnot(page, number)
        if not note:
            continue
        try:
            kind = kinds.get(pdfium.FPDFAnnot_GetSubtype(note))
            if kind is not None:
                found = _note(pdfium, page, note, kind)
                budget.spend(len(found.text) + len(found.author))
                yield number, found
        finally:
            pdfium.FPDFPage_CloseAnnot(note)


def _note(pdfium: Any, page: Any, note: Any, kind: str) -> _Note:
    text = string_of(pdfium, note, b"Contents") or rich_text(string_of(pdfium, note, b"RC"))
    author = _DATED.sub("", " ".join(string_of(pdfium, note, b"T").split()))
    found = _Note(kind, cleaned(text), author, is_out_of_sight(pdfium, note), box_of(pdfium, note), -1)
    found.is_state = bool(pdfium.FPDFAnnot_HasKey(note, b"StateModel"))
    if kind == "FREETEXT":
        style = _SIZE.search(string_of(pdfium, note, b"DA")) or _CSS_SIZE.search(string_of(pdfium, note, b"DS"))
        size = float(style[1]) if style and style[1].count(".") < 2 and style[1].strip(".") else 0.0
        found.size = size if 1.0 < size < 200.0 else _TYPICAL
    elif kind != "POPUP" and (parent := pdfium.FPDFAnnot_GetLinkedAnnot(note, b"IRT")):
        found.parent = pdfium.FPDFPage_GetAnnotIndex(page, parent)
        pdfium.FPDFPage_CloseAnnot(parent)
    return found


def _remark(note: _Note) -> Remark:
    marks_text = note.kind in ("HIGHLIGHT", "UNDERLINE", "SQUIGGLY", "STRIKEOUT", "STAMP")
    return Remark(note.text, note.author, note.hidden, note.box, marks_text)


def is_out_of_sight(pdfium: Any, note: Any) -> bool:
    """Return whether an annotation is neither shown nor printed."""
    flags = pdfium.FPDFAnnot_GetFlags(note)
    return bool(flags & _HIDDEN or (flags & _NOT_VIEWED and not flags & _PRINTED))


def box_of(pdfium: Any, note: Any) -> Box:
    """Return the rectangle of an annotation: left, bottom, right, top."""
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(note, ctypes.byref(rect))
    left, bottom, right, top = (
        max(min(edge, _FAR), -_FAR) if not math.isnan(edge) else 0.0
        for edge in (rect.left, rect.bottom, rect.right, rect.top)
    )
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def string_of(pdfium: Any, note: Any, key: bytes) -> str:
    """Return the text of an entry, "" without one."""
    return utf16(lambda buffer, size: pdfium.FPDFAnnot_GetStringValue(note, key, buffer, size))


def utf16(get: Callable[[Any, int], int]) -> str:
    """Return the text that one of PDFium's functions writes into a buffer; it returns the bytes that it needs."""
    import pypdfium2.raw as pdfium

    size = get(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    get(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").replace("\0", "")


def cleaned(text: str) -> str:
    """Return a text with its line breaks as line feeds, and without marks of a language or control characters."""
    text = re.sub("\x1b[^\x1b]{0,8}\x1b", "", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return "".join(letter for letter in text if letter >= " " or letter == "\n").strip()


def rich_text(markup: str) -> str:
    """Return the text of a rich text string, a subset of XHTML."""
    return cleaned(html.unescape(_TAG.sub("", _BREAK.sub("\n", markup.replace("\r", " ").replace("\n", " ")))))
