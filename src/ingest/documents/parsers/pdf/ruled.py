"""Tables of a PDF page inside ruling lines."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from ingest.documents.parsers.pdf.grid import Table, bold_header_rows
from ingest.documents.parsers.pdf.lattice import TOLERANCE, Box, RulingLine, joined_lines, tables
from ingest.documents.parsers.pdf.matching import same_edges
from ingest.documents.parsers.pdf.open_grids import missing_ends
from ingest.documents.parsers.pdf.page import Page, Word
from ingest.documents.parsers.pdf.stacked_rows import rows_of_cells
from ingest.documents.parsers.pdf.text import join_lines

_MAX_LINES = 10_000  # per page: more is a drawing
_MAX_CROSSINGS = 6_000  # horizontal times vertical lines, per page: bounds the time to find cells
_MAX_CELLS = 20_000  # of one table's grid
_COLUMN = 12.0  # points, at least, from an outer line to the side that is missing
_FILLED = 0.3  # share of a grid's cells with text, at least


@dataclass(slots=True)
class _Cell:
    row: int
    column: int
    words: list[Word]


def ruled_tables(page: Page, words: list[Word]) -> tuple[list[Table], list[Word]]:
    """Return the tables inside ruling lines, and the words outside them."""
    if len(page.rules) < 4:
        return [], words
    found = []
    left = words
    grids, (tops, bottoms) = _grids(page.rules)
    for cells in grids:
        for part in _parts(cells, left):
            table, rest = _ruled(part, left, page)
            if table is not None:
                if len(table.rows) <= len({top for _, top, _, _ in part}):  # else its rows have no lines anyway
                    above = any(table.top == line.at for line in tops)
                    table.cut = above, any(table.bottom == line.at for line in bottoms)
                found.append(table)
                left = rest
    return found, left


def _grids(rules: list[Box]) -> tuple[list[list[Box]], tuple[list[RulingLine], list[RulingLine]]]:
    """Return the cells of each table, and the lines added where tables are cut at the top and the bottom."""
    lines = set(rules)
    across = [RulingLine((top + bottom) / 2, x0, x1) for x0, top, x1, bottom in lines if x1 - x0 > bottom - top]
    down = [RulingLine((x0 + x1) / 2, top, bottom) for x0, top, x1, bottom in lines if x1 - x0 <= bottom - top]
    if len(lines) > _MAX_LINES or not across or not down:
        return [], ([], [])
    across, down = joined_lines(across), joined_lines(down)
    across, down = joined_lines(across), joined_lines(down + _sides(across, down))
    if len(across) * len(down) > _MAX_CROSSINGS:
        return [], ([], [])
    ends = missing_ends(across, down)
    return tables(sorted([*across, *ends[0], *ends[1]]), down), ends


def _sides(across: list[RulingLine], down: list[RulingLine]) -> list[RulingLine]:
    """Return the missing sides of tables that are open left and right: three lines of one length, and a column."""
    groups: dict[tuple[int, int], list[RulingLine]] = {}
    for line in across:
        groups.setdefault((round(line.start / TOLERANCE), round(line.end / TOLERANCE)), []).append(line)
    sides = []
    for lines in groups.values():
        x0, x1 = lines[0].start, lines[0].end
        tops = sorted({line.at for line in lines})
        for top, bottom in pairwise(tops) if len(tops) > 2 else ():
            if any(x0 < d.at < x1 and d.start <= top + TOLERANCE and d.end >= bottom - TOLERANCE for d in down):
                sides += [RulingLine(x0, top, bottom), RulingLine(x1, top, bottom)]
    return sides or [side for line in across for side in _open_sides(line, down)]


def _open_sides(line: RulingLine, down: list[RulingLine]) -> list[RulingLine]:
    """Return the missing sides of a table whose only lines are those between columns and one below its header."""
    inner = [d for d in down if d.start < line.at - TOLERANCE and d.end > line.at + TOLERANCE]
    inner = [d for d in inner if line.start - TOLERANCE <= d.at <= line.end + TOLERANCE]
    ends = [end for d in inner for end in (d.start - inner[0].start, d.end - inner[0].end)]
    if len(inner) < 2 or any(abs(end) > TOLERANCE for end in ends):
        return []
    left, right = min(d.at for d in inner) - line.start, line.end - max(d.at for d in inner)
    found = [line.start] if left > _COLUMN else []
    found += [line.end] if right > _COLUMN else []
    return [RulingLine(at, inner[0].start, inner[0].end) for at in found]


def _parts(boxes: list[Box], words: list[Word]) -> list[list[Box]]:
    """Split a table at bold cells across its whole width: they are titles of the tables below and stay lines."""
    x0, x1 = min(box[0] for box in boxes), max(box[2] for box in boxes)
    wide = [box for box in boxes if box[0] - x0 < TOLERANCE and x1 - box[2] < TOLERANCE]
    if not wide or len(wide) == len(boxes):
        return [boxes]
    inside: dict[Box, list[Word]] = {box: [] for box in wide}
    wide.sort(key=lambda box: box[1])
    tops = [box[1] for box in wide]
    for word in words:
        middle = word.base - 0.3 * word.size
        at = bisect_right(tops, middle) - 1
        if at >= 0 and middle <= wide[at][3] and x0 <= word.x0 <= x1:
            inside[wide[at]].append(word)
    titles = [box for box in wide if inside[box] and all(word.bold for word in inside[box])]
    last = max((box[1] for box in boxes if box not in titles), default=0.0)
    titles = [box for box in titles if box[1] < last]  # without a table below it is a row
    cuts = [box[1] for box in titles]
    if cuts and _has_header(boxes, titles, words):
        return [boxes]  # titles of groups below a header that is theirs as well
    parts: dict[int, list[Box]] = {}
    for box in boxes:
        if box not in titles:
            parts.setdefault(bisect_right(cuts, box[1]), []).append(box)
    return [parts[at] for at in sorted(parts)]


def _has_header(boxes: list[Box], titles: list[Box], words: list[Word]) -> bool:
    """Return whether the first row of a table is bold and no row below a title is: it is the header of all."""
    by_top: dict[float, list[Box]] = {}
    for box in boxes:
        by_top.setdefault(box[1], []).append(box)
    rows = [by_top.get(title[3], []) for title in titles]
    first = by_top[min(by_top)]
    return len(first) > 1 and _is_bold(first, words) and not any(row and _is_bold(row, words) for row in rows)


def _is_bold(boxes: list[Box], words: list[Word]) -> bool:
    """Return whether all words of cells side by side are bold."""
    x0, top, x1 = boxes[0][0], boxes[0][1], max(box[2] for box in boxes)
    bottom = min(box[3] for box in boxes)
    inside = [word for word in words if x0 <= word.x0 <= x1 and top <= word.base - 0.3 * word.size <= bottom]
    return bool(inside) and all(word.bold for word in inside)


def _ruled(boxes: list[Box], words: list[Word], page: Page) -> tuple[Table | None, list[Word]]:
    """Return the table made of some cells, None when they frame something else, and the words outside it."""
    tops, lefts = sorted({box[1] for box in boxes}), sorted({box[0] for box in boxes})
    if not tops or len(lefts) < 2 or len(tops) * len(lefts) > _MAX_CELLS:
        return None, words
    places: dict[tuple[int, int], _Cell] = {}
    cells = []
    for x0, top, x1, bottom in boxes:
        cell = _Cell(bisect_right(tops, top) - 1, bisect_right(lefts, x0) - 1, [])
        cells.append(cell)
        for row in range(cell.row, max(bisect_right(tops, bottom - 1), cell.row + 1)):
            for column in range(cell.column, max(bisect_right(lefts, x1 - 1), cell.column + 1)):
                places[row, column] = cell
    x0, x1 = lefts[0], max(box[2] for box in boxes)
    top, bottom = tops[0], max(box[3] for box in boxes)
    rest: list[Word] = []
    for word in words:
        x, y = (word.x0 + word.x1) / 2, word.base - 0.3 * word.size
        inside = x0 <= x <= x1 and top <= y <= bottom
        found = places.get((bisect_right(tops, y) - 1, bisect_right(lefts, x) - 1)) if inside else None
        (found.words if found else rest).append(word)
    goes_on = page.above is not None and same_edges(page.above.edges, [*lefts, x1])
    if sum(bool(cell.words) for cell in cells) < (1 if goes_on else max(_FILLED * len(cells), 3)):
        return None, words
    rows, bold, used = _grid_rows(cells, len(lefts))
    if sum(sum(map(bool, row)) > 1 for row in rows) < 2 and not goes_on:
        return None, words
    taken = [word for cell in cells for word in cell.words]
    spans = [[*pairwise(lefts), (lefts[-1], x1)][column] for column in used]
    header = bold_header_rows(rows, bold)
    return Table(rows, header, page.number, x0, x1, top, bottom, taken, spans, bold, lefts), rest


def _grid_rows(cells: list[_Cell], width: int) -> tuple[list[list[str]], list[bool], list[int]]:
    """Return the texts of a grid without its empty rows and columns, which rows are bold, and the columns kept."""
    by_row: dict[int, list[_Cell]] = {}
    for cell in cells:
        if cell.words:
            by_row.setdefault(cell.row, []).append(cell)
    found: list[tuple[list[str], bool]] = []
    for row in sorted(by_row):
        lines = [_cell_lines(cell.words) for cell in by_row[row]]
        for part in _parted(lines):
            texts = [""] * width
            for cell, piece in zip(by_row[row], part, strict=True):
                texts[cell.column] = join_lines([_words_text(line) for line in piece])
            found.append((texts, all(word.bold for piece in part for line in piece for word in line)))
    used = [column for column in range(width) if any(texts[column] for texts, _ in found)]
    return [[texts[column] for column in used] for texts, _ in found], [is_bold for _, is_bold in found], used


def _parted(cells: list[list[list[Word]]]) -> list[list[list[list[Word]]]]:
    """Split a row of a grid into the rows that it has without rules: lines of its cells that stand side by side."""
    counts = {len(lines) for lines in cells}
    if len(cells) < 2 or max(counts) < 3:
        return [cells]
    if len(counts) == 1 and all(_is_even(line) for line in zip(*cells, strict=True)):
        return [[[lines[at]] for lines in cells] for at in range(len(cells[0]))]
    return rows_of_cells(cells) if len(cells) > 2 else [cells]


def _is_even(line: tuple[list[Word], ...]) -> bool:
    """Return whether the words of a line in each cell stand side by side."""
    bases = [words[0].base for words in line]
    return max(bases) - min(bases) <= 0.4 * line[0][0].size


def _cell_lines(words: list[Word]) -> list[list[Word]]:
    """Group the words of a cell by their baselines."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.base):
        if lines and word.base - lines[-1][0].base <= 0.5 * max(word.size, 1.0):
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _words_text(words: list[Word]) -> str:
    """Return the text of words on one line: runs from left to right, each in content order."""
    starts: dict[int, float] = {}
    for word in words:
        starts[word.run] = min(starts.get(word.run, word.x0), word.x0)
    ordered = sorted(words, key=lambda word: (starts[word.run], word.run))
    return " ".join(word.text for word in ordered)
