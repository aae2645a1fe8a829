"""Files inside of a PDF: those of the document, and those that are pinned to a page by an annotation."""

import logging
from typing import Any

from ingest.errors import OversizedDocument
from ingest.records import Child, RawDocument

logger = logging.getLogger(__name__)


class Attachments:
    """The files that were found, within the limits for archives."""

    def __init__(self, raw: RawDocument) -> None:
        """Start without any."""
        self._path, self._limits = raw.ref.path, raw.options.limits
        self._found: dict[str, bytes] = {}
        self._count = self._total = 0

    @property
    def children(self) -> tuple[Child, ...]:
        """The files in the order in which they were found."""
        return tuple(Child(name, data) for name, data in self._found.items())

    def add_all(self, pdf: Any) -> None:
        """Add the files of pypdfium2's document. Raises: OversizedDocument."""
        import pypdfium2.raw as pdfium

        count = pdf.count_attachments()
        if count > self._limits.archive_entries:
            limit = self._limits.archive_entries
            raise OversizedDocument(f"{self._path}: {count} attachments, over the limit of {limit}")
        for index in range(count):
            self._add(pdf, pdfium.FPDFDoc_GetAttachment(pdf, index))

    def add_pinned(self, page: Any, note: Any) -> None:
        """Add the file of an annotation on pypdfium2's page. Raises: OversizedDocument."""
        import pypdfium2.raw as pdfium

        self._add(page.pdf, pdfium.FPDFAnnot_GetFileAttachment(note))

    def _add(self, pdf: Any, handle: Any) -> None:
        """Add a file unless it is there already, pinned to a page as well as listed."""
        import pypdfium2

        self._count += 1
        if self._count > self._limits.archive_entries:
            limit = self._limits.archive_entries
            raise OversizedDocument(f"{self._path}: {self._count} attachments, over the limit of {limit}")
        name = f"attachment-{self._count}"
        try:
            if not handle:
                raise pypdfium2.PdfiumError("it is damaged")
            attachment = pypdfium2.PdfAttachment(handle, pdf)
            name = attachment.get_name() or name
            data = bytes(attachment.get_data())
        except pypdfium2.PdfiumError as error:
            logger.warning("%s: the attachment %r is left out, it cannot be read: %s", self._path, name, error)
            return
        self._total += len(data)
        if self._total > self._limits.archive_bytes:
            limit = self._limits.archive_bytes
            raise OversizedDocument(f"{self._path}: attachments over the limit of {limit} bytes unpacked")
        if self._found.get(name) != data:
            while name in self._found:
                name = f"{self._count}-{name}"
            self._found[name] = data
