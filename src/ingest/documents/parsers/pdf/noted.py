"""The annotations of one page, read before PDFium makes what they show part of the page's content."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers.pdf.annotations import MAX_NOTES, Box, Budget, Remark, TextBox, annotations, box_of
from ingest.documents.parsers.pdf.attachments import Attachments
from ingest.documents.parsers.pdf.fields import Field, Forms

# Parts of a form: what is drawn by an annotation, a label and its value, a value alone, a box and its label.
DRAWN, FIELD, VALUE, MARK = "drawn", "field", "value", "mark"


@dataclass(slots=True)
class NoteFrame:
    """Where an annotation is."""

    box: Box


@dataclass(slots=True)
class Noted:
    """Fields, text boxes and comments of a page."""

    fields: list[Field] = field(default_factory=list)
    boxes: list[TextBox] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    frames: list[NoteFrame] = field(default_factory=list)  # of all its annotations
    own: int | None = None  # objects of the page before its annotations were added; None when they were not

    @property
    def shown(self) -> bool:
        """Whether anything on the page comes from annotations."""
        return bool(self.fields or self.boxes) or self.own is not None

    def all(self) -> Iterator[Field | TextBox | Remark | NoteFrame]:
        """Yield everything that has a place."""
        yield from self.fields
        yield from self.boxes
        yield from self.remarks
        yield from self.frames


def read_noted(handle: Any, forms: Forms, files: Attachments, budget: Budget, *, comments: bool) -> Noted:
    """Return a page's annotations, and make fields, text boxes and stamps part of its content.

    The page must be loaded again if `own` is set.

    Args:
        handle: pypdfium2's page.
        forms: The form of its document.
        files: Gets those that are pinned to the page.
        budget: For what is read.
        comments: Whether they are wanted.

    Raises: OversizedDocument.
    """
    import pypdfium2.raw as pdfium

    kinds, frames = set(), []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(handle), MAX_NOTES)):
        if note := pdfium.FPDFPage_GetAnnot(handle, index):
            try:
                kinds.add(kind := pdfium.FPDFAnnot_GetSubtype(note))
                frames.append(NoteFrame(box_of(pdfium, note)))
                if kind == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                    files.add_pinned(handle, note)
            finally:
                pdfium.FPDFPage_CloseAnnot(note)
    if not kinds - {pdfium.FPDF_ANNOT_LINK}:
        return Noted()
    others = kinds - {pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_WIDGET}
    remarks, boxes = annotations(handle, budget) if others else ([], [])
    found = Noted(list(forms.fields(handle)), boxes, remarks if comments else [], frames)
    if kinds & {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}:
        own = pdfium.FPDFPage_CountObjects(handle)
        handle.set_mediabox(*handle.get_bbox())  # it would become that of a letter if the page inherits its own
        if pdfium.FPDFPage_Flatten(handle, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            found.own = own
    return found
