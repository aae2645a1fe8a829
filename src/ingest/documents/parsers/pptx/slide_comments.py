"""Comments on slides: those of PowerPoint until 2019, and threads as newer versions store them."""

from typing import Any

from ingest.documents.parsers._office.drawings import paragraph
from ingest.documents.parsers._office.ooxml import A, P, Package
from ingest.documents.parsers._reading.comments import Comment, in_threads

_M = "{http://schemas.microsoft.com/office/powerpoint/2018/8/main}"
_THREAD = "{http://schemas.microsoft.com/office/powerpoint/2012/main}"
_RESOLVED = ("resolved", "closed")


def read_authors(package: Package, main: str) -> dict[str, str]:
    """Return id → name of those who commented on slides. Raises: MalformedDocument, OversizedDocument."""
    return {
        author.get("id") or "": author.get("name") or ""
        for kind in ("commentAuthors", "authors")
        for part in package.related(main, kind)
        for author in package.xml(part).iter(P + "cmAuthor", _M + "author")
    }


def slide_comments(package: Package, slide: str, authors: dict[str, str]) -> list[Comment]:
    """Return the comments on a slide, each followed by its replies. Raises: MalformedDocument, OversizedDocument."""
    found = []
    for part in package.related(slide, "comments"):
        elements = dict(enumerate(package.xml(part).iter(P + "cm", _M + "cm", _M + "reply")))
        numbers = {_name(element): number for number, element in elements.items() if element.get("idx")}
        answered = ((number, element.find(f".//{_THREAD}parentCm")) for number, element in elements.items())
        parents = {number: None if one is None else numbers.get(_name(one)) for number, one in answered}
        for element in (elements[number] for number in in_threads(parents)):
            author = authors.get(element.get("authorId") or "", "")
            found.append(Comment(author, _lines(element), element.get("status") in _RESOLVED))
    return found


def _name(element: Any) -> tuple[str | None, str | None]:
    """Return what tells a comment of the older kind from others."""
    return element.get("authorId"), element.get("idx")


def _lines(element: Any) -> list[str]:
    text = element.findtext(P + "text")
    if text is not None:
        return str(text).split("\n")
    body = element.find(_M + "txBody")
    return [] if body is None else [line for each in body.iterfind(A + "p") for line in paragraph(each)]
