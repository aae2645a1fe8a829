"""Levels of the items of a list, by their indents."""

from collections.abc import Iterator, Sequence

from ingest.documents.parsers.pdf.layout import Line

_STEP = 0.5  # font sizes between the indents of two levels, at least
_DEEPEST = 8


def levels(items: Sequence[Line]) -> Iterator[int]:
    """Yield the level of each item from its first line: 0 for the first one and those that begin where it does.

    Where the list goes on in another column or page, the same bullet means the same level, and another number the last.
    """
    stack: list[float] = []
    known: dict[str, int] = {}
    last: Line | None = None
    for line in items:
        marker = line.text.split(None, 1)[0]
        if last is not None and (line.page, line.column) != (last.page, last.column):
            level = known.get(marker, len(stack) - 1)
            before = stack[: level + 1]
            stack = [x0 + line.x0 - before[-1] for x0 in before]
        while len(stack) > 1 and line.x0 < stack[-1] - _STEP * line.size:
            stack.pop()
        if not stack or (line.x0 > stack[-1] + _STEP * line.size and len(stack) < _DEEPEST):
            stack.append(line.x0)
        known[marker] = len(stack) - 1
        last = line
        yield len(stack) - 1
