"""Lines of Hebrew, Arabic and similar scripts, rewritten as if they had been written from left to right.

The glyphs of each line are put into reading order, and its words laid out anew in that order in the place of the line.
A page that is mostly written from right to left is mirrored, with its ruling lines. Columns, tables, lists, indents and
paragraphs are then found as on any other page.
"""

from collections.abc import Iterator
from dataclasses import replace

from ingest.documents.parsers.pdf.annotations import Box
from ingest.documents.parsers.pdf.bidi import bidi_class, reading_order
from ingest.documents.parsers.pdf.brackets import MIRRORED, turn_brackets
from ingest.documents.parsers.pdf.directions import is_drawn_as_read, sided
from ingest.documents.parsers.pdf.page import Page, Word
from ingest.documents.parsers.pdf.stretches import LineStretch, stretches_of

_RAISED = 0.85  # of the font size: smaller letters are a word of their own
_STOPS = frozenset(".!?\u061f\u06d4")


def as_left_to_right(page: Page) -> Page:
    """Return a page with its right-to-left lines rewritten; the same page without any."""
    if page.glyphs is None or not page.words:
        return page
    groups: dict[tuple[int, bool], list[Word]] = {}
    for word in page.words:
        groups.setdefault((word.turn, word.hidden), []).append(word)
    stretches = {key: stretches_of(page, words, key[0]) for key, words in groups.items()}
    shown = stretches.get((0, False), [])
    drawn = is_drawn_as_read([[item.text for item in stretch.items] for stretch in shown])
    mirrored = not drawn and sum(stretch.letters for stretch in shown) > 0
    everything = [stretch for found in stretches.values() for stretch in found]
    rewritten = [stretch for stretch in everything if mirrored or stretch.turned]
    for stretch in rewritten:
        stretch.rtl = _is_read_from_right(stretch, mirrored)
        stretch.paragraph.rtl |= stretch.rtl
    turn_brackets([stretch.items for stretch in rewritten])
    for stretch in rewritten:
        if not drawn:
            _order(stretch)
    kept = {id(word) for stretch in everything for word in stretch.words} - {
        id(word) for stretch in rewritten for word in stretch.words
    }
    places = {id(word): at for at, word in enumerate(page.words)}
    words = [(places[id(word)], 0, word) for word in page.words if id(word) in kept]
    run = max(word.run for word in page.words)
    for stretch in rewritten:
        x0 = _place(stretch, page.width) if mirrored and stretch.words[0].turn == 0 else stretch.x0
        first = min(places[id(word)] for word in stretch.words)
        for at, word in enumerate(_words(stretch, run + 1, x0)):
            words.append((first, at, word))
            run = max(run, word.run)
    page.words = [word for _, _, word in sorted(words, key=lambda found: found[:2])]
    if mirrored:
        page.rules = [_mirrored(rule, page.width) for rule in page.rules]
        page.shapes = [(sign, _mirrored(box, page.width)) for sign, box in page.shapes]
        for note in page.noted.all():
            note.box = _mirrored(note.box, page.width)
    page.mirrored = mirrored
    return page


def _mirrored(box: Box, width: float) -> Box:
    return width - box[2], box[1], width - box[0], box[3]


def _is_read_from_right(stretch: LineStretch, mirrored: bool) -> bool:
    """Return whether a line is read from right to left: by its letters, its paragraph, its page, its punctuation."""
    group = stretch.paragraph
    whole = group.letters / group.total if group.total else 0.0
    sides = [side for side in (sided(item.text) for item in stretch.items) if side]
    ends = 0.3 * ((sides[0] == "R") + (sides[-1] == "R") - 1) if sides else 0.0
    own, other = stretch.punctuated, group.punctuated
    page = 0.4 if mirrored else -0.4
    return 0.6 * stretch.balance + 0.8 * whole + page + ends + 1.2 * own + 0.8 * max(-1, min(other, 1)) > 0


def _order(stretch: LineStretch) -> None:
    """Put the items of a stretch into reading order; lines above it come first."""
    before = ""
    if stretch.before is not None and stretch.before.rtl:
        texts = [item.text for item in stretch.before.items]
        strong = (bidi_class(text) for text in reversed(texts))
        before = "" if texts[-1] in _STOPS else next((kind for kind in strong if kind in ("L", "R", "AL")), "")
    items = stretch.items
    found = reading_order([item.text for item in items], stretch.rtl, before)
    stretch.items = [items[place.at] for place in found]
    for item, place in zip(stretch.items, found, strict=True):
        if place.reversed:
            item.text = MIRRORED.get(item.text, item.text)


def _place(stretch: LineStretch, width: float) -> float:
    """Return where a stretch begins on a mirrored page: lines from left to right keep their places in a paragraph."""
    group = stretch.paragraph
    return width - stretch.x1 if group.rtl else width - group.x1 + stretch.x0 - group.x0


def _words(stretch: LineStretch, run: int, x0: float) -> Iterator[Word]:
    """Yield the words of a stretch in reading order, laid out from left to right.

    Args:
        stretch: With its items as they are read.
        run: The first number for runs that is free.
        x0: Where it begins.
    """
    if not stretch.rtl and "".join(item.text for item in stretch.items).split() == [w.text for w in stretch.words]:
        for kept in stretch.words:
            kept.x0, kept.x1 = kept.x0 - stretch.x0 + x0, kept.x1 - stretch.x0 + x0
            yield kept
        return
    sizes = [max(item.end - item.start, 0.01) for item in stretch.items]
    scale = max(stretch.x1 - stretch.x0, 0.01) / sum(sizes)
    word: Word | None = None
    for item, size in zip(stretch.items, sizes, strict=True):
        x1 = x0 + size * scale
        if item.text == " ":
            if word is not None:
                yield word
            word = None
        elif word is None or _differs(word, item.word):
            if word is not None:
                yield word
                run += 1
            word = replace(item.word, text=item.text, x0=x0, x1=x1, run=run, joined=False)
        else:
            word.text, word.x1 = word.text + item.text, x1
        x0 = x1
    if word is not None:
        yield word


def _differs(word: Word, other: Word) -> bool:
    """Return whether letters are raised, lowered or of another size."""
    small, large = sorted((word.size, other.size))
    return small < _RAISED * large
