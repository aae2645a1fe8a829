"""Notes and threads of comments on the cells of a sheet."""

from typing import Any

from ingest.documents.parsers._office.ooxml import Package, S
from ingest.documents.parsers._reading.comments import Comment, copied_thread, in_threads
from ingest.documents.parsers.xlsx.cells import rich
from ingest.documents.parsers.xlsx.formulas import cell_place

_T = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_THREADED = _T + "threadedComment"
_COPY = "tc="  # in front of the author of a note that repeats a thread for older programs


def read_persons(package: Package, workbook: str) -> dict[str, str]:
    """Return id → name of those who wrote threads. Raises: MalformedDocument, OversizedDocument."""
    return {
        person.get("id") or "": person.get("displayName") or ""
        for part in package.related(workbook, "person")
        for person in package.xml(part).iter(_T + "person")
    }


def read_remarks(package: Package, sheet: str, persons: dict[str, str]) -> dict[tuple[int, int], list[Comment]]:
    """Return row and column → comments, in order. Raises: MalformedDocument, OversizedDocument."""
    found: dict[tuple[int, int], list[Comment]] = {}
    for part in package.related(sheet, "threadedComment"):
        threads = {element.get("id") or at: element for at, element in enumerate(package.xml(part).iter(_THREADED))}
        for key in in_threads({key: element.get("parentId") for key, element in threads.items()}):
            element = threads[key]
            author = persons.get(element.get("personId") or "", "")
            lines = (element.findtext(_T + "text") or "").split("\n")
            _keep(found, element, Comment(author, lines, element.get("done") in ("1", "true")))
    threaded = frozenset(found)
    for part in package.related(sheet, "comments"):
        root = package.xml(part)
        authors = [author.text or "" for author in root.iterfind(f"{S}authors/{S}author")]
        for element in root.iter(S + "comment"):
            index = element.get("authorId") or ""
            known = index.isdecimal() and len(index) < 8 and int(index) < len(authors)
            author = authors[int(index)] if known else ""
            text = element.find(S + "text")
            if text is not None and not (author.startswith(_COPY) and cell_place(element.get("ref") or "") in threaded):
                lines = _without_name(rich(text), author)
                author = "" if author.startswith(_COPY) else author
                for comment in copied_thread(lines) or [lines]:
                    _keep(found, element, Comment(author, comment))
    return found


def _keep(found: dict[tuple[int, int], list[Comment]], element: Any, comment: Comment) -> None:
    name = element.get("ref") or ""
    place = cell_place(name)
    if place:
        found.setdefault(place, []).append(comment._replace(place=name))


def _without_name(text: str, author: str) -> list[str]:
    """Return the lines of a note; Excel puts its author's name in front."""
    plain = text.strip()
    return (plain.removeprefix(f"{author}:") if author else plain).split("\n")
