"""Comments in the text: each one follows the block that is nearest to it on its page."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers.pdf.annotations import Remark
from ingest.documents.parsers.pdf.grid import Table
from ingest.documents.parsers.pdf.layout import Line, PageLayout
from ingest.records import BlockKind

_COMPARED = 60  # items of a page that are looked at for each comment, by height
_ASIDE = 0.05  # points of height that one point to the side is worth

Item = Line | Table


class PlacedRemarks:
    """The comments of a document, each with the line or table that it follows."""

    def __init__(self, sheets: Sequence[PageLayout], running: set[int]) -> None:
        """Find their places; running headers and footers are none."""
        self._places: dict[int, int] = {}  # id of an item → its position
        self._waiting: dict[int, list[tuple[int, Remark]]] = {}  # position → page and comment
        place = -1
        for sheet in sheets:
            first = place + 1
            items = [item for item in sheet.items if isinstance(item, Table) or id(item) not in running]
            for item in items:
                place += 1
                self._places[id(item)] = place
            if sheet.remarks:
                nearest = _Nearest(items)
                for remark in sheet.remarks:
                    at = nearest.to(remark)
                    self._waiting.setdefault(place if at is None else first + at, []).append((sheet.number, remark))
        self._order = sorted(self._waiting, reverse=True)

    def add_before(self, group: Item | list[Line], assembly: Assembly) -> None:
        """Append what belongs to items before a group and has not been added. Raises: OversizedDocument."""
        items: Sequence[Item] = group if isinstance(group, list) else [group]
        first = min((self._places.get(id(item), -1) for item in items), default=-1)
        while self._order and self._order[-1] < first:
            self._add(self._order.pop(), assembly)

    def add_after(self, group: Item | list[Line], assembly: Assembly) -> None:
        """Append what belongs to the items of a group. Raises: OversizedDocument."""
        if self._waiting:
            for item in group if isinstance(group, list) else [group]:
                self._add(self._places.get(id(item), -2), assembly)

    def add_rest(self, assembly: Assembly) -> None:
        """Append all that is left. Raises: OversizedDocument."""
        while self._order:
            self._add(self._order.pop(), assembly)

    def _add(self, place: int, assembly: Assembly) -> None:
        for page, remark in self._waiting.pop(place, ()):
            marks = ("comment", "hidden") if remark.hidden else ("comment",)
            assembly.add(BlockKind.PARAGRAPH, remark.lines, page=page, marks=marks)


class _Nearest:
    """Finds the item of a page that is nearest to a comment."""

    def __init__(self, items: Sequence[Item]) -> None:
        shown = [(*_extent(item), at) for at, item in enumerate(items) if isinstance(item, Table) or _is_text(item)]
        self._extents = sorted(shown, key=lambda extent: extent[0] + extent[1])
        self._middles = [(top + bottom) / 2 for top, bottom, *_ in self._extents]

    def to(self, remark: Remark) -> int | None:
        """Return the number of the item, None on a page without any."""
        x0, top, x1, bottom = remark.box
        x, y = (x0 + x1) / 2, (top + bottom) / 2
        at = bisect_left(self._middles, y)
        found: Iterator[tuple[float, int]] = (
            (max(upper - y, y - lower, 0.0) + _ASIDE * max(left - x, x - right, 0.0), number)
            for upper, lower, left, right, number in self._extents[max(at - _COMPARED, 0) : at + _COMPARED]
        )
        return min(found, default=(0.0, None))[1]


def _is_text(line: Line) -> bool:
    return not line.hidden and line.column >= 0


def _extent(item: Item) -> tuple[float, float, float, float]:
    """Return top, bottom, x0, x1."""
    if isinstance(item, Table):
        return item.top, item.bottom, item.x0, item.x1
    return item.base - 0.8 * item.size, item.base + 0.2 * item.size, item.x0, item.x1
