"""The package format of DOCX, PPTX and XLSX: parts in a zip archive, and relationships between them.

Why not `python-docx` and `python-pptx`: they refuse ISO Strict files and packages with dangling relationships, both of
which office programs open; they unpack every picture into memory; and structure (numbering, notes, text boxes, content
controls, tracked changes) has to be read from the XML anyway. So lxml reads the parts directly, without entities,
document types or network access.
"""

import io
import logging
import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from ingest.documents.parsers._reading.archives import open_zip, read_entry
from ingest.errors import DocumentError, EncryptedDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from ingest.records import Child, RawDocument

logger = logging.getLogger(__name__)

CFB = bytes.fromhex("d0cf11e0a1b11ae1")  # an OLE file: an old Office format, or a new one with a password
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")  # ISO 29500 Strict → the usual namespaces
_TRANSITIONAL = rb"http://schemas.openxmlformats.org/\1/2006/"
_DEEP = "depth"  # in libxml2's message when elements are nested deeper than 256

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"


@dataclass(frozen=True, slots=True)
class Relation:
    """A reference from one part to another part of the package."""

    kind: str  # last segment of the type, such as "slide"
    target: str  # name of the part, without a leading slash


class Package:
    """Parts by name, read on demand. Names are case-insensitive, as the format requires."""

    def __init__(self, raw: RawDocument) -> None:
        """Open the archive.

        Raises: EncryptedDocument, UnsupportedFormat (an old Office format), and whatever `open_zip` raises.
        """
        from lxml import etree

        self.path, self._etree = raw.ref.path, etree
        if raw.data.startswith(CFB):
            if _ENCRYPTED in raw.data:
                raise EncryptedDocument(f"{self.path}: protected by a password")
            raise UnsupportedFormat(f"{self.path}: an Office format from before 2007; save it as docx, xlsx or pptx")
        self._archive = open_zip(raw)
        self._limit = raw.options.limits.archive_bytes
        self._names = {_plain(info.filename): info for info in self._archive.infolist()}
        self._relations: dict[str, dict[str, Relation]] = {}
        self._parser = etree.XMLParser(  # made once: it takes as long as a small part
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )

    def main(self, name: str) -> str:
        """Return the name of the main part: the one in the package's own relationships, else `name`.

        Raises: MalformedDocument when there is neither.
        """
        found = self.related("", "officeDocument")
        for candidate in (*found, name):
            if self.has(candidate):
                return candidate
        raise MalformedDocument(f"{self.path}: an archive of {len(self._names)} entries without {name}")

    def has(self, name: str) -> bool:
        """Return whether a part exists."""
        return _plain(name) in self._names

    def names(self) -> list[str]:
        """Return the names of all parts, in lower case."""
        return list(self._names)

    def data(self, name: str) -> bytes:
        """Return a part's content. Raises: MalformedDocument when it is missing or damaged; OversizedDocument."""
        info = self._names.get(_plain(name))
        if info is None:
            raise MalformedDocument(f"{self.path}: no part {name}")
        return read_entry(self._archive, info, self._limit)

    def xml(self, name: str) -> Any:
        """Return the root element of a part. Raises: MalformedDocument, OversizedDocument (nested too deep)."""
        try:
            root = self._etree.fromstring(self._transitional(name), self._parser)
        except self._etree.XMLSyntaxError as error:
            raise self._fault(name, error) from error
        self._refuse_doctype(name, root)
        return root

    def elements(self, name: str, *tags: str) -> Iterator[Any]:
        """Yield elements of a part as they end, freeing each after use, so that memory does not grow with the part.

        Raises: as `xml` does.
        """
        source = io.BytesIO(self._transitional(name))
        events = self._etree.iterparse(
            source,
            events=("end",),
            tag=tags,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        first = True
        try:
            for _, element in events:
                if first:
                    self._refuse_doctype(name, element)
                    first = False
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        except self._etree.XMLSyntaxError as error:
            raise self._fault(name, error) from error

    def relations(self, name: str) -> dict[str, Relation]:
        """Return relationship id → target for the parts to which part `name` refers; "" is the package itself.

        Targets outside the package are left out (nothing is fetched), and so are those that do not exist.
        """
        if name not in self._relations:
            folder, base = posixpath.split(name)
            part = posixpath.join(folder, "_rels", f"{base}.rels")
            found = {}
            for element in self.xml(part) if self.has(part) else ():
                target = element.get("Target") or ""
                if element.get("TargetMode") == "External" or not target:
                    continue
                target = _resolved(folder, target)
                if self.has(target):
                    kind = (element.get("Type") or "").rsplit("/", 1)[-1]
                    found[element.get("Id") or ""] = Relation(kind, target)
            self._relations[name] = found
        return self._relations[name]

    def related(self, name: str, kind: str) -> list[str]:
        """Return the parts of one kind to which a part refers."""
        return [relation.target for relation in self.relations(name).values() if relation.kind == kind]

    def children(self, name: str) -> list[Child]:
        """Return the whole documents embedded in a part (not OLE objects, which only their own program can read)."""
        found = []
        for target in dict.fromkeys(self.related(name, "package")):
            try:
                found.append(Child(target, self.data(target)))
            except (MalformedDocument, EncryptedDocument, UnsupportedFormat) as error:
                logger.warning("%s: left out: %s", self.path, str(error).removeprefix(f"{self.path}: "))
        return found

    def title(self) -> str:
        """Return the title in the document's properties, "" without one: those of Office, or of OpenDocument."""
        for part in (*self.related("", "core-properties"), "meta.xml"):
            if self.has(part):
                with suppress(DocumentError):  # only the properties are broken
                    found = next(self.xml(part).iter("{http://purl.org/dc/elements/1.1/}title"), None)
                    return "" if found is None else " ".join("".join(found.itertext()).split())
        return ""

    def _transitional(self, name: str) -> bytes:
        data = self.data(name)
        return _STRICT.sub(_TRANSITIONAL, data) if b"http://purl.oclc.org/ooxml/" in data else data

    def _refuse_doctype(self, name: str, element: Any) -> None:
        if element.getroottree().docinfo.doctype:
            raise MalformedDocument(f"{self.path}: {name}: a document type, which the format forbids")

    def _fault(self, name: str, error: Exception) -> MalformedDocument | OversizedDocument:
        kind = OversizedDocument if _DEEP in str(error).lower() else MalformedDocument
        return kind(f"{self.path}: {name}: {error}")


def keep_one_alternative(root: Any) -> None:
    """Keep one version of content stored for both new and old programs: the first, unless it has no text."""
    for alternate in list(root.iter(MC + "AlternateContent")):
        versions = list(alternate)
        if len(versions) < 2:
            continue
        kept = next((version for version in versions if _has_text(version)), versions[0])
        for version in versions:
            if version is not kept:
                alternate.remove(version)


def _has_text(element: Any) -> bool:
    return any(text.strip() for text in element.itertext())


@lru_cache(maxsize=1000)  # the names of parts are the same in most files
def _resolved(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")


def _plain(name: str) -> str:
    return name.lstrip("/").lower()
