"""The open lists of a page: how their items are marked, their numbers, and their lines so far.

Marks are those a reader sees: by the attributes `type`, `start`, `reversed` and `value`, by `list-style-type` and
`@counter-style`, and by counters in the text that a style sheet puts before an item.
"""

import re
from dataclasses import dataclass
from typing import Any

from ingest.documents.parsers._markup.html_styles import PageStyles, unquoted
from ingest.documents.parsers._reading.numerals import SYSTEMS, numeral

LISTS = ("ul", "ol", "menu", "dir", "dl")
_TYPES = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_CLASSES = (
    re.compile(  # that docutils, Sphinx, AsciiDoc and others give their lists; their style sheets are other files
        r"(?:^|\s)(?:list-)?\[?(lower|upper)-?(alpha|latin|roman|greek)\]?(?:$|\s)", re.I
    )
)
_DEEPEST = 8  # lists whose numbers a counter joins
_LONGEST = 40  # characters of a mark
_CONTENT = re.compile(
    r"\"([^\"]*)\"|'([^']*)'|counter\(\s*[\w-]+\s*(?:,\s*([\w-]+)\s*)?\)"
    r"|counters\(\s*[\w-]+\s*,\s*(?:\"([^\"]*)\"|'([^']*)')\s*(?:,\s*([\w-]+)\s*)?\)"
)
_RESET = re.compile(r"[\w-]+\s+(-?\d{1,8})\b")
_MARKING = frozenset(("list-style-type", "list-style", "::content"))  # properties
_STRING = re.compile(r"\"([^\"]*)\"\Z|'([^']*)'\Z")


@dataclass(slots=True)
class _List:
    tag: str
    next: int
    step: int = 1
    number: int = 0  # of the open item
    style: str = ""  # of all its items


class OpenLists:
    """The lists that are open at one place of a walk, and the lines of the block that they become."""

    def __init__(self, styles: PageStyles) -> None:
        """Start outside of all lists."""
        self.items = 0  # open items
        self.lines: list[str] = []
        self._styles = styles
        self._open: list[_List] = []
        self._marker = ""  # of the item without a line so far
        self._starts: list[int] = []  # the lines where items start

    def __bool__(self) -> bool:
        """Return whether a list or an item is open."""
        return bool(self._open or self.items)

    def begin(self, element: Any, tag: str) -> None:
        """Begin a list. The inner item of `<li><ul>` comes first."""
        self._marker = self._marker if tag == "dl" else ""
        styled = self._styles.sets_any(element, _MARKING)
        first = number_in(element.get("start"), None)
        step = -1 if tag == "ol" and "reversed" in element.attrib else 1
        if first is None:
            first = len(element.findall("li")) if step < 0 else self._reset(element)
        self._open.append(_List(tag, first, step, style=self._style(element, tag, styled=styled)))

    def end(self) -> None:
        """End a list."""
        self._open.pop()

    def begin_item(self, element: Any, tag: str) -> None:
        """Begin an item."""
        marker = "- "
        if self._open and tag == "li":
            last = self._open[-1]
            value = element.get("value") if last.tag == "ol" else None
            last.number = last.next if value is None else number_in(value, last.next)
            last.next = last.number + last.step
            styled = self._styles.sets_any(element, _MARKING)
            marker = (self._counted(element) if styled else "") or self._mark(element, last, styled=styled)
        self.items += 1
        self._marker = "" if tag == "dd" else marker

    def end_item(self) -> None:
        """End an item."""
        self.items -= 1
        self._marker = ""

    def add(self, lines: list[str]) -> None:
        """Add lines of the open item."""
        indent = "  " * (len(self._open) or 1)
        first = indent + lines[0]
        if self._marker or not self.lines:
            self._starts.append(len(self.lines))
        if self._marker:
            first = indent[2:] + self._marker + lines[0]
            self._marker = ""
        self.lines.append(first)
        self.lines += [indent + line for line in lines[1:]]

    def take(self) -> tuple[list[str], list[int]]:
        """Return the lines so far and the offsets where items start, and begin a new block."""
        lines, at, offsets = self.lines, 0, []
        for line in lines:
            offsets.append(at)
            at += len(line) + 1
        breaks = [offsets[start] for start in self._starts if start]
        self.lines, self._starts = [], []
        return lines, breaks

    def _reset(self, element: Any) -> int:
        match = _RESET.search(self._styles.value(element, "counter-reset"))
        return int(match[1]) + 1 if match else 1

    def _style(self, element: Any, tag: str, *, styled: bool) -> str:
        kind = element.get("type") or ""
        style = _TYPES.get(kind.strip(), "") if tag in ("ol", "li") else ""
        if found := (self._declared(element) if styled else "") or style:
            return found
        named = _CLASSES.search((element.get("class") or "")[:1000]) if tag == "ol" else None
        return f"{named[1]}-{named[2]}".lower() if named else ""

    def _declared(self, element: Any) -> str:
        """Return a list style that is set for an element; of several words, the one that is a style."""
        for name in ("list-style-type", "list-style"):
            if value := self._styles.value(element, name):
                words = value.split()
                known = [word for word in words if word in SYSTEMS or self._styles.counter_style(word)]
                none = "none" if "none" in words else ""
                return known[0] if known else value if _STRING.match(value) else none
        return ""

    def _mark(self, element: Any, last: _List, *, styled: bool) -> str:
        style = self._style(element, "li", styled=styled) or last.style or ("decimal" if last.tag == "ol" else "")
        if string := _STRING.match(style):
            return f"{unquoted(string.group()).strip()[:_LONGEST] or '-'} "
        base, prefix, suffix = self._styles.counter_style(style) or (style, "", ". ")
        if base not in SYSTEMS:
            return "- "
        return f"{prefix.lstrip()}{numeral(last.number, base)}{suffix.rstrip()} "[: 2 * _LONGEST]

    def _counted(self, item: Any) -> str:
        """Return the mark that a style sheet puts before an item, "" if no counter is in it."""
        content = self._styles.value(item, "content", "::")
        if "counter" not in content:
            return ""
        numbers = [found.number for found in self._open[-_DEEPEST:] if found.tag != "dl"]
        parts = list(_CONTENT.finditer(content[:1000]))
        single = sum(part.group().startswith("counter(") for part in parts)
        marker, seen = "", 0
        for part in parts:
            if part.group().startswith("counters("):
                style = part[6] or "decimal"
                marker += unquoted(part[4] or part[5] or "").join(numeral(number, style) for number in numbers)
            elif part.group().startswith("counter("):
                seen += 1
                place = len(numbers) - 1 - (single - seen)
                marker += numeral(numbers[place], part[3] or "decimal") if place >= 0 else ""
            else:
                marker += unquoted(part.group())
        marker = " ".join(marker.split())[:_LONGEST]
        return f"{marker} " if marker else ""


def number_in(value: str | None, otherwise: Any) -> Any:
    """Return the whole number in an attribute, `otherwise` without one."""
    value = (value or "").strip()
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 10 else otherwise
