"""The orientations of text on a page: each is looked at as a page of its own, turned until its text is upright.

Tables and whole texts that stand sideways are content and have their place among the text that is upright. Other text
beside it, such as a stamp at the margin or the names of a diagram's axes, comes last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.documents.parsers.pdf.page import Page, Word

_CONTENT = 0.3  # of a page's letters, at least, are a text and no marginal note
_COLUMNS = 3  # of a table without ruling lines that stands sideways, at least

Box = tuple[float, float, float, float]  # x0, top, x1, bottom


@dataclass(slots=True)
class View:
    """The visible words of one orientation, upright."""

    turn: int  # quarter turns from most of the page's text
    page: Page
    box: Box  # of its words, as the page's first view has them


def views(page: Page) -> list[View]:
    """Return the orientations with words; the one that is upright for a reader of the page comes first."""
    words: dict[int, list[Word]] = {0: []}
    for word in page.words:
        if not word.hidden:
            words.setdefault(word.turn, []).append(word)
    order = sorted(words, key=lambda turn: (turn != page.facing, turn)) if words.get(page.facing) else sorted(words)
    order = [turn for turn in order if words[turn]] or [0]
    found = [View(turn, _turned_page(page, words[turn], turn), (0.0, 0.0, 0.0, 0.0)) for turn in order]
    first = found[0]
    for view in found[1:]:
        view.box = _seen_from(first, view)
    return found


def is_content(view: View, tables: Sequence[tuple[bool, int]], letters: int) -> bool:
    """Return whether a view holds a part of the text.

    Args:
        view: Any but the first.
        tables: For each of its tables, whether it is ruled, and its columns.
        letters: Of the whole page.
    """
    own = sum(len(word.text) for word in view.page.words)
    return own >= _CONTENT * letters or any(ruled or columns >= _COLUMNS for ruled, columns in tables)


def _turned_page(page: Page, words: list[Word], turn: int) -> Page:
    """Return a page of the words of one orientation; their places begin at its top left corner."""
    if turn == 0:
        return replace(page, words=words)
    (across, down), width, height = page.corner, page.width, page.height
    left, top = ((0.0, 0.0), (-down - height, across), (-across - width, -down - height), (down, -across - width))[turn]
    moved = [replace(w, x0=w.x0 - left, x1=w.x1 - left, base=w.base - top, turn=0) for w in words]
    if turn % 2:
        width, height = height, width
    rules = [_quarters(rule, turn, page.width, page.height) for rule in _unmirrored(page)]
    return replace(page, width=width, height=height, words=moved, rules=rules, mirrored=False, facing=0)


def _unmirrored(page: Page) -> Iterator[Box]:
    for x0, top, x1, bottom in page.rules:
        yield (page.width - x1, top, page.width - x0, bottom) if page.mirrored else (x0, top, x1, bottom)


def _quarters(box: Box, turn: int, width: float, height: float) -> Box:
    """Return a box of a page of this size after the page was turned clockwise until text with `turn` is upright."""
    x0, top, x1, bottom = box
    if turn == 1:
        return height - bottom, x0, height - top, x1
    if turn == 2:
        return width - x1, height - bottom, width - x0, height - top
    if turn == 3:
        return top, width - x1, bottom, width - x0
    return box


def _seen_from(first: View, view: View) -> Box:
    """Return the box around the words of a view in the coordinates of another one."""
    words = view.page.words
    box = (
        min(word.x0 for word in words),
        min(word.top for word in words),
        max(word.x1 for word in words),
        max(word.bottom for word in words),
    )
    return _quarters(box, (first.turn - view.turn) % 4, view.page.width, view.page.height)
