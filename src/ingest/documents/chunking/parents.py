"""The surrounding text that is shown with a chunk."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ingest.documents.chunking.ruler import Ruler
from ingest.documents.chunking.sections import Section


class Parents:
    """Spans of enclosing text in one document, at most `size` tokens unless the chunk itself has more.

    A parent is the widest enclosing section that fits; if not even the chunk's own section fits, whole blocks of it on
    both sides. A parent never crosses a wall: hidden text is not shown with visible text.
    """

    def __init__(self, sections: Sequence[Section], ruler: Ruler, size: int) -> None:
        self._sections = sections
        self._ruler = ruler
        self._size = size
        self._section_starts = [section.blocks[0].start for section in sections]
        self._section_ends = [section.blocks[-1].end for section in sections]
        self._block_starts = [block.start for section in sections for block in section.blocks]
        self._block_ends = [block.end for section in sections for block in section.blocks]

    def of(self, start: int, end: int) -> tuple[int, int]:
        """Return the parent of the chunk with this span."""
        first = bisect_right(self._section_starts, start) - 1
        last = bisect_left(self._section_starts, end) - 1
        low, high = self._section_starts[first], self._section_ends[last]
        if self._ruler.size(low, high) > self._size:
            return self._around(start, end, low, high)
        path = self._sections[first].path
        for depth in range(len(path), -1, -1):
            found = self._widened(first, last, depth, path)
            if found is None:
                break
            first, last = found
        return self._section_starts[first], self._section_ends[last]

    def _widened(self, first: int, last: int, depth: int, path: tuple[str, ...]) -> tuple[int, int] | None:
        """Return the widest run of sections around these that shares `depth` titles; None when it does not fit."""
        sections = self._sections

        def joins(section: int, behind: int) -> bool:
            inside = 0 <= section < len(sections) and not sections[behind].wall
            return inside and sections[section].path[:depth] == path[:depth]

        while (before := joins(first - 1, first)) or joins(last + 1, last + 1):
            first, last = (first - 1, last) if before else (first, last + 1)
            if self._ruler.size(self._section_starts[first], self._section_ends[last]) > self._size:
                return None
        return first, last

    def _around(self, start: int, end: int, low: int, high: int) -> tuple[int, int]:
        """Return the chunk with whole blocks on both sides inside [low, high)."""
        spare = (self._size - self._ruler.size(start, end)) // 2
        if spare <= 0:
            return start, end
        least = max(low, self._ruler.back(start, spare))
        most = min(high, self._ruler.forth(end, spare))
        first = bisect_left(self._block_starts, least)
        last = bisect_right(self._block_ends, most) - 1
        begin = self._block_starts[first] if first < len(self._block_starts) else start
        return min(start, begin), max(end, self._block_ends[last] if last >= 0 else end)
