"""Rows of form fields as lines: one for each label with its value."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ingest.documents.parsers.pdf.fields import EMPTY, TICKED
from ingest.documents.parsers.pdf.noted import FIELD, MARK, VALUE
from ingest.documents.parsers.pdf.page import Piece, Word

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
