"""In which order the pages of a book are read, by its package document, and what they are called in its contents."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.documents.parsers.epub.book import Book
from ingest.errors import DocumentError, MalformedDocument

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_ENDINGS = (".xhtml", ".html", ".htm", ".xht")  # of pages whose media type is wrong
_NOT_READ = ("cover", "toc", "title-page-image")  # kinds of references in an EPUB 2's guide
_FALLBACKS = 10  # from item to item
_CONTENTS = 0.7  # share of a page's letters that are links in a table of contents
_FEWEST_LINKS = 3


@dataclass(frozen=True)
class ReadingOrder:
    """The pages of a book."""

    spine: tuple[str, ...]  # in the order of the book
    others: tuple[str, ...]  # pages outside of it that are in the archive
    passed: frozenset[str]  # covers and tables of contents
    titles: dict[str, str]  # of pages, in the table of contents


def pages_of(book: Book, package: Any, folder: str) -> ReadingOrder:
    """Return the order of the pages. What the spine names and the book has not is added to what is left out."""
    items = {item.get("id", ""): item for item in package.iter("item")}
    passed = {
        book.place(folder, reference.get("href", ""))
        for reference in package.iter("reference")
        if reference.get("type", "") in ("cover", "toc")
    }
    passed |= {book.place(folder, item.get("href", "")) for item in items.values() if _is_navigation(item)}
    spine: dict[str, None] = {}
    for reference in package.iter("itemref"):
        item = _page_item(items, reference.get("idref", ""))
        if item is None:
            _tell_no_page(book, items, reference.get("idref", ""))
            continue
        name = book.place(folder, item.get("href", ""))
        if name and name not in passed:
            spine[name] = None
        elif not name:
            _tell_no_page(book, items, reference.get("idref", ""))
    pages = [book.place(folder, item.get("href", "")) for item in items.values() if _is_page(item)]
    pages += filter(_is_named_as_page, book.archive.namelist())
    others = dict.fromkeys(name for name in pages if name not in spine and name not in passed and book.has(name))
    return ReadingOrder(tuple(spine), tuple(others), frozenset(passed), _titles(book, items, folder))


def linked_pages(book: Book, name: str, root: Any) -> Iterator[str]:
    """Yield the pages of the book to which a page links, in its order."""
    folder = posixpath.dirname(name)
    for link in root.iter("a"):
        target = book.place(folder, link.get("href", ""))
        if target and target != name and target.lower().endswith(_ENDINGS) and book.has(target):
            yield target


def is_contents(root: Any) -> bool:
    """Return whether a page is a table of contents: hardly more than links."""
    links = list(root.iter("a"))
    linked = sum(len("".join("".join(link.itertext()).split())) for link in links if link.get("href"))
    body = root.find("body")
    whole = len("".join("".join((root if body is None else body).itertext()).split()))
    return len(links) >= _FEWEST_LINKS and linked >= _CONTENTS * whole


def _tell_no_page(book: Book, items: dict[str, Any], name: str) -> None:
    """Add what the order names and is no page of the book to what is left out; its contents are none."""
    item = items.get(name)
    if item is None:
        told = f"names {name[:100]!r}, which is nothing in it"
    elif _is_navigation(item):
        return
    else:
        told = f"names {item.get('href', '')[:200]!r}, which is no page of it"
    book.bad.add(MalformedDocument(f"{book.path}: the book's order {told}"))


def _is_named_as_page(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) and not any(
        part[:1] == "." or part == "__MACOSX" for part in name.split("/")
    )


def _page_item(items: dict[str, Any], name: str) -> Any:
    """Return the item of a page, or the one that stands in for something else; None without one."""
    for _ in range(_FALLBACKS):
        item = items.get(name)
        if item is None or _is_page(item):
            return item
        name = item.get("fallback", "")
    return None


def _is_page(item: Any) -> bool:
    kind, href = item.get("media-type", "").strip().lower(), item.get("href", "").partition("#")[0].lower()
    wrong = not kind.startswith(("image/", "audio/", "video/", "text/css", "font/")) and href.endswith(_ENDINGS)
    return (kind in _PAGES or wrong) and not _is_navigation(item)


def _is_navigation(item: Any) -> bool:
    return "nav" in item.get("properties", "").split()


def _titles(book: Book, items: dict[str, Any], folder: str) -> dict[str, str]:
    """Return page → its first title in the table of contents: EPUB 3's, or else the NCX of EPUB 2."""
    found: dict[str, str] = {}
    for item in filter(_is_navigation, items.values()):
        name = book.place(folder, item.get("href", ""))
        for link in _elements(book, name, "a"):
            _keep(found, book.place(posixpath.dirname(name), link.get("href", "")), "".join(link.itertext()))
    for item in items.values():
        if item.get("media-type") == "application/x-dtbncx+xml" and not found:
            name = book.place(folder, item.get("href", ""))
            for point in _elements(book, name, "navpoint"):
                content, label = point.find("content"), point.find("navlabel")
                if content is not None and label is not None:
                    target = book.place(posixpath.dirname(name), content.get("src", ""))
                    _keep(found, target, "".join(label.itertext()))
    return found


def _elements(book: Book, name: str, tag: str) -> Iterator[Any]:
    """Yield the elements of a table of contents; none of one that cannot be read, without which the text is whole."""
    try:
        root = book.xml(name)
    except DocumentError:
        return
    yield from root.iter(tag) if root is not None else ()


def _keep(found: dict[str, str], target: str, title: str) -> None:
    if title.strip():
        found.setdefault(target, " ".join(title.split()))
