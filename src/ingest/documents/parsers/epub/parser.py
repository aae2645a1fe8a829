"""EPUB books: the documents of the spine in order, read by the same walk as HTML, then the notes to which they link.

Headings keep their levels; a document without a heading gets its title from the book's table of contents. The cover and
the table of contents itself are left out. A chapter that is missing or damaged, and pages that the book neither orders
nor links, are named in a warning. Books with DRM are refused.
"""

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_tree import page_title
from ingest.documents.parsers._reading.archives import BadEntries, open_zip
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.titles import document_title
from ingest.documents.parsers.epub.book import Book
from ingest.documents.parsers.epub.order import ReadingOrder, is_contents, linked_pages, pages_of
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, ScannedDocument
from ingest.records import Document, RawDocument

_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # obfuscated fonts, not encryption
_NOTES = frozenset(("footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes", "note"))
_TOP = ("h1", "h2", "h3", "h4", "h5", "h6")


def parse(raw: RawDocument) -> Document:
    """Return the document.

    Raises: EmptyDocument, ScannedDocument, EncryptedDocument, MalformedDocument, OversizedDocument.
    """
    path, limits = raw.ref.path, raw.options.limits
    book = Book(open_zip(raw), path, limits.archive_bytes, limits.nesting, BadEntries(path))
    _refuse_encrypted(book)
    place, package = _package(book)
    order = pages_of(book, package, posixpath.dirname(place))
    assembly = Assembly(raw)
    pages = pictures = 0
    seen: set[str] = set()
    for title, root in _pages(book, order, seen):
        pages += 1
        pictures += not _add_page(assembly, root, title)
    if assembly.blocks:
        _tell_others(book, (name for name in order.others if name not in seen))
    book.bad.tell(others=bool(assembly.blocks))
    title, language = _meta(package, "title"), _meta(package, "language").partition("-")[0].lower()
    if not assembly.blocks:
        failure = ScannedDocument if pictures else EmptyDocument
        raise failure(f"{path}: a book of {pages} pages, none with text")
    blocks = tuple(assembly.blocks)
    return Document(assembly.text, blocks, document_title(blocks, title), raw.media_type, "epub", language)


def _pages(book: Book, order: ReadingOrder, seen: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield title and root of the pages in the order of the book, then of those to which these link, such as notes.

    All of them are added to `seen`.
    """
    waiting = dict.fromkeys(order.spine)
    seen.update(waiting, order.passed)
    linked = False
    while waiting:
        following: dict[str, None] = {}
        for name in waiting:
            root = book.page(name)
            if root is None or (linked and is_contents(root)):
                continue
            yield order.titles.get(name, "") or (page_title(root) if linked else ""), root
            following |= dict.fromkeys(target for target in linked_pages(book, name, root) if target not in seen)
        seen.update(following)
        waiting, linked = following, True


def _tell_others(book: Book, names: Iterable[str]) -> None:
    """Add pages with text that are read nowhere to what is left out."""
    for name in names:
        root = book.page(name)
        if root is not None and "".join(_body(root).itertext()).strip() and not is_contents(root):
            told = f"{book.path}: {name} is not in the order of the book, and nothing links to it"
            book.bad.add(MalformedDocument(told))


def _refuse_encrypted(book: Book) -> None:
    """Raise EncryptedDocument when anything except fonts is encrypted."""
    if book.read("META-INF/rights.xml") is not None and book.read("META-INF/encryption.xml") is not None:
        raise EncryptedDocument(f"{book.path}: the book has rights management")
    root = book.xml("META-INF/encryption.xml")
    for entry in root.iter("encrypteddata") if root is not None else ():
        method = next(entry.iter("encryptionmethod"), None)
        algorithm = method.get("Algorithm", "") if method is not None else ""
        if algorithm not in _FONTS:
            raise EncryptedDocument(f"{book.path}: content is encrypted ({algorithm[:100] or 'unknown method'})")


def _package(book: Book) -> tuple[str, Any]:
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


def _add_page(assembly: Assembly, root: Any, title: str) -> bool:
    """Append one document; return whether it had text. `title` is used when it has no heading."""
    before = len(assembly.blocks)
    page = _body(root)
    if "cover" in _kinds(page):
        return True
    for element in page.iter("aside", "div", "section", "li", "p", "ol"):
        if not _NOTES.isdisjoint(_kinds(element)):  # a tap on the reference shows it
            element.attrib.pop("hidden", None)
            element.attrib.pop("style", None)
    if title and next(page.iter(*_TOP), None) is None and "".join(page.itertext()).strip():
        assembly.heading(title, 1)
    add_html(assembly, root)
    return len(assembly.blocks) > before


def _kinds(element: Any) -> set[str]:
    return {*element.get("{http://www.idpf.org/2007/ops}type", element.get("epub:type", "")).split()}


def _body(root: Any) -> Any:
    body = root.find("body")
    return root if body is None else body


def _meta(package: Any, name: str) -> str:
    found = next(package.iter(name), None)
    return " ".join("".join(found.itertext()).split()) if found is not None else ""
