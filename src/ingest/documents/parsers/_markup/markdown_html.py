"""Headings in HTML blocks of Markdown files, such as `<h1 align="center">Title</h1>` on its own lines."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator

from ingest.documents.parsers._markup.markdown_events import MarkdownBlock
from ingest.documents.parsers._reading.lines import Lines

_LONGEST = 2000  # characters of a heading's tags and text

_HEADING = re.compile(
    rf"(?<![^\r\n])[ \t]*<h(?P<level>[1-6])(?:\s[^<>]{{0,{_LONGEST}}})?>"
    rf"(?P<inside>(?:[^<]|<(?!h[1-6]\b)){{0,{_LONGEST}}}?)</h(?P=level)\s*>[ \t]*(?![^\r\n])",
    re.I | re.S,
)
_TAG_OF_HEADING = re.compile("<h[1-6]", re.I)
_BREAK = re.compile(r"<br\b[^<>]*>", re.I)
TAG = re.compile(r"<[^<>]*>")


def headings(lines: Lines, first: int, end: int) -> Iterator[MarkdownBlock]:
    """Yield the headings within the lines [first, end) of an HTML block, in order."""
    start, stop = lines.start(first), lines.start(end)
    if not _TAG_OF_HEADING.search(lines.text, start, stop):
        return
    for match in _HEADING.finditer(lines.text, start, stop):
        at, to = (bisect_right(lines.starts, place) - 1 for place in (match.start(), match.end() - 1))
        yield MarkdownBlock("Heading", at, to + 1, level=int(match["level"]), title=html_title(match["inside"]))


def html_title(source: str) -> str:
    """Return the text of a heading in HTML on one line."""
    return " ".join(html.unescape(TAG.sub("", _BREAK.sub(" ", source))).split())
