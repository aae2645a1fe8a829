"""Form fields that are the cells of a table: they keep their places."""

from collections.abc import Sequence

from ingest.documents.parsers.pdf.annotations import Box
from ingest.documents.parsers.pdf.spots import Near, Spot

_ALIGNED = 4.0  # points


def mark_tables(fields: Sequence[Spot], texts: Sequence[Spot], rules: Sequence[Box]) -> None:
    """Mark the cells of tables: fields between others or between ruling lines, and those that lead to headings."""
    lines, headings = Near((rule[1], rule[3], rule) for rule in rules), _second_in_row(texts)
    below: dict[int, list[Spot]] = {}
    for spot in fields:
        if spot.up:
            below.setdefault(id(spot.up), []).append(spot)
    down = [spot for spot in fields if _is_ruled_cell(spot, headings, lines)]
    while down:
        spot = down.pop()
        if not spot.in_place:
            spot.in_place = True
            down += below.get(id(spot), ())
    waiting = [spot for spot in fields if _is_cell(spot)]
    while waiting:
        spot = waiting.pop()
        if not spot.in_place:
            spot.in_place = True
            waiting += [other for other in (spot.left, spot.up) if other]


def _second_in_row(texts: Sequence[Spot]) -> frozenset[int]:
    """Return the ids of texts before which another one stands, as in the header of a table."""
    rows: dict[int, float] = {}
    for text in texts:
        row = round(text.base)
        rows[row] = min(rows.get(row, text.x0), text.x0)
    return frozenset(id(text) for text in texts if rows[round(text.base)] < text.x0)


def _is_ruled_cell(spot: Spot, headings: frozenset[int], lines: Near[Box]) -> bool:
    """Return whether ruling lines part a field from the text before it and from a heading above it."""
    before, above = spot.before, spot.above
    if before is None or above is None or id(above) not in headings:
        return False
    x, y = (spot.x0 + spot.x1) / 2, (spot.top + spot.bottom) / 2
    near = lines.between(above.base, spot.bottom)
    across = any(
        left <= x <= right and above.base - 1 <= top and bottom <= spot.top + 2 for left, top, right, bottom in near
    )
    return across and any(
        top <= y <= bottom and before.x1 - 1 <= left and right <= spot.x0 + 1 for left, top, right, bottom in near
    )


def _is_cell(spot: Spot) -> bool:
    if spot.inside or spot.before or (spot.is_box and spot.behind):
        return False
    first = spot.left
    if first is None or spot.above is None:
        return first is not None and spot.up is not None
    if spot.is_box or first.before is None or first.above is None:
        return False
    return abs(first.above.base - spot.above.base) < _ALIGNED  # a row with headings on both sides
