"""EPUB books: the documents of the spine in order, read by the same walk as HTML.

Headings keep their levels; a document without a heading gets its title from the book's table of contents. The cover,
the table of contents itself and pages outside the spine are left out. Books with DRM are refused.
"""

import posixpath
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_tree import declared_encoding, xhtml_tree
from ingest.documents.parsers._markup.xml_tree import xml_tree
from ingest.documents.parsers._reading.archives import open_zip, read_entry
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.decoding import decode
from ingest.documents.parsers._reading.titles import document_title
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, ScannedDocument
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("application/epub+zip",)
VERSION = "4"
LIBRARIES = ("lxml", "charset-normalizer", "webencodings")

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # obfuscated fonts, not encryption
_TOP = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass(frozen=True)
class _Book:
    """An opened book."""

    archive: zipfile.ZipFile
    path: str
    limit: int  # bytes per entry
    nesting: int

    def read(self, name: str) -> bytes | None:
        """Return an entry, None when there is none."""
        try:
            return read_entry(self.archive, self.archive.getinfo(name), self.limit)
        except KeyError:
            return None

    def xml(self, name: str) -> Any:
        """Return the root of an XML entry, None when there is none."""
        data = self.read(name)
        if data is None:
            return None
        where = f"{self.path}: {name}"
        return xml_tree(decode(data, where, declared_encoding(data)), where, nesting=self.nesting)


def parse(raw: RawDocument) -> Document:
    """Return the document.

    Raises: EmptyDocument, ScannedDocument, EncryptedDocument, MalformedDocument, OversizedDocument.
    """
    path, limits = raw.ref.path, raw.options.limits
    book = _Book(open_zip(raw), path, limits.archive_bytes, limits.nesting)
    _refuse_encrypted(book)
    place, package = _package(book)
    folder = posixpath.dirname(place)
    items = {item.get("id", ""): item for item in package.iter("item")}
    titles = _titles(book, package, items, folder)
    assembly = Assembly(raw)
    pages = pictures = 0
    for name in _spine(package, items, folder):
        data = book.read(name)
        if data is None or not data.strip():
            continue
        pages += 1
        pictures += not _add_page(assembly, data, f"{path}: {name}", titles.get(name, ""))
    title, language = _meta(package, "title"), _meta(package, "language").partition("-")[0].lower()
    if not assembly.blocks:
        failure = ScannedDocument if pictures else EmptyDocument
        raise failure(f"{path}: a book of {pages} pages, none with text")
    blocks = tuple(assembly.blocks)
    return Document(assembly.text, blocks, document_title(blocks, title), raw.media_type, "epub", language)


def _refuse_encrypted(book: _Book) -> None:
    """Raise EncryptedDocument when anything except fonts is encrypted."""
    if book.read("META-INF/rights.xml") is not None and book.read("META-INF/encryption.xml") is not None:
        raise EncryptedDocument(f"{book.path}: the book has rights management")
    root = book.xml("META-INF/encryption.xml")
    for entry in root.iter("encrypteddata") if root is not None else ():
        method = next(entry.iter("encryptionmethod"), None)
        algorithm = method.get("Algorithm", "") if method is not None else ""
        if algorithm not in _FONTS:
            raise EncryptedDocument(f"{book.path}: content is encrypted ({algorithm[:100] or 'unknown method'})")


def _package(book: _Book) -> tuple[str, Any]:
    """Return the name and root of the package document."""
    container = book.xml("META-INF/container.xml")
    place = (
        next((file.get("full-path", "") for file in container.iter("rootfile")), "") if container is not None else ""
    )
    if not place:
        place = next((name for name in book.archive.namelist() if name.endswith(".opf")), "")
    package = book.xml(place) if place else None
    if package is None:
        raise MalformedDocument(f"{book.path}: no package document, META-INF/container.xml names {place or 'none'!r}")
    return place, package


def _spine(package: Any, items: dict[str, Any], folder: str) -> list[str]:
    """Return the names of the documents to read, in order, each once."""
    covers = {
        _join(folder, reference.get("href", ""))
        for reference in package.iter("reference")
        if reference.get("type", "") in ("cover", "toc")
    }
    found: dict[str, None] = {}
    for reference in package.iter("itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or item.get("media-type", "") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        name = _join(folder, item.get("href", ""))
        if name not in covers:
            found[name] = None
    return list(found)


def _add_page(assembly: Assembly, data: bytes, where: str, title: str) -> bool:
    """Append one document; return whether it had text. `title` is used when it has no heading."""
    root = xhtml_tree(decode(data, where, declared_encoding(data)), where, nesting=assembly.limits.nesting)
    if root is None:
        return False
    before = len(assembly.blocks)
    body = root.find("body")
    page = root if body is None else body
    kind = page.get("{http://www.idpf.org/2007/ops}type", "")
    if "cover" in kind.split():
        return True
    if title and next(page.iter(*_TOP), None) is None and "".join(page.itertext()).strip():
        assembly.heading(title, 1)
    add_html(assembly, root)
    return len(assembly.blocks) > before


def _titles(book: _Book, package: Any, items: dict[str, Any], folder: str) -> dict[str, str]:
    """Return document → its first title in the table of contents: EPUB 3's, or else the NCX of EPUB 2."""
    found: dict[str, str] = {}
    for item in items.values():
        if "nav" in item.get("properties", "").split():
            name = _join(folder, item.get("href", ""))
            root = book.xml(name)
            for link in root.iter("a") if root is not None else ():
                _keep(found, posixpath.dirname(name), link.get("href", ""), "".join(link.itertext()))
    for item in items.values():
        if item.get("media-type") == "application/x-dtbncx+xml" and not found:
            name = _join(folder, item.get("href", ""))
            root = book.xml(name)
            for point in root.iter("navpoint") if root is not None else ():
                content, label = point.find("content"), point.find("navlabel")
                if content is not None and label is not None:
                    _keep(found, posixpath.dirname(name), content.get("src", ""), "".join(label.itertext()))
    return found


def _keep(found: dict[str, str], folder: str, target: str, title: str) -> None:
    if title.strip():
        found.setdefault(_join(folder, target), " ".join(title.split()))


def _join(folder: str, target: str) -> str:
    """Return the entry to which a reference points, without its fragment."""
    return posixpath.normpath(posixpath.join(folder, unquote(target.partition("#")[0])))


def _meta(package: Any, name: str) -> str:
    found = next(package.iter(name), None)
    return " ".join("".join(found.itertext()).split()) if found is not None else ""
