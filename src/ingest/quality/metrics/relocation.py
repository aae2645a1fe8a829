"""Where a judged place is after its document has changed."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ingest.quality.metrics.relevance import holds
from ingest.records import Gold

CONTEXT = 200  # code points on each side by which equal texts are told apart
OCCURRENCES = 1000  # equal texts that are compared


def relocate(gold: Gold, judged_text: str | None, current_text: str, sha256: str = "") -> Gold | None:
    """Return the gold place in the current text, None if it is stale, that is, its own text was changed or deleted.

    With offsets, the exact slice judged_text[start:end] is followed; if it occurs several times, the occurrence with
    the most similar surroundings is taken, then the nearest. If the slice is gone but a quoted span is not, the longest
    span that is left is the place. Without offsets, one of the spans must still be there, or else the last heading; a
    place that is a whole document is never stale while the document is there.
    Both texts are canonical. Without `judged_text`, which is lost, offsets say nothing, and a place is looked for by
    its quoted spans, else by its last heading. `sha256`, of the document now, is recorded in a place with new offsets.
    """
    if judged_text == current_text:
        return gold
    known = judged_text is not None and gold.end is not None and gold.end <= len(judged_text)
    if gold.start is not None and gold.end is not None:
        wanted = judged_text[gold.start : gold.end] if judged_text is not None and known else ""
        if (moved := _followed(gold, wanted, judged_text or "", current_text, sha256)) is not None:
            return moved
        if known:
            return None
        gold = replace(gold, start=None, end=None, sha256=sha256)
        if not (gold.spans or gold.headings):
            return None
    sought = gold.spans or gold.headings[-1:]
    return gold if not sought or any(holds(current_text, text) for text in sought) else None


def _followed(gold: Gold, wanted: str, judged: str, current: str, sha256: str) -> Gold | None:
    """Look for the slice, then for the quoted spans, longest first; an empty one is nowhere."""
    start = gold.start or 0
    for text in (wanted, *sorted(gold.spans, key=len, reverse=True)):
        near = start + max(wanted.find(text), 0)
        if text.strip() and (place := _best(text, judged, near, current)) is not None:
            return replace(gold, start=place, end=place + len(text), sha256=sha256)
    return None


def _best(wanted: str, judged: str, start: int, current: str) -> int | None:
    """Return the start of the occurrence of `wanted` that is most likely the judged one."""
    before, after = judged[max(start - CONTEXT, 0) : start][::-1], judged[start + len(wanted) :][:CONTEXT]

    def likeness(place: int) -> tuple[int, int]:
        left, right = current[max(place - CONTEXT, 0) : place][::-1], current[place + len(wanted) :][:CONTEXT]
        alike = _common(before, left) + _common(after, right)
        return alike, -abs(place - start)

    return max(_occurrences(wanted, current), key=likeness, default=None)


def _common(one: str, other: str) -> int:
    """Return the number of characters with which both begin."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


def _occurrences(wanted: str, text: str) -> Iterator[int]:
    found = re.finditer(f"(?={re.escape(wanted)})", text)
    return (match.start() for match, _ in zip(found, range(OCCURRENCES), strict=False))
