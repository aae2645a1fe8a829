"""Tables of a PDF page without ruling lines: cells aligned below each other."""

from collections.abc import Sequence
from itertools import pairwise

from ingest.documents.parsers.pdf.grid import Table, bold_header_rows
from ingest.documents.parsers.pdf.matching import Span, aligned_places
from ingest.documents.parsers.pdf.page import Page, Piece
from ingest.documents.parsers.pdf.text import LEADERS, MARKER, join_lines
from ingest.documents.parsers.pdf.wrapping import Places, rows_of_lines

_MAX_LINES = 500  # of one aligned table on a page
_CELL_WORDS = 7.0  # per line of a cell on average, at most, in all columns but one, in a table without lines
_PITCH = 2.6  # font sizes between the lines of a table without rules, at most
_LOOSE = 3.6  # the same with three columns or more, which text hardly has, if it recurs
_EVEN = 0.15  # of a distance between rows: others up to this are equal
_AROUND = 12  # rows before and behind among which it recurs
_LEADING = 1.5  # font sizes between the lines of a cell, at most
_AHEAD = 4  # lines of a row above its first one with several cells, at most
_BEGUN = 12  # lines of a row that began on the page before, at most
_TOP = 6  # rows of a page, among which is the first one of a table that goes on
_APART = 24.0  # points between a header and its table, at most
_HEADER_ROWS = 3
_SAME = 2.0  # points between edges that count as equal
_LABEL_WORDS = 5  # of the name of a value, at most
_SAME_PITCH = 0.06  # of a distance between rows: the next one differs by no more
_PITCHES = 3  # rows that tell it


def aligned_table(rows: Sequence[Sequence[Piece]], at: int, page: Page) -> tuple[int, Table | None]:
    """Return the row after a table that begins at row `at`, and the table; None if its cells are not aligned."""
    if page.above and not page.above.edges and at < _TOP:
        after, table = _rest_of_table(rows, at, page)
        if table is not None:
            return after, table
    if not _may_begin(rows, at):
        return at, None
    first = _cells(rows[at])
    end, columns = _region(rows, at, at + 1, [[piece.x0, piece.x1] for piece in first])
    lines = [_cells(row) for row in rows[at:end]]
    places = [_placed(line, columns) for line in lines]
    for groups in (rows_of_lines(places, columns), [[number] for number in range(len(places))]):
        alone: list[int] = []
        while groups and len(_filled(places, groups[-1])) < 2:
            alone = groups.pop()
        if groups and alone and len(columns) < 3 and _is_unfilled(rows[at : at + alone[0] + 1], columns[0][0]):
            groups.append(alone)
        last = groups[-1][-1] + 1 if groups else 0
        if groups and len(_filled(places, groups[0])) > 1 and _is_table(places[:last], groups, len(columns)):
            return at + last, _table(places[:last], groups, columns, page.number)
    return at, None


def joined_tables(above: Table, below: Table) -> Table | None:
    """Return two tables as one if the upper one is the header of the lower one, set off by space; else None."""
    apart = below.top - above.bottom > _APART or len(above.rows[0]) != len(below.rows[0])
    if apart or len(above.rows) > _HEADER_ROWS or below.header or above.ruled or below.ruled:
        return None
    x0, x1 = min(above.x0, below.x0), max(above.x1, below.x1)
    pairs = zip(above.columns, below.columns, strict=True)
    spans = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs]
    rows, bold = above.rows + below.rows, above.bold + below.bold
    return Table(rows, len(above.rows), above.page, x0, x1, above.top, below.bottom, [], spans, bold)


def _is_unfilled(rows: Sequence[Sequence[Piece]], x0: float) -> bool:
    """Return whether the last row is that of a form, with a name at `x0` and nothing beside it."""
    if len(rows) < _PITCHES or len(rows[-1]) > 1:
        return False
    first, above, last = (row[0] for row in rows[-_PITCHES:])
    pitch, before = last.base - above.base, above.base - first.base
    alike = abs(last.size - above.size) <= 0.05 * last.size and abs(last.x0 - x0) <= _SAME
    return alike and len(last.words) <= _LABEL_WORDS and abs(pitch - before) <= _SAME_PITCH * before


def _ends_paragraph(rows: Sequence[Sequence[Piece]], at: int) -> bool:
    """Return whether a lone line is closer to a line above it that reaches over the cells below than to these."""
    if not 0 < at < len(rows) - 1 or len(rows[at]) > 1 or len(rows[at - 1]) > 1 or len(rows[at + 1]) < 2:
        return False
    above, line, cells = rows[at - 1][0], rows[at][0], rows[at + 1]
    close = line.base - above.base <= min(cells[0].base - line.base, _LEADING * line.size)
    return close and abs(above.x0 - line.x0) <= _SAME and above.x1 > cells[1].x0 and len(above.words) > _LABEL_WORDS


def _may_begin(rows: Sequence[Sequence[Piece]], at: int) -> bool:
    """Return whether a row has several cells, or is a line of a cell that stands higher than those beside it."""
    if _ends_paragraph(rows, at):
        return False
    for row, below in pairwise([*rows[at : at + _AHEAD], ()]):
        if len(_cells(row)) > 1:
            return True
        if not below or len(row) > 1 or row[0].text.endswith(":"):
            return False
        (above, first), size = (row[0], below[0]), row[0].size
        if first.base - above.base > _LEADING * size or abs(first.size - size) > 0.1 * size:
            return False
        if above.words[0].bold != first.words[0].bold:
            return False
    return False


def _rest_of_table(rows: Sequence[Sequence[Piece]], at: int, page: Page) -> tuple[int, Table | None]:
    """Return the rows from `at` on as the rest of the page before's last table; None if they are no rows of it."""
    above = sorted(page.above.columns if page.above else ())
    least = max(2, -(-3 * len(above) // 4))
    end, columns = _region(rows, at, at, [list(column) for column in above])
    lines = [_cells(row) for row in rows[at:end]]
    whole = [number for number, line in enumerate(lines) if len(line) >= least]
    if not whole or len(columns) != len(above) or (len(above) < 3 and len(whole) < 2):
        return at, None
    begun = [line[0] for line in lines[: whole[0]]]
    if len(begun) > _BEGUN or any(len(line) > 1 for line in lines[: whole[0]]):
        return at, None
    if any(
        not piece.text[:1].islower() or abs(piece.size - lines[whole[0]][0].size) > 0.1 * piece.size for piece in begun
    ):
        return at, None
    places = [_placed(line, columns) for line in lines]
    groups = rows_of_lines(places, columns)
    while len(groups) > 1 and len(_filled(places, groups[-1])) < 2:
        groups.pop()
    last = groups[-1][-1] + 1
    spans = [(piece.x0, piece.x1) for piece in lines[whole[0]]]
    if last <= whole[0] or aligned_places(above, spans) is None:
        return at, None
    return at + last, _table(places[:last], groups, columns, page.number)


def _region(
    rows: Sequence[Sequence[Piece]], at: int, end: int, columns: list[list[float]]
) -> tuple[int, list[list[float]]]:
    """Return the row after those from `at` on that fit into columns, and the columns; those before `end` do."""
    while end < min(len(rows), at + _MAX_LINES):
        row = rows[end]
        apart = end > at and row[0].base - rows[end - 1][0].base > _PITCH * max(row[0].size, rows[end - 1][0].size)
        if apart and not (len(columns) > 2 and _is_loose(rows, at, end)):
            break
        grown = _grown(columns, _cells(row), end - at >= _AHEAD or any(len(above) > 1 for above in rows[at:end]))
        if grown is None:
            break
        columns, end = grown, end + 1
    return end, columns


def _is_loose(rows: Sequence[Sequence[Piece]], at: int, end: int) -> bool:
    """Return whether the space above a row of a table from row `at` on is that between others of its rows."""
    gap = rows[end][0].base - rows[end - 1][0].base
    near = rows[max(at, end - _AROUND) : end + _AROUND]
    alike = sum(abs(below[0].base - above[0].base - gap) <= _EVEN * gap for above, below in pairwise(near))
    return alike > 1 and gap <= _LOOSE * max(rows[end][0].size, rows[end - 1][0].size)


def _cells(row: Sequence[Piece]) -> Sequence[Piece]:
    """Return the cells of a row: none if it is a list item or a line of a table of contents."""
    if len(row) > 1 and (MARKER.fullmatch(row[0].text) or any(LEADERS.search(piece.text) for piece in row)):
        return row[:1]
    return row


def _grown(columns: list[list[float]], row: Sequence[Piece], known: bool) -> list[list[float]] | None:
    """Return the columns extended by a row, None when the row does not fit.

    Args:
        columns: Where each begins and ends.
        row: Its cells.
        known: Whether a lone cell must be below others.
    """
    grown = [list(column) for column in columns]
    used: set[int] = set()
    added = []
    for piece in row:
        over = [i for i, (x0, x1) in enumerate(columns) if piece.x0 < x1 and piece.x1 > x0]
        wide = len(over) > 1
        if used & set(over) or (wide and not (known and row[0] is not piece and _begins_at(row[0], piece, columns))):
            return None
        if not over:
            added.append([piece.x0, piece.x1])
            continue
        used.update(over)
        if wide:
            continue
        grown[over[0]] = [min(piece.x0, grown[over[0]][0]), max(piece.x1, grown[over[0]][1])]
    if added and len(row) == 1 and known:
        return None
    grown = sorted(grown + added)
    return None if any(a[1] > b[0] for a, b in pairwise(grown)) else grown


def _begins_at(first: Piece, piece: Piece, columns: Sequence[Sequence[float]]) -> bool:
    """Return whether a cell over several columns, and its row, begin exactly where columns do."""
    near = min(abs(piece.x0 - x0) for x0, _ in columns)
    return near <= _SAME and abs(first.x0 - columns[0][0]) <= _SAME


def _placed(row: Sequence[Piece], columns: Sequence[Sequence[float]]) -> Places:
    """Return the cells of a line by column."""
    found: Places = {}
    at = 0
    for piece in sorted(row, key=lambda piece: piece.x0):
        while at + 1 < len(columns) and columns[at + 1][0] <= piece.x0 + 0.01:
            at += 1
        found.setdefault(at, []).append(piece)
    return found


def _is_table(lines: Sequence[Places], groups: Sequence[Sequence[int]], width: int) -> bool:
    """Return whether rows are a table and not text that happens to have gaps."""
    rows = [_filled(lines, group) for group in groups]
    several = sum(len(row) > 1 for row in rows)
    if several < (3 if width < 3 else 2) or several < 0.5 * len(rows):
        return False
    if several < 3 and sum(len(line) > 1 for line in lines) < 2:
        return False
    wordy = sum(words > _CELL_WORDS for words in _words(lines, width))
    filled = sum(map(len, rows)) / (len(rows) * width)
    return wordy <= (1 if width > 2 else 0) and filled >= 0.45


def _words(lines: Sequence[Places], width: int) -> list[float]:
    """Return the number of words of a line in each column, on average; of two columns, for both together."""
    counts: list[list[int]] = [[] for _ in range(width)]
    for line in lines:
        for column, pieces in line.items():
            counts[column if width > 2 else 0] += [len(piece.words) for piece in pieces]
    return [sum(count) / len(count) for count in counts if count]


def _table(
    lines: Sequence[Places], groups: Sequence[Sequence[int]], columns: Sequence[Sequence[float]], page: int
) -> Table:
    width = len(columns)
    texts, bold = [], []
    for group in groups:
        cells: list[list[str]] = [[] for _ in range(width)]
        for line in group:
            for column, pieces in lines[line].items():
                cells[column].append(" ".join(piece.text for piece in pieces))
        texts.append([join_lines(cell) for cell in cells])
        bold.append(all(word.bold for line in group for piece in _pieces(lines[line]) for word in piece.words))
    pieces = [piece for line in lines for piece in _pieces(line)]
    spans = [_span(lines, at, column) for at, column in enumerate(columns)]
    spans = [
        (x0, min(x1, after))
        for (x0, x1), after in zip(spans, [*(x0 for x0, _ in spans[1:]), spans[-1][1]], strict=True)
    ]
    texts, spans = _without_shifted_headers(texts, spans)
    x0, x1 = spans[0][0], spans[-1][1]
    top, bottom = pieces[0].base - pieces[0].size, pieces[-1].base
    return Table(texts, bold_header_rows(texts, bold), page, x0, x1, top, bottom, [], spans, bold)


def _filled(lines: Sequence[Places], group: Sequence[int]) -> set[int]:
    """Return the columns in which a row has text."""
    return {column for line in group for column in lines[line]}


def _pieces(line: Places) -> list[Piece]:
    return [piece for pieces in line.values() for piece in pieces]


def _span(lines: Sequence[Places], at: int, column: Sequence[float]) -> Span:
    pieces = [piece for line in lines for piece in line.get(at, ())]
    x0, x1 = (
        min((piece.x0 for piece in pieces), default=column[0]),
        max((piece.x1 for piece in pieces), default=column[1]),
    )
    return x0, x1


def _without_shifted_headers(rows: list[list[str]], spans: list[Span]) -> tuple[list[list[str]], list[Span]]:
    """Put names that stand beside their column, such as at the left of numbers set at the right, into it."""
    column = 0
    while column + 1 < len(spans):
        filled = [[bool(row[at]) for row in rows] for at in (column, column + 1)]
        names, cells = sorted(filled, reverse=True)
        head = sum(names)
        if 0 < head <= _HEADER_ROWS and head < sum(cells) and all(names[:head]) and not any(cells[:head]):
            rows = [[*row[:column], row[column] or row[column + 1], *row[column + 2 :]] for row in rows]
            spans = [*spans[:column], (spans[column][0], spans[column + 1][1]), *spans[column + 2 :]]
        else:
            column += 1
    return rows, spans
