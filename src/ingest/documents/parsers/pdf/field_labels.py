"""Finds the text on a page that says what a form field is for.

Candidates are what stands directly before, above, inside or below a field, for a box behind it too, without another
field between. The nearest pairs are made first, so that a text is the label of one field. Where some candidates are the
only ones, they tell how the whole form is laid out. Fields without text before or above them, between others, are a
table, whose cells keep their places; so are fields inside a sentence.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ingest.documents.parsers.pdf.annotations import Box
from ingest.documents.parsers.pdf.field_tables import mark_tables
from ingest.documents.parsers.pdf.spots import Near, Spot, names_something, value_base

BEFORE, ABOVE, INSIDE, BELOW, BEHIND = "before", "above", "inside", "below", "behind"
_ALIGNED = 4.0  # points
_FAR_BEHIND = 3.0  # font sizes, from a box to its label
_FAR_ABOVE = 2.2  # font sizes
_FAR_BELOW = 1.2
_NUMBER = re.compile(r"[(\[]?(?:[A-Za-z]|[A-Za-z]?\d{1,3}[A-Za-z]?)[.)\]:]*")
_LINES = 4  # of a label above the first that was found, and below
_CUSTOM = 12.0  # points by which a candidate is nearer if it stands where the form's labels usually do


def label_fields(fields: Sequence[Spot], texts: Sequence[Spot], rules: Sequence[Box], size: float) -> None:
    """Give each field its label, or say that it stays in its place.

    Args:
        fields: What is on the page.
        texts: Its pieces of text.
        rules: Its ruling lines.
        size: Of its text, in points.
    """
    _find_in_rows(fields, texts, size)
    _find_in_columns(fields, texts, size)
    for spot in fields:
        spot.in_place = not spot.is_box and _in_sentence(spot, size)
    mark_tables(fields, texts, rules)
    offers = [offer for spot in fields if not spot.in_place for offer in _offers(spot, size)]
    usual = _usual_sides(fields, size)
    offers = [(cost - (_CUSTOM if usual.get(id(s)) == side else 0.0), side, s, text) for cost, side, s, text in offers]
    taken: set[int] = set()
    for _, side, spot, text in sorted(offers, key=lambda offer: offer[0]):
        if spot.label is None and id(text) not in taken:
            taken.add(id(text))
            spot.label, spot.side = text, side
    _add_lines(fields, texts, taken, size)
    _add_numbered(fields, texts, taken, size)


def _add_lines(fields: Sequence[Spot], texts: Sequence[Spot], taken: set[int], size: float) -> None:
    """Find the lines of labels that have several."""
    near = Near((text.top, text.bottom, text) for text in texts)
    own = {id(text) for spot in fields for text in _neighbours(spot, size)}
    for spot in fields:
        spot.lines = [spot.label] if spot.label else []
        for step in (-1, 1) if spot.label and spot.side in (BEFORE, ABOVE) else ():
            for _ in range(_LINES):
                last = spot.lines[0 if step < 0 else -1]
                around = near.between(last.base - 2 * size, last.base + 2 * size)
                found = [t for t in around if id(t) not in taken and id(t) not in own and _goes_on(spot, last, t, step)]
                if not found:
                    break
                taken.add(id(found[0]))
                spot.lines.insert(0 if step < 0 else len(spot.lines), found[0])


def _add_numbered(fields: Sequence[Spot], texts: Sequence[Spot], taken: set[int], size: float) -> None:
    """Add what stands farther left where the label is just the number of a line, as in "1a Wages … 1a [     ]"."""
    words = Near((text.top, text.bottom, text) for text in texts)
    others = Near((spot.top, spot.bottom, spot) for spot in fields)
    for spot in fields:
        last = spot.label
        if last is None or spot.side != BEFORE or len(spot.lines) > 1 or not _NUMBER.fullmatch(last.text.strip()):
            continue
        row = [text for text in words.between(last.top, last.bottom) if abs(text.base - last.base) < 0.3 * size]
        for text in sorted(row, key=lambda text: -text.x1):
            if text is last or text.x1 > last.x0 or id(text) in taken:
                continue
            between = (o for o in others.between(text.top, text.bottom) if text.x0 < o.x0 < last.x0)
            if any(_beside(other, text) for other in between):
                break
            taken.add(id(text))
            spot.lines.insert(0, text)


def _goes_on(spot: Spot, last: Spot, line: Spot, step: int) -> bool:
    """Return whether a line is the one above (`step` -1) or below (1) the last one of a label."""
    upper, lower = (line, last) if step < 0 else (last, line)
    size, gap = last.bottom - last.top, lower.base - upper.base
    if not (0.8 * size < gap < 1.4 * size and abs(line.x0 - last.x0) < _ALIGNED):
        return False
    if abs(line.bottom - line.top - size) > 0.1 * size:
        return False
    in_row = spot.side == BEFORE and spot.top < line.base < spot.bottom + 0.4 * size
    return in_row or (step < 0 and lower.text[:1].islower())


def _find_in_rows(fields: Sequence[Spot], texts: Sequence[Spot], size: float) -> None:
    """Fill in what stands before, behind and inside each field; a field in between hides what is behind it."""
    others = Near((spot.top, spot.bottom, spot) for spot in fields)
    words = Near((spot.top, spot.bottom, spot) for spot in texts)
    for spot in fields:
        near = [other for other in others.between(spot.top, spot.bottom) if other is not spot and _beside(other, spot)]
        row = [text for text in words.between(spot.top, spot.bottom) if _on_row(text, spot, size)]
        left = max((o for o in near if o.x1 <= spot.x0 + 2), key=lambda o: o.x1, default=None)
        right = min((o for o in near if o.x0 >= spot.x1 - 2), key=lambda o: o.x0, default=None)
        before = [t for t in row if t.x1 <= spot.x0 + 2 and (left is None or t.x1 > left.x1)]
        behind = [t for t in row if t.x0 >= spot.x1 - 2 and (right is None or t.x0 < right.x0)]
        spot.before = max(before, key=lambda t: (t.x1, -abs(t.base - value_base(spot, size))), default=None)
        spot.behind = min(behind, key=lambda t: t.x0, default=None)
        spot.left = left if spot.before is None else None
        spot.inside = min((t for t in row if _holds(spot, t)), key=lambda t: (t.top, t.x0), default=None)


def _find_in_columns(fields: Sequence[Spot], texts: Sequence[Spot], size: float) -> None:
    """Fill in what stands above and below each field."""
    rows = {id(text) for spot in fields for text in _neighbours(spot, size)}
    others = Near((spot.top, spot.bottom, spot) for spot in fields)
    words = Near((spot.top, spot.bottom, spot) for spot in texts if id(spot) not in rows)
    reach = _FAR_ABOVE * size
    for spot in fields:
        near = [o for o in others.between(spot.top - reach, spot.bottom + reach) if o is not spot and _over(o, spot)]
        up = max((o for o in near if o.bottom <= spot.top + 2), key=lambda o: o.bottom, default=None)
        down = min((o for o in near if o.top >= spot.bottom - 2), key=lambda o: o.top, default=None)
        column = [t for t in words.between(spot.top - reach, spot.bottom + reach) if _over(t, spot)]
        above = [t for t in column if t.base <= spot.top + 0.4 * size and spot.top - t.base < reach]
        above = [t for t in above if up is None or t.base > up.bottom]
        below = [t for t in column if t.top >= spot.bottom - 2 and t.top - spot.bottom < _FAR_BELOW * size]
        below = [t for t in below if down is None or t.base < down.top]
        spot.above = max(above, key=lambda t: (round(t.base), -abs(t.x0 - spot.x0)), default=None)
        spot.below = min(below, key=lambda t: (round(t.base), abs(t.x0 - spot.x0)), default=None)
        spot.up = up if spot.above is None else None


def _neighbours(spot: Spot, size: float) -> Iterable[Spot]:
    """Yield the texts in the row of a field that belong to it: they are no heading of the next row."""
    if spot.before and (spot.x0 - spot.before.x1 < 10 * size or spot.before.text.endswith(":")):
        yield spot.before
    if spot.behind and spot.behind.x0 - spot.x1 < 1.5 * size:
        yield spot.behind


def _beside(a: Spot, b: Spot) -> bool:
    return min(a.bottom, b.bottom) - max(a.top, b.top) > 0.4 * min(a.bottom - a.top, b.bottom - b.top)


def _over(a: Spot, b: Spot) -> bool:
    return min(a.x1, b.x1) - max(a.x0, b.x0) > min(1.0, 0.3 * min(a.x1 - a.x0, b.x1 - b.x0))


def _on_row(text: Spot, spot: Spot, size: float) -> bool:
    return spot.top + 0.1 * size < text.base < spot.bottom + 0.4 * size


def _holds(spot: Spot, text: Spot) -> bool:
    return spot.x0 - 2 <= text.x0 and text.x1 <= spot.x1 + 2 and text.base <= spot.bottom


def _in_sentence(spot: Spot, size: float) -> bool:
    """Return whether a field is a blank in running text: this goes on directly behind it."""
    behind, before = spot.behind, spot.before
    if behind is None or behind.x0 - spot.x1 > 0.8 * size or (before and before.text[-1:] in ":："):
        return False
    first, several = behind.text[:1], " " in behind.text
    return first in ",;.)" or (first.islower() and several)


def _offers(spot: Spot, size: float) -> Iterable[tuple[float, str, Spot, Spot]]:
    """Yield distance, side, field and text of each possible label."""
    before, behind = spot.before, spot.behind
    if spot.inside:
        yield -50.0, INSIDE, spot, spot.inside
    if before and names_something(before):
        colon = _asks(before)
        gap = spot.x0 - before.x1
        if spot.is_box:
            near = behind is not None and behind.x0 - spot.x1 < 2 * size
            if colon or gap < 6 * size:
                yield (12.0 if colon and near else 1.0) + gap, BEFORE, spot, before
        else:
            yield min(0.1 * gap, 4.0) if colon else 0.25 * gap, BEFORE, spot, before
    if spot.is_box and behind and names_something(behind) and (gap := behind.x0 - spot.x1) < _FAR_BEHIND * size:
        yield gap + (30.0 if behind.text.endswith(":") else 0.0), BEHIND, spot, behind
    if spot.above and names_something(spot.above):
        aside = 3.0 if abs(spot.above.x0 - spot.x0) < _ALIGNED else 12.0
        yield max(spot.top - spot.above.base, 0.0) + aside + (20.0 if spot.is_box else 0.0), ABOVE, spot, spot.above
    if spot.below and names_something(spot.below) and not (spot.is_box and (before or behind)):
        away = 2.0 * max(spot.below.top - spot.bottom, 0.0) + 6.0
        yield away + (20.0 if spot.is_box else 0.0), BELOW, spot, spot.below


def _usual_sides(fields: Sequence[Spot], size: float) -> dict[int, str]:
    """Return id of a field → the side on which its label is expected."""
    plain = [spot for spot in fields if not spot.is_box and not spot.in_place]
    only = [_only_side(spot) for spot in plain]
    usual = max((BEFORE, ABOVE, BELOW), key=only.count)
    found = {id(spot): usual for spot in plain} if 2 * only.count(usual) > len(only) - only.count("") else {}
    boxes = sorted((spot for spot in fields if spot.is_box and not spot.in_place), key=lambda spot: spot.x0)
    rows: dict[int, list[Spot]] = {}  # id of the text behind the last box → boxes with one text between each two
    for box in boxes:
        row = rows.pop(id(box.before), []) if box.before else []
        row.append(box)
        rows[id(box.behind or box)] = row
    for row in rows.values():
        side = _side_of_row(row, size)
        found |= {id(box): side for box in row}
    apart = [box for box in boxes if not (box.before or box.behind)]
    return found | {id(box): side for box in apart if (side := _side_of_stack(apart))}


def _only_side(spot: Spot) -> str:
    """Return where the label of a field is if there is one candidate, or one that is much nearer than the other."""
    if spot.before:
        return "" if spot.above else BEFORE
    above = spot.top - spot.above.base if spot.above else 1e6
    below = spot.below.top - spot.bottom if spot.below else 1e6
    return ABOVE if above < below else BELOW if below < 0.5 * above else ""


def _side_of_stack(boxes: Sequence[Spot]) -> str:
    """Return whether the labels of boxes without text beside them are above or below: the outer ones tell."""
    over = Counter(id(box.above) for box in boxes)
    shared = (box for box in boxes if box.below and (not box.above or over[id(box.above)] > 1 or _asks(box.above)))
    below, above = sum(1 for _ in shared), sum(box.above is not None and box.below is None for box in boxes)
    return BELOW if below > above else ABOVE if above else ""


def _asks(text: Spot) -> bool:
    return text.text.rstrip("* ")[-1:] in ":：?"


def _side_of_row(row: Sequence[Spot], size: float) -> str:
    """Return on which side of boxes their labels are: not where a box at the end of the row has none."""
    first, last = row[0].before, row[-1].behind
    far = last is None or last.x0 - row[-1].x1 > _FAR_BEHIND * size or last.text.endswith(":")
    if first is None or not names_something(first) or (first.text.endswith(":") and not far):
        return BEHIND
    if far:
        return BEFORE
    gaps = [(box.x0 - box.before.x1, box.behind.x0 - box.x1) for box in row if box.before and box.behind]
    return BEFORE if sum(before for before, _ in gaps) < sum(behind for _, behind in gaps) else BEHIND
