"""Ends of tables that have no ruling line because the table is cut there: a row goes on over the page."""

from collections.abc import Sequence

from ingest.documents.parsers.pdf.lattice import TOLERANCE, RulingLine


def missing_ends(across: Sequence[RulingLine], down: Sequence[RulingLine]) -> tuple[list[RulingLine], list[RulingLine]]:
    """Return the lines missing at the top and at the bottom of tables.

    Args:
        across: Horizontal lines, joined.
        down: Vertical lines, joined.
    """
    tops = _missing(across, [(line.start, line.at) for line in down], below=False)
    bottoms = _missing(across, [(line.end, line.at) for line in down], below=True)
    return tops, bottoms


def _missing(across: Sequence[RulingLine], ends: Sequence[tuple[float, float]], below: bool) -> list[RulingLine]:
    """Return the lines missing at ends (y, x) of vertical lines: two or more end together, beyond a row's line."""
    found: list[RulingLine] = []
    group: list[tuple[float, float]] = []
    for y, x in [*sorted(ends), (float("inf"), 0.0)]:
        if group and y - group[0][0] > TOLERANCE:
            left, right = min(at for _, at in group), max(at for _, at in group)
            at = group[len(group) // 2][0]
            over = [line for line in across if line.start <= left + TOLERANCE and line.end >= right - TOLERANCE]
            closed = any(
                abs(line.at - at) <= 2 * TOLERANCE for line in across if line.start < right and line.end > left
            )
            beyond = any((line.at < at) is below for line in over)
            if right - left > TOLERANCE and not closed and beyond:
                found.append(RulingLine(at, left, right))
            group = []
        group.append((y, x))
    return found
