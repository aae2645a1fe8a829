"""Which lines of a table without ruling lines make one row: cells may have several lines.

Two lines of a cell are closer than the rows are. Where that tells nothing, a line is taken for the rest of a cell if it
has no number, leaves cells empty, and its first word would not have fitted into the line above.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingest.documents.parsers.pdf.grid import NUMERIC
from ingest.documents.parsers.pdf.page import Piece

Places = dict[int, list[Piece]]  # column → cells of a line

_LEADING = 1.6  # font sizes between the lines of a cell, at most
_EVEN = 1.08  # times a distance: others up to this are equal
_LARGER = 1.12  # times the distance of lines is the least distance of rows
_INSIDE = 0.35  # of the distance of lines by which cells of a row may stand out
_BROKEN = 0.7  # of the line ends in cells that must be explained, at least
_OPEN = ("-", "\u2010", ",", "(", "/", "&")
_SPACE = 0.25  # font sizes
_WORDS = 3  # of a line that looks like prose, at least
_HIGH = 12  # lines of a row above the first one with all its cells, at most
_BESIDE = 0.75  # of the least distance of lines in a column
_RAGGED = 0.8  # of a column's width that lines fill which end before a word in lower case


class _Cell(NamedTuple):
    """Lines of one column that are close together."""

    top: float
    bottom: float


def rows_of_lines(lines: Sequence[Places], columns: Sequence[Sequence[float]]) -> list[list[int]]:
    """Return the indices of the lines of each row.

    Args:
        lines: From top to bottom, each with a cell.
        columns: Where each begins and ends.
    """
    widths = [x1 - x0 for x0, x1 in columns]
    distances = [distance for stack in _stacks(lines) for distance in _distances(stack) if distance > 0]
    closest = min(distances, default=0.0)
    limit = _limit(sorted(distances), max(piece.size for pieces in lines[0].values() for piece in pieces))
    groups = _by_distance(lines, limit) if limit else []
    if groups and _explained(lines, groups, widths):
        return groups
    return _by_words(lines, widths, closest)


def _stacks(lines: Sequence[Places]) -> list[list[Piece]]:
    """Return the cells of each column."""
    found: dict[int, list[Piece]] = {}
    for line in lines:
        for column, pieces in line.items():
            found.setdefault(column, []).append(pieces[0])
    return list(found.values())


def _distances(stack: Sequence[Piece]) -> Iterator[float]:
    return (below.base - above.base for above, below in pairwise(stack))


def _limit(distances: Sequence[float], size: float) -> float:
    """Return the distance below which lines are of one cell, 0 when all are as far apart as the rows."""
    if not distances or distances[0] > _LEADING * size:
        return 0.0
    rows = next((distance for distance in distances if distance > _EVEN * distances[0]), 0.0)
    return (distances[0] + rows) / 2 if rows >= _LARGER * distances[0] else 0.0


def _by_distance(lines: Sequence[Places], limit: float) -> list[list[int]]:
    """Return the rows if lines of a column within the limit are of one cell."""
    ends: list[float] = []
    for cell in sorted(cell for stack in _stacks(lines) for cell in _stacked(stack, limit)):
        if ends and cell.top <= ends[-1] + _INSIDE * limit:
            ends[-1] = max(ends[-1], cell.bottom)
        else:
            ends.append(cell.bottom)
    groups: list[list[int]] = [[] for _ in ends]
    at = 0
    for number, line in enumerate(lines):
        while at + 1 < len(ends) and _base(line) > ends[at] + _INSIDE * limit:
            at += 1
        groups[at].append(number)
    return [group for group in groups if group]


def _stacked(stack: Sequence[Piece], limit: float) -> Iterator[_Cell]:
    top = stack[0].base
    for above, piece in pairwise(stack):
        if piece.base - above.base > limit:
            yield _Cell(top, above.base)
            top = piece.base
    yield _Cell(top, stack[-1].base)


def _explained(lines: Sequence[Places], groups: Sequence[Sequence[int]], widths: Sequence[float]) -> bool:
    """Return whether the lines of each group are those of cells: no column has two numbers, and most ends are due."""
    ends = due = 0
    for group in groups:
        used = {column for line in group for column in lines[line]}
        for column in used:
            cells = [lines[line][column][0] for line in group if column in lines[line]]
            if sum(bool(NUMERIC.fullmatch(cell.text)) for cell in cells) > 1:
                return False
        for above, line in pairwise(group):
            ends += 1
            partial = len(lines[line]) < len(used) or len(lines[above]) < len(used)
            due += partial or all(_goes_on(lines[above], lines[line], column, widths) for column in lines[line])
    return due >= _BROKEN * ends


def _by_words(lines: Sequence[Places], widths: Sequence[float], closest: float) -> list[list[int]]:
    """Return the rows, with lines that go on with the words of the line above or below.

    Args:
        lines: From top to bottom.
        widths: Of the columns.
        closest: The least distance of lines in a column; what is clearly closer is of one row.
    """
    groups = [[0]]
    for number in range(1, len(lines)):
        above, line, group = lines[number - 1], lines[number], [lines[at] for at in groups[-1][-_HIGH:]]
        distance = _base(line) - _base(above)
        near = distance <= _LEADING * max(piece.size for pieces in line.values() for piece in pieces)
        beside = distance < _BESIDE * closest and not _clash(group, line, widths)
        if beside or (near and (_ends_cells(above, line, widths) or _begins_cells(group, line, widths))):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _clash(group: Sequence[Places], line: Places, widths: Sequence[float]) -> bool:
    """Return whether a line has cells where lines above have others, of another row."""
    last = {column: above for above in group for column in above}
    return any(
        NUMERIC.fullmatch(pieces[0].text) or not _goes_on(last[column], line, column, widths)
        for column, pieces in line.items()
        if column in last
    )


def _ends_cells(above: Places, line: Places, widths: Sequence[float]) -> bool:
    """Return whether a line has only the rest of cells of the line above."""
    if len(line) == len(widths) or not line.keys() <= above.keys():
        return False
    for column, pieces in line.items():
        last = above[column][0]
        if NUMERIC.fullmatch(pieces[0].text) or not _goes_on(above, line, column, widths):
            return False
        begun = pieces[0].text[:1].islower() or last.text.endswith(_OPEN)
        if not begun and (column == 0 or len(last.words) < _WORDS):
            return False
    return True


def _begins_cells(group: Sequence[Places], line: Places, widths: Sequence[float]) -> bool:
    """Return whether the lines above have only the beginning of cells of a line, whose other cells stand lower."""
    if len(group) == _HIGH or not all(len(above) < len(line) and above.keys() <= line.keys() for above in group):
        return False
    begun = [(column, pieces[0]) for above in group for column, pieces in above.items()]
    return all(_goes_on(group[-1], line, column, widths) for column in group[-1]) and not any(
        NUMERIC.fullmatch(piece.text) or not line[column][0].text[:1].islower() for column, piece in begun
    )


def _goes_on(above: Places, line: Places, column: int, widths: Sequence[float]) -> bool:
    """Return whether the first word of a cell's line would not have fitted into the line above."""
    if column not in above:
        return False
    last, first = above[column][-1], line[column][0].words[0]
    least = widths[column] * (_RAGGED if first.text[:1].islower() else 1.0)
    return last.x1 - last.x0 + _SPACE * first.size + first.x1 - first.x0 > least - 0.01


def _base(line: Places) -> float:
    return min(piece.base for pieces in line.values() for piece in pieces)
