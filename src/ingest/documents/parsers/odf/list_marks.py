"""The marks of list items in OpenDocument, as their list styles say: bullets, numbers, letters, Roman numerals."""

from typing import Any

from ingest.documents.parsers._reading.numerals import numeral
from ingest.documents.parsers.odf.text import STYLE, TEXT, OdfStyles

_LEVELS = 10
_SYSTEMS = {"a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_ID = "{http://www.w3.org/XML/1998/namespace}id"


class ListMarks:
    """Counts the items of one document's lists."""

    def __init__(self, styles: OdfStyles) -> None:
        """Start before the first list."""
        self._styles = styles
        self._levels: dict[tuple[str, int], Any] = {}
        self._last: dict[tuple[str, int], int] = {}  # of the lists that ended, by style and level, or by id

    def before_first(self, element: Any, name: str, depth: int) -> int:
        """Return the number before that of the first item of a `text:list`."""
        last = self._last.get((element.get(TEXT + "continue-list") or "", -1))
        if last is None and element.get(TEXT + "continue-numbering") == "true":
            last = self._last.get((name, depth))
        level = self._level(name, depth)
        return (stated_number(level, 1) - 1 if level is not None else 0) if last is None else last

    def end(self, element: Any, name: str, depth: int, number: int) -> None:
        """Remember the number of the last item of a list, for one that continues it."""
        self._last[name, depth] = number
        if key := element.get(_ID):
            self._last[key, -1] = number

    def mark(self, name: str, numbers: tuple[int, ...]) -> str:
        """Return the mark of an item; `numbers` are its own, last, and those of the items around it."""
        depth = len(numbers) - 1
        level = self._level(name, depth)
        if level is None or level.tag != TEXT + "list-level-style-number":
            return "-"
        shown = level.get(TEXT + "display-levels") or "1"
        first = max(0, depth + 1 - int(shown)) if shown.isdecimal() and len(shown) < 3 else depth
        figures = [self._figure(name, at, numbers[at]) for at in range(first, depth + 1)]
        if not figures or not figures[-1]:
            return "-"
        before, behind = level.get(STYLE + "num-prefix") or "", level.get(STYLE + "num-suffix")
        return (
            f"{before}{'.'.join(filter(None, figures))}{'.' if behind is None and not before else behind or ''}".strip()
        )

    def _figure(self, name: str, depth: int, number: int) -> str:
        level = self._level(name, depth)
        form = "" if level is None else level.get(STYLE + "num-format", "1")
        return numeral(number, _SYSTEMS.get(form, "decimal")) if form else ""

    def _level(self, name: str, depth: int) -> Any:
        """Return what a list style says about a level, or else about the nearest one above it; None without any."""
        key = name, min(depth, _LEVELS)
        if key not in self._levels:
            found = {level.get(TEXT + "level"): level for level in self._styles.list_levels(name)}
            levels = (found.get(str(at + 1)) for at in range(key[1], -1, -1))
            self._levels[key] = next((level for level in levels if level is not None), None)
        return self._levels[key]


def stated_number(element: Any, other: int) -> int:
    """Return the number with which an item, or the first one of a level, says that it begins; or else `other`."""
    start = element.get(TEXT + "start-value") or ""
    return int(start) if start.isdecimal() and len(start) < 9 else other
