"""Reads one page of a PDF through PDFium."""

import math
from typing import Any

from ingest.documents.parsers.pdf.noted import DRAWN, Noted
from ingest.documents.parsers.pdf.page import Page
from ingest.documents.parsers.pdf.paint import paint
from ingest.documents.parsers.pdf.printed import printed_fields
from ingest.documents.parsers.pdf.symbols import UNKNOWN
from ingest.documents.parsers.pdf.tags import page_tags
from ingest.documents.parsers.pdf.turns import area, main_turn, turned_box
from ingest.documents.parsers.pdf.word_reader import WordReader


def read_page(handle: Any, number: int, noted: Noted | None = None) -> Page:
    """Return what is on a page.

    Args:
        handle: pypdfium2's page.
        number: From 1.
        noted: Its annotations, if they were read before they became part of its content.
    """
    noted = noted or Noted()
    painted = paint(handle, noted.own)
    left, bottom, right, top = handle.get_bbox()
    text = handle.get_textpage()
    try:
        reader = WordReader(text, painted, (left, bottom, right, top))
        words = [word for word in reader.words(handle) if math.isfinite(word.x0 + word.x1 + word.base + word.size)]
    finally:
        text.close()
    own = [word for word in words if word.part != DRAWN] or words
    turn = main_turn((word.turn, len(word.text)) for word in own) if words else handle.get_rotation() // 90
    for word in words:
        word.turn = (word.turn - turn) % 4
    rules = [turned_box(rule, turn) for rule in painted.rules]
    width, height = (right - left, top - bottom)[:: -1 if turn % 2 else 1]
    share = max((area(box) for box in painted.pictures), default=0.0) / max(width * height, 1.0)
    unreadable = sum(word.text.count(UNKNOWN) for word in words) > sum(len(word.text) for word in words) / 2
    tags = page_tags(handle)
    noted.fields += printed_fields(handle, tags, words)
    page = Page(number, width, height, words, rules, share, unreadable, tags.headings, noted=noted)
    page.shapes = [(sign, turned_box(box, turn)) for sign, box in painted.shapes]
    page.facing = (handle.get_rotation() // 90 - turn) % 4
    page.glyphs = reader.glyphs.turned(turn) if reader.glyphs else None
    return _placed(page, turn, (left, bottom, right, top))


def _placed(page: Page, turn: int, box: tuple[float, float, float, float]) -> Page:
    """Move the origin to the corner that is the top left for a reader."""
    across, down, _, _ = turned_box(box, turn)
    page.corner = across, down
    for word in page.words:
        if word.turn == 0:
            word.x0, word.x1, word.base = word.x0 - across, word.x1 - across, word.base - down
    page.rules = [_moved(rule, across, down) for rule in page.rules]
    page.shapes = [(sign, _moved(shape, across, down)) for sign, shape in page.shapes]
    for note in page.noted.all():
        note.box = _moved(turned_box(note.box, turn), across, down)
    return page


def _moved(box: tuple[float, float, float, float], across: float, down: float) -> tuple[float, float, float, float]:
    return box[0] - across, box[1] - down, box[2] - across, box[3] - down
