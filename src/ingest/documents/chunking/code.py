"""Where code and words may be cut: before definitions, at blank lines, not in what is shown as one character."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_rows = cache(lambda: (files(__package__) / "definitions.txt").read_text("utf-8").splitlines()[1:])
_words = cache(lambda: {n: words.replace("_", " ") for words, *names in map(str.split, _rows()) for n in names})
_LEADING = re.compile(r"(?:@|#\[|//|#|--|/\*|\*| \*|;)[^\n]*\n\Z")  # decorators and comments belong to what follows
_BLANK = re.compile(r"\n[ \t\r]*\n")
MOST_LEADING = 20  # lines of decorators and comments that go with a definition
LONGEST_CLUSTER = 64  # code points to look back; a longer cluster may be split
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_EXTENDS = re.compile(
    "[\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)


def definitions(text: str, language: str, start: int, end: int) -> list[int]:
    """Return where outermost definitions start inside (start, end): by their words, else where indentation ends."""
    words = _words().get((language.split() or [""])[0].strip("{}.").lower(), "")
    first_of = re.compile(rf"^(?:{words})(?![\w-])", re.MULTILINE | re.IGNORECASE)
    firsts = (m.start() for m in first_of.finditer(text, start, end)) if words else _outermost(text, start, end)
    positions = (_with_leading(text, first, start) for first in firsts)
    return list(dict.fromkeys(position for position in positions if start < position < end))


def blank_lines(text: str, start: int, end: int) -> list[int]:
    """Return where lines after blank lines start inside (start, end)."""
    return [match.end() for match in _BLANK.finditer(text, start, end) if start < match.end() < end]


def _outermost(text: str, start: int, end: int) -> Iterator[int]:
    line, inside = start, False  # inside: the previous line is indented or blank
    while 0 < (after := text.find("\n", line, end) + 1) < end:
        inside = text[line] in " \t\r\n"
        if inside and (text[after].isalnum() or text[after] in "_@$\"'"):
            yield after
        line = after


def _with_leading(text: str, position: int, least: int) -> int:
    for _ in range(MOST_LEADING):
        line = text.rfind("\n", least, position - 1) + 1
        if line <= least or not _LEADING.match(text[line:position][:200] if position - line <= 200 else ""):
            break
        position = line
    return position


def cluster_start(text: str, position: int) -> int:
    """Return where the grapheme cluster around `position` starts: `position` itself if it lies between two."""
    start, least = position, max(0, position - LONGEST_CLUSTER)
    while least < start < len(text) and _belongs(text, start):
        start -= 1
    return start if start > least or least == 0 else position


def _belongs(text: str, at: int) -> bool:
    """Return whether a character is of one cluster with that before it (UAX 29, but for conjuncts)."""
    before, after = text[at - 1], text[at]
    if after in _FLAGS:  # two letters make one
        run = text[max(0, at - LONGEST_CLUSTER) : at]
        return (len(run) - len(run.rstrip(_FLAGS))) % 2 == 1
    return unicodedata.category(after)[0] == "M" or before == "\u200d" or _EXTENDS.match(after) is not None
