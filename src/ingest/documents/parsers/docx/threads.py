"""The comments of a DOCX, in threads: replies follow what they answer."""

from typing import Any

from ingest.documents.parsers._office.ooxml import W
from ingest.documents.parsers.docx.styles import flag

_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_W15 = "{http://schemas.microsoft.com/office/word/2012/wordml}"


class DocxComments:
    """Comments by id; each is taken once."""

    def __init__(self, comments: Any, extended: Any) -> None:
        """Read the roots of `comments.xml` and `commentsExtended.xml`, None for a document without them."""
        self._left: dict[str, Any] = {}
        self._replies: dict[str, list[str]] = {}  # id → ids of replies
        self._resolved: set[str] = set()
        ids: dict[str, str] = {}  # of the comment's last paragraph → of the comment
        for comment in () if comments is None else comments.iterfind(W + "comment"):
            key = comment.get(W + "id") or ""
            self._left[key] = comment
            ids |= {mark: key for p in comment.iterfind(W + "p") if (mark := p.get(_W14 + "paraId"))}
        for more in () if extended is None else extended.iterfind(_W15 + "commentEx"):
            key = ids.get(more.get(_W15 + "paraId") or "", "")
            parent = ids.get(more.get(_W15 + "paraIdParent") or "", "")
            if flag(more.get(_W15 + "done"), False):
                self._resolved.add(key)
            if parent and parent != key:
                self._replies.setdefault(parent, []).append(key)

    def take(self, key: str) -> list[tuple[Any, bool]]:
        """Return a comment and its replies, and whether each is resolved; nothing if it was taken before."""
        found = []
        waiting = [key]
        while waiting:
            key = waiting.pop()
            comment = self._left.pop(key, None)
            if comment is not None:
                found.append((comment, key in self._resolved))
                waiting += reversed(self._replies.get(key, []))
        return found
