"""Patterns in lines of PDF text (list markers, leaders, captions), and how lines are joined."""

import re
import unicodedata
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

BULLETS = "•‣⁃∙◦▪▫■□●○◆◇►▶➢➤✓✔❖–—*·\uf0b7\uf0a7\uf0d8"
MARKER = re.compile(rf"(?:[{re.escape(BULLETS)}-]|o|\(?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{1,5}})[.)]|\[\d{{1,3}}\])")
ITEM = re.compile(rf"(?:{MARKER.pattern})\s+\S")
LEADERS = re.compile(r"\.{4}|(?:\. ){4}|…{2}")
CAPTION = re.compile(
    r"(?i:fig(?:ure|\.)?|table|tab\.|chart|exhibit|box|listing|algorithm|scheme|plate|map)\s*"
    r"[A-Z]?\d{1,4}(?:[.-]\d{1,4}){0,4}[a-z]?(?:\s*[:.|–—](?:\s|$)|\s*$|\s+[A-Z“\"(\[])"
)
NUMBERED = re.compile(r"((?:\d{1,2}|[A-Z]|[IVXLC]{1,5})(?:\.\d{1,3})*)\.?\s+\S")
PAGE_NUMBER = re.compile(r"[-–— |]*(?:page|p\.|seite|página)?\s*[#\d]+(?:\s*(?:of|/|von|de|sur)\s*[#\d]+)?[-–— |]*")
_HYPHENS = ("-", "\u2010", "\xad")


def join_lines(lines: list[str], words: AbstractSet[str] = frozenset()) -> str:
    """Return lines joined into one, with words restored that a hyphen splits at the end of a line.

    The hyphen stays if `words` has the word only with it; lines of scripts without spaces are joined without one.

    Args:
        lines: None of them empty.
        words: The document's words in lower case, to tell "self-contained" from "docu-mentation".
    """
    text: list[str] = []
    for line in lines:
        if text and line:
            text.append(_seam(text, line, words))
        text.append(line)
    return "".join(text)


def _seam(text: list[str], line: str, words: AbstractSet[str]) -> str:
    """Return what goes between two lines; remove the first one's hyphen if it is only due to the line's end."""
    before = text[-1]
    if before[-1:] == "\xad":
        text[-1] = before[:-1]
        return ""
    if before[-1:] in _HYPHENS and before[-2:-1].isalpha() and line[0].isalpha():
        if line[0].islower():
            first, second = before.rsplit(None, 1)[-1][:-1], line.split(None, 1)[0].rstrip(".,;:!?)\u201d\"'")
            whole, hyphened = (first + second).lower(), f"{first}-{second}".lower()
            if whole in words or hyphened not in words:
                text[-1] = before[:-1]
        return ""
    return "" if _spaceless(before[-1:]) and _spaceless(line[0]) else " "


def _spaceless(character: str) -> bool:
    """Return whether a character's script has no spaces between words: Chinese, Japanese, full-width signs."""
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef" or character >= "\U00020000"


def right_to_left(words: Iterable[str]) -> bool:
    """Return whether most words begin with a letter of Hebrew, Arabic or a similar script."""
    balance = 0
    for word in words:
        letter = word[:1]
        if letter >= "\u0590":
            balance += 1 if unicodedata.bidirectional(letter) in ("R", "AL") else -1
        elif letter.isalpha():
            balance -= 1
    return balance > 0
