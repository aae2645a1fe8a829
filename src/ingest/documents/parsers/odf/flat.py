"""OpenDocument in one XML file instead of an archive: FODT, FODS, FODP."""

import re
from typing import Any

from ingest.documents.parsers._office.ooxml import Package
from ingest.documents.parsers.odf.text import OFFICE
from ingest.errors import MalformedDocument, OversizedDocument
from ingest.records import RawDocument

_PICTURE = re.compile(rb"<office:binary-data\b[^<>]*>[^<]*</office:binary-data>")
_TITLE = f"{OFFICE}meta/{{http://purl.org/dc/elements/1.1/}}title"


class FlatFile:
    """The one file, with the same questions as a package."""

    def __init__(self, raw: RawDocument) -> None:
        """Read it, without its pictures. Raises: MalformedDocument, OversizedDocument (nested too deep)."""
        from lxml import etree

        path = raw.ref.path
        data, self._pictures = _PICTURE.subn(b"", raw.data)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            self._root = etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, LookupError) as error:
            kind = OversizedDocument if "depth" in str(error).lower() else MalformedDocument
            raise kind(f"{path}: {error}") from error
        if self._root.getroottree().docinfo.internalDTD is not None:
            raise MalformedDocument(f"{path}: a document type, which the format forbids")

    def has(self, name: str) -> bool:
        """Return whether there is such a part: the only one has the content and the styles."""
        return name == "content.xml"

    def xml(self, name: str) -> Any:
        """Return the root element."""
        return self._root

    def data(self, name: str) -> bytes:
        """Return the content of a part that is there for packages alone."""
        return b""

    def names(self) -> list[str]:
        """Return names of parts: one picture stands for all."""
        return ["pictures/"] if self._pictures else []

    def title(self) -> str:
        """Return the title in the document's properties, "" without one."""
        return " ".join((self._root.findtext(_TITLE) or "").split())


def opened(raw: RawDocument) -> Package | FlatFile:
    """Return the file as a package, or as one XML file. Raises: DocumentError."""
    start = raw.data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    return FlatFile(raw) if start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\0<")) else Package(raw)
