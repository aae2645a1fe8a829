"""Patterns in lines of PDF text (list markers, leaders, captions), and how lines are joined."""

import re
import unicodedata
from collections.abc import Iterable

from ingest.documents.parsers.pdf.hyphens import Vocabulary, with_seams

BULLETS = "•‣⁃∙◦▪▫■□●○◆◇►▶▸➢➤➔➜➝→⇒➙➛➡➥↳❯◾◽⚫⚪✦★✓✔✗✘☐☑☒❖–—*·\uf0b7\uf0a7\uf0d8"
MARKER = re.compile(rf"(?:[{re.escape(BULLETS)}-]|o|\(?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{1,5}})[.)]|\[\d{{1,3}}\])")
ITEM = re.compile(rf"(?:{MARKER.pattern})\s+\S")
LEADERS = re.compile(r"\.{4}|(?:\. ){4}|…{2}")
CAPTION = re.compile(
    r"(?i:fig(?:ure|\.)?|table|tab\.|chart|exhibit|box|listing|algorithm|scheme|plate|map)\s*"
    r"[A-Z]?\d{1,4}(?:[.-]\d{1,4}){0,4}[a-z]?(?:\s*[:.|–—](?:\s|$)|\s*$|\s+[A-Z“\"(\[])"
)
NUMBERED = re.compile(r"((?:\d{1,2}|[A-Z]|[IVXLC]{1,5})(?:\.\d{1,3})*)\.?\s+\S")
PAGE_NUMBER = re.compile(r"[-–— |]*(?:page|p\.|seite|página)?\s*[#\d]+(?:\s*(?:of|/|von|de|sur)\s*[#\d]+)?[-–— |]*")


def join_lines(lines: Iterable[str], words: Vocabulary | None = None) -> str:
    """Return lines joined into one, with words restored that a hyphen splits at the end of a line.

    Args:
        lines: None of them empty.
        words: Those of the document, to tell "self-contained" from "docu-mentation".
    """
    return with_seams(lines, words or Vocabulary())


def right_to_left(words: Iterable[str]) -> bool:
    """Return whether nearly all words begin with a letter of Hebrew, Arabic or a similar script."""
    right = left = 0
    for word in words:
        letter = word[:1]
        if letter >= "\u0590":
            turned = unicodedata.bidirectional(letter) in ("R", "AL")
            right, left = right + turned, left + (not turned)
        elif letter.isalpha():
            left += 1
    return right > 4 * left
