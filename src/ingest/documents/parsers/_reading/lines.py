"""Lines of a text, and blocks of whole lines, with exact offsets."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.records import Block, BlockKind

NEWLINE = re.compile(r"\r\n?|\n")  # of any system
WORD = re.compile(r"\w+")  # what two texts are compared by


@dataclass(frozen=True)
class Lines:
    """A text and the starts of its lines, in code points; `starts` ends with the length of the text."""

    text: str
    starts: list[int]

    def start(self, line: int) -> int:
        """Return where a line begins; the end of the text for lines after the last."""
        return self.starts[min(line, len(self.starts) - 1)]

    def block(self, kind: BlockKind, first: int, end: int, **more: Any) -> Block | None:
        """Return the block of the lines [first, end) without blank lines around it, None when all are blank.

        The block includes the indentation of its first line.
        """
        last = len(self.starts) - 1
        start = self.starts[min(first, last)]
        inside = self.text[start : self.starts[min(end, last)]].rstrip()
        if not inside:
            return None
        stop = start + len(inside)
        if blank := len(inside) - len(inside.lstrip()):
            start = max(start, self.starts[bisect_right(self.starts, start + blank) - 1])
        return Block(kind, start, stop, **more)

    def breaks(self, first: int, end: int, lines: Iterable[int]) -> tuple[int, ...]:
        """Return where the given lines begin, if inside the block of the lines [first, end)."""
        start = self.start(first)
        limit = start + len(self.text[start : self.start(end)].rstrip())
        return tuple(sorted({at for line in lines if start < (at := self.start(line)) < limit}))

    def every_line(self, first: int, end: int) -> tuple[int, ...]:
        """Return where the lines inside the block begin."""
        start = self.start(first)
        limit = start + len(self.text[start : self.start(end)].rstrip())
        return tuple(self.starts[bisect_right(self.starts, start) : bisect_left(self.starts, limit)])

    def after_blanks(self, first: int, end: int) -> tuple[int, ...]:
        """Return where the lines that follow a blank line begin."""
        blank = [not self.text[self.start(line) : self.start(line + 1)].strip() for line in range(first, end)]
        return self.breaks(first, end, (first + i for i in range(1, end - first) if blank[i - 1] and not blank[i]))
