"""Numbers that a style sheet puts before headings, captions and paragraphs: `h2::before {content: counter(h2) ". "}`.

Items of lists are marked by `html_lists.py`.
"""

import re
from collections import defaultdict
from typing import Any

from ingest.documents.parsers._markup.html_code import CODE
from ingest.documents.parsers._markup.html_styles import PageStyles, unquoted
from ingest.documents.parsers._markup.html_tree import settable
from ingest.documents.parsers._reading.numerals import numeral

_CONTENT = re.compile(
    r"\"(?P<text>[^\"]*)\"|'(?P<word>[^']*)'"
    r"|counter(?P<all>s)?\(\s*(?P<name>[\w-]+)\s*(?:,\s*(?:\"(?P<joint>[^\"]*)\"|'(?P<glue>[^']*)')\s*)?"
    r"(?:,\s*(?P<style>[\w-]+)\s*)?\)"
)
_CHANGE = re.compile(r"([\w-]+)(?:\s+(-?\d{1,8}))?(?=\s|$)")
_LONGEST = 100  # characters of what stands before an element
_KEPT = 1000  # characters of a value
_DEEPEST = 20  # numbers that are joined
_CHANGES = ("counter-reset", "counter-set", "counter-increment")
_TELLING = frozenset((*_CHANGES, "::content", *(f"::{name}" for name in _CHANGES)))
_UNNUMBERED = frozenset((*CODE, "li", "html", "head"))


def write_numbers(root: Any, styles: PageStyles) -> None:
    """Put before each element the text with counters that style sheets show there, in linear time."""
    from lxml import etree

    if not styles.counts:
        return
    counters = _Counters()
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if event == "end":
            counters.leave()
            continue
        counters.enter()
        if element.tag in CODE or element.tag in ("head", "script", "style"):
            walker.skip_subtree()  # lines of code are numbered for those who look at them
        elif styles.sets_any(element, _TELLING):
            if styles.value(element, "display") == "none":
                walker.skip_subtree()
                continue
            for mark in ("", "::"):
                for change in _CHANGES:
                    counters.change(change, styles.value(element, change, mark), inside=bool(mark))
            if element.tag not in _UNNUMBERED and "counter" in (content := styles.value(element, "content", "::")):
                element.text = counters.text(content[:_KEPT], styles) + settable(element.text)


class _Counters:
    """The counters at one place of a walk; each counts for the siblings of the element that made it, and inside."""

    def __init__(self) -> None:
        self._values: dict[str, list[tuple[int, int]]] = defaultdict(list)  # depth of the parent, number
        self._made: list[list[str]] = [[]]  # by depth of the parent

    def enter(self) -> None:
        """Begin an element."""
        self._made.append([])

    def leave(self) -> None:
        """End an element, and the counters that elements in it made."""
        for name in self._made.pop():
            self._values[name].pop()

    def change(self, how: str, value: str, *, inside: bool) -> None:
        """Reset, set or increment counters; one that is made for the text before an element counts in it alone."""
        if not value or value == "none":
            return
        for match in _CHANGE.finditer(value[:_KEPT]):
            name, number = match[1], int(match[2]) if match[2] else int(how == "counter-increment")
            held, depth = self._values[name], len(self._made) - 2 + inside
            if not held or (how == "counter-reset" and held[-1][0] != depth):
                held.append((depth, 0))
                self._made[depth].append(name)
            place, last = held[-1]
            held[-1] = place, last + number if how == "counter-increment" else number

    def text(self, content: str, styles: PageStyles) -> str:
        """Return the text of a value of `content`."""
        said = []
        for part in _CONTENT.finditer(content):
            if part["name"] is None:
                said.append(unquoted(part.group()))
                continue
            own = styles.counter_style(style := part["style"] or "decimal")
            numbers = [number for _, number in self._values.get(part["name"], ())] or [0]
            joint = unquoted(f'"{part["joint"] or part["glue"] or ""}"')
            joined = numbers[-_DEEPEST:] if part["all"] else numbers[-1:]
            said.append(joint.join(numeral(number, own[0] if own else style) for number in joined))
        shown = "".join(sign if sign.isprintable() else " " for text in said for sign in text)  # XML has no others
        return f"{' '.join(shown.split())[:_LONGEST]} "
