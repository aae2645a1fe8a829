"""Finds headings in a PDF: by its tags, by its outline, or else by size and weight relative to the body font."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.documents.parsers._reading.lines import WORD
from ingest.documents.parsers.pdf.layout import Line
from ingest.documents.parsers.pdf.text import CAPTION, ITEM, LEADERS, NUMBERED, PAGE_NUMBER

_LARGER = 1.08  # times the body's size
_LONGEST = 200  # characters of a heading
_LINES = 4  # per heading, at most
_PIECES = 2  # per line: a number and a title; more are cells
_LEADING = 2.0  # font sizes between the lines of a heading, at most
_DEEPEST = 6
_ABOVE = 2  # groups of lines above the title, such as a date, at most
_TAGGED = 3  # with at least so many tagged headings, only tags count


_Style = tuple[float, bool]  # size, bold
_Look = tuple[float, bool, int]  # size, bold, dots in the leading number


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the outline."""

    title: str
    level: int  # from 1
    page: int  # from 1, 0 without a target


class Headings:
    """Determines the heading level of each line, 0 for other lines."""

    def __init__(self, outline: Sequence[Entry]) -> None:
        """Take the outline; call `learn` with the lines next."""
        self._outline = outline
        self._levels: dict[int, int] = {}  # id of a line → level
        self._unit: dict[int, int] = {}  # id of a line → the heading to which it belongs
        self.title = ""  # the first heading if it is larger than all others: outlines often lack it

    def learn(self, lines: Sequence[Line], looks: Counter[_Style]) -> None:
        """Decide which of the document's lines are headings.

        Args:
            lines: In reading order.
            looks: Number of characters per size and weight, tables included.
        """
        shown = [line for line in lines if not line.hidden and line.column >= 0]
        self._match_outline(shown)
        body = max(looks, key=lambda style: (looks[style], style)) if looks else (0.0, False)
        runs = list(_runs(shown))
        tagged = sum(bool(run[0].role) for run in runs) >= _TAGGED
        styles = {} if tagged else self._styles(runs, body)
        for number, run in enumerate(runs):
            if any(id(line) in self._levels for line in run):
                continue
            level = styles.get(_look(run[0]), 0) if _is_title(run, body) else 0
            if run[0].role:
                level = int(run[0].role[1:] or 1)
            if level:
                self._levels.update((id(line), level) for line in run)
                self._unit.update((id(line), -1 - number) for line in run)
        if not (tagged or self._outline):
            self._raise_title(runs)
        first, *others = [run for run in runs if id(run[0]) in self._levels] or [[]]
        if first and all(first[0].size >= _LARGER * run[0].size for run in others):
            self.title = " ".join(line.text for line in first)

    def _raise_title(self, runs: Sequence[Sequence[Line]]) -> None:
        """Give the document's first heading the first level if all its sections are larger, and each of them repeats.

        A larger heading that occurs once is the title itself, and what stands above it is not.
        """
        first, *others = [run for run in runs if id(run[0]) in self._levels] or [[]]
        if not first or runs.index(first) > _ABOVE or first[0].page != runs[0][0].page:
            return
        level = self._levels[id(first[0])]
        above = [run for run in others if self._levels[id(run[0])] < level]
        styles = Counter(_style(run[0]) for run in above)
        alike = any(_style(run[0]) == _style(first[0]) for run in others)
        if alike or not above or min(styles.values()) < 2 or above[0][0].size <= first[0].size:
            return
        shared = any(self._levels[id(run[0])] == level for run in others)
        for run in others if shared else above:
            self._levels.update((id(line), min(self._levels[id(line)] + 1, _DEEPEST)) for line in run)
        self._levels.update((id(line), 1) for line in first)

    def level(self, line: Line) -> int:
        """Return the level of a line, 0 when it is not a heading."""
        return self._levels.get(id(line), 0)

    def same(self, group: Sequence[Line], line: Line) -> bool:
        """Return whether a line of the same level continues the heading of `group`."""
        return self._unit.get(id(group[0])) == self._unit.get(id(line))

    def _match_outline(self, lines: Sequence[Line]) -> None:
        """Find the lines named by entries of the outline, on their pages; a title may span several lines."""
        by_page: dict[int, list[Line]] = {}
        for line in lines:
            by_page.setdefault(line.page, []).append(line)
        for number, entry in enumerate(self._outline):
            wanted = letters_and_digits(entry.title)
            if not wanted:
                continue
            here = by_page.get(entry.page, [])
            for at in range(len(here)):
                if id(here[at]) in self._levels or not wanted.startswith(letters_and_digits(here[at].text)[:8] or "\0"):
                    continue
                if (count := _spelled(here[at : at + _LINES], wanted)) > 0:
                    for line in here[at : at + count]:
                        self._levels[id(line)] = min(entry.level, _DEEPEST)
                        self._unit[id(line)] = number
                    break

    def _styles(self, runs: Sequence[Sequence[Line]], body: _Style) -> dict[_Look, int]:
        """Return the looks of headings with their levels: those used in the outline, then larger before smaller.

        Looks that occur once, as on a title page, share a level; paragraphs in larger print are not headings.
        """
        known: dict[_Look, Counter[int]] = {}
        looks: Counter[_Look] = Counter()
        prose: Counter[_Style] = Counter()  # characters of titles count negative, others positive
        for run in runs:
            if level := self._levels.get(id(run[0])):
                known.setdefault(_look(run[0]), Counter())[level] += 1
            title = _is_title(run, body)
            looks[_look(run[0])] += title
            prose[_style(run[0])] += sum(len(line.text) for line in run) * (-1 if title else 1)
        styles: dict[_Look, int] = {}
        level, alone = 0, False  # alone: this level has only looks that occur once
        found = {look for look, count in looks.items() if count and (look[1] or prose[look[:2]] <= 0)}
        for look in sorted({*found, *known}, key=lambda look: (-look[0], not look[1], look[2])):
            if look in known:
                level, alone = known[look].most_common(1)[0][0], False
            elif looks[look] > 1 or not alone:
                level, alone = min(level + 1, _DEEPEST), looks[look] < 2
            styles[look] = level
        return styles


def letters_and_digits(text: str) -> str:
    """Return only the letters and digits, in lower case, by which titles are compared."""
    return "".join(WORD.findall(text.lower()))


def _spelled(lines: Sequence[Line], wanted: str) -> int:
    """Return how many of the first lines spell a title, 0 if they do not. The title may lack their leading number."""
    text = ""
    for count, line in enumerate(lines, start=1):
        text += letters_and_digits(line.text)
        if text == wanted or (NUMBERED.match(lines[0].text) and text.lstrip("0123456789") == wanted):
            return count
        if len(text) > len(wanted) + 8:
            break
    return 0


def _style(line: Line) -> _Style:
    return round(line.size * 2) / 2, line.bold


def _look(line: Line) -> _Look:
    """Return the style of a heading and the dots in its number, since one font often serves several levels."""
    number = NUMBERED.match(line.text)
    return (*_style(line), number[1].count(".") if number else 0)


def _stands_out(style: _Style, body: _Style) -> bool:
    size, bold = style
    return size >= _LARGER * body[0] or (bold and not body[1] and size >= 0.95 * body[0])


def _could_be(line: Line, larger: bool) -> bool:
    """Return whether a line reads like a heading: short, with letters, not a sentence, list item or caption."""
    text = line.text
    if not 1 < len(text) <= _LONGEST or not any(letter.isalpha() for letter in text):
        return False
    if LEADERS.search(text) or CAPTION.match(text) or PAGE_NUMBER.fullmatch(text.lower()) or text[0].islower():
        return False
    return not ITEM.match(text) or bool(NUMBERED.match(text)) or (larger and text[:2].strip("([").isalnum())


def _runs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield runs of consecutive lines with the same look; a line that begins with a number starts a new run."""
    run: list[Line] = []
    for line in lines:
        last = run[-1] if run else None
        if last is None or not _goes_on(last, line):
            if run:
                yield run
            run = []
        run.append(line)
    if run:
        yield run


def _goes_on(last: Line, line: Line) -> bool:
    like = _style(last) == _style(line) and last.role == line.role and last.page == line.page
    near = last.column == line.column and 0 < line.base - last.base <= _LEADING * line.size
    return like and near and not NUMBERED.match(line.text)


def _is_title(run: Sequence[Line], body: _Style) -> bool:
    """Return whether lines with one look are a heading: they stand out, are few and short, and not a sentence."""
    text = " ".join(line.text for line in run)
    larger = run[0].size >= _LARGER * body[0]
    if (
        not _stands_out(_style(run[0]), body)
        or max(line.pieces for line in run) > _PIECES
        or len(run) > _LINES
        or len(text) > _LONGEST
    ):
        return False
    return _could_be(run[0], larger) and text[-1] not in ",;" and not (text[-1] == "." and not text[:1].isdigit())
