"""Rows of form fields as lines: one for each label with its value."""

from collections.abc import Iterator, Sequence

from ingest.documents.parsers.pdf.fields import EMPTY, TICKED
from ingest.documents.parsers.pdf.page import FIELD, MARK, VALUE, Piece, Word


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
    if here == VALUE or not last.is_field:
        return False
    return bool(here) or piece.x0 - last.x1 > 1.5 * last.size or piece.text[:1].isupper()


def is_form(words: list[Word]) -> bool:
    """Return whether words are fields in lines of their own: more than a box with its label, which is an item."""
    return (
        any(word.part == FIELD for word in words)
        or any(word.part for word in words[1:])
        or (words[0].part == MARK and words[0].text[:1] not in (TICKED, EMPTY))
    )
