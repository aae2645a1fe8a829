"""Rows of form fields as lines: one for each label with its value."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ingest.documents.parsers.pdf.fields import EMPTY, TICKED
from ingest.documents.parsers.pdf.noted import FIELD, MARK, VALUE
from ingest.documents.parsers.pdf.page import Piece, Word

_SIDES = 2  # rows that repeat their labels side by side, at least
_ASIDE = 3.0  # font sizes from where a side begins to where its heading does, at most
_ABOVE = 2.5  # font sizes from a label to the row below it, at most


def form_rows(rows: Sequence[list[Piece]]) -> Iterator[tuple[bool, list[list[Piece]]]]:
    """Yield whether rows hold fields, and those that follow each other; a label right above fields belongs to them."""
    with_fields = [any(word.part for piece in row for word in piece.words) for row in rows]
    for at in range(len(rows) - 2, -1, -1):
        label, below = rows[at][-1], rows[at + 1][0]
        near = below.base - label.base < _ABOVE * max(label.size, below.size)
        if with_fields[at + 1] and not with_fields[at] and near and len(rows[at]) == 1 and label.text.endswith(":"):
            with_fields[at] = True
            label.words[-1].part = FIELD
    for in_form, group in groupby(range(len(rows)), lambda at: with_fields[at]):
        yield in_form, [rows[at] for at in group]


def form_lines(row: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield the parts of a row of fields: each label with its value is a line, together with a unit behind it."""
    part: list[Piece] = []
    for piece in row:
        last = part[-1] if part else None
        if last is not None and _parts(last, piece):
            yield part
            part = []
        part.append(piece)
    yield part


def form_columns(head: Sequence[Piece], rows: Sequence[list[Piece]]) -> Iterator[tuple[list[Piece], bool]]:
    """Yield the lines of rows of fields in reading order, and whether each one is a part of `head`.

    Where rows repeat their labels side by side, as for a sender and a receiver, each side is read as a whole, below its
    heading.

    Args:
        head: The row above; it is left out if it does not stand above such sides.
        rows: Those of a form that follow each other.
    """
    parts = [list(form_lines(row)) for row in rows]
    times = [_repeats([_label(part) for part in row]) for row in parts]
    at = 0
    while at < len(rows):
        end = at + 1
        while end < len(rows) and times[end] == times[at]:
            end += 1
        if times[at] < 2 or end - at < _SIDES:
            yield from ((part, False) for row in parts[at:end] for part in row)
            at = end
            continue
        starts = [part[0] for part in parts[at][:: len(parts[at]) // times[at]]]
        titled = at == 0 and _stands_above(head, starts)
        for side in range(times[at]):
            if titled:
                yield [head[side]], True
            for row in parts[at:end]:
                width = len(row) // times[at]
                yield from ((part, False) for part in row[side * width : (side + 1) * width])
        at = end


def _label(part: Sequence[Piece]) -> str:
    """Return the label of a line of a form, "" without one."""
    word = part[0].words[0]
    return word.text.partition(":")[0].casefold() if word.part == FIELD else ""


def _repeats(labels: Sequence[str]) -> int:
    """Return how often the same labels follow each other in a row."""
    for width in range(1, len(labels) // 2 + 1):
        if len(labels) % width == 0 and all(labels) and list(labels) == [*labels[:width]] * (len(labels) // width):
            return len(labels) // width
    return 1


def _stands_above(head: Sequence[Piece], firsts: Sequence[Piece]) -> bool:
    """Return whether each part of a row begins about where one of the sides below it does."""
    return len(head) == len(firsts) and all(
        abs(above.x0 - first.x0) <= _ASIDE * above.size for above, first in zip(head, firsts, strict=True)
    )


def _parts(last: Piece, piece: Piece) -> bool:
    """Return whether a piece begins a line of a form: a label does, and what follows a value, but not its unit."""
    before, here = last.words[-1].part, piece.words[0].part
    if here == FIELD:
        return not (before == MARK and " " not in last.text)
    if here == VALUE or not ends_with_field(last):
        return False
    return bool(here) or piece.x0 - last.x1 > 1.5 * last.size or piece.text[:1].isupper()


def ends_with_field(piece: Piece) -> bool:
    """Return whether a piece ends with a field of a form and its value."""
    return piece.words[-1].part in (FIELD, VALUE)


def is_form(words: list[Word]) -> bool:
    """Return whether words are fields in lines of their own: more than a box with its label, which is an item."""
    return (
        any(word.part == FIELD for word in words)
        or any(word.part for word in words[1:])
        or (words[0].part == MARK and words[0].text[:1] not in (TICKED, EMPTY))
    )
