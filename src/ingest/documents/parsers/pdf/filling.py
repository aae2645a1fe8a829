"""Puts what form fields hold, and text boxes without an appearance, among the words of a page.

A field with a label becomes one word, "Surname: Hollander" or "☒ cat", in the place of both. What an appearance shows
of a field is taken off the page, and so is a value that the page's own content repeats in its place: each value stands
there once.
"""

import re
from collections.abc import Callable, Sequence
from statistics import median

from ingest.documents.parsers.pdf.annotations import Box, Remark, TextBox
from ingest.documents.parsers.pdf.field_labels import ABOVE, BEHIND, BELOW, label_fields
from ingest.documents.parsers.pdf.fields import Field
from ingest.documents.parsers.pdf.noted import DRAWN, FIELD, MARK, VALUE, Noted, NoteFrame
from ingest.documents.parsers.pdf.page import Page, Piece, Word
from ingest.documents.parsers.pdf.spots import Near, Spot, value_base

_MOST = 5_000  # fields of a page for which labels are looked for
_TYPICAL = 10.0  # points, the size of text on a page that has none
_SIGNS = re.compile(r"[\W_]+")
_RULED = re.compile(r"[_.…\s]*(?:_{2,}|\.{4,}|…{2,})[_.…\s]*")  # a line to write on
_ENDS = (":", "：", "?", "？", "!", ".", "=", "…", "$", "€", "£", "#", "–", "-", "→")
_LEADING = 1.2  # font sizes
_WIDTH = 0.5  # font sizes: of a letter, roughly


def cleared(page: Page) -> Page:
    """Take off the page what it shows of its fields."""
    page.words = _without_lines(page.words)
    if page.shapes and page.noted.fields:
        boxes = Near((field.box[1], field.box[3], field.box) for field in page.noted.fields)
        page.shapes = [
            (sign, shape)
            for sign, shape in page.shapes
            if not any(_touch(shape, box) for box in boxes.between(shape[1], shape[3]))
        ]
    if page.noted.shown:
        words = _undrawn(page.words, page.noted)
        page.words = _unwritten(words, [field for field in page.noted.fields if not field.hidden])
    return page


def filled(page: Page, pieces_of: Callable[[list[Word]], list[Piece]]) -> list[Word]:
    """Return the words of a page that was cleared, and of its annotations.

    Args:
        page: Its fields' boxes are placed as its words are.
        pieces_of: Returns adjacent words, as the layout does.
    """
    noted, words = page.noted, page.words
    upright = [word for word in words if not word.turn and not word.hidden]
    size = median(word.size for word in upright) if upright else _TYPICAL
    spots = [_spot(field) for field in noted.fields if field.kind != "button" and not field.hidden][:_MOST]
    label_fields(spots, [_text_spot(piece) for piece in pieces_of(upright)], page.rules, size)
    labels = [line.piece for spot in spots for line in spot.lines if line.piece]
    taken = {id(word) for label in labels for word in label.words}
    maker = _Maker(size, min((word.run for word in words), default=0))
    made = [word for spot in spots if (word := maker.word(spot)) is not None]
    made += [word for field in noted.fields if field.hidden and (word := maker.unseen(field)) is not None]
    made += [
        word for box in noted.boxes if not box.drawn for word in maker.lines(box.lines, box.box, box.size, box.hidden)
    ]
    return [word for word in words if id(word) not in taken] + made


def remarks_of(page: Page) -> list[Remark]:
    """Return the comments about a page without those that only repeat the text that they mark."""
    if not any(remark.marks_text for remark in page.noted.remarks):
        return page.noted.remarks
    near = Near((word.top, word.bottom, word) for word in page.words if not word.turn)
    return [
        remark
        for remark in page.noted.remarks
        if not remark.marks_text or _signless(remark.text) not in _signless(_marked(remark, near))
    ]


def _marked(remark: Remark, near: Near[Word]) -> str:
    """Return the text under a comment."""
    _, top, _, bottom = box = remark.box
    words = [word for word in near.between(top, bottom) if _inside(box, (word.x0 + word.x1) / 2, word.base - 1)]
    return "".join(word.text for word in words)


def _touch(a: Box, b: Box) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _undrawn(words: list[Word], noted: Noted) -> list[Word]:
    """Take what appearances show of fields off the page; where the fields hold nothing else, it is their value.

    What is drawn outside of all annotations is cut off: nobody sees it.
    """
    if noted.own is None:
        return words
    frames: list[Field | TextBox | NoteFrame] = [*noted.fields, *noted.boxes, *noted.frames]
    near = Near((frame.box[1], frame.box[3], frame) for frame in frames)
    values = {_signless(field.value) for field in noted.fields if field.value}
    shown: dict[int, list[Word]] = {}
    left = []
    _find_turned(words, noted.boxes)
    for word in words:
        if word.part == DRAWN:
            word.part = ""
            x, y = (word.x0 + word.x1) / 2, word.base - 0.3 * word.size
            holders = [frame for frame in near.between(y, y) if _inside(frame.box, x, y)]
            holder = min(holders, key=lambda f: (not isinstance(f, Field), f.box[2] - f.box[0]), default=None)
            if isinstance(holder, Field) and not word.turn:
                shown.setdefault(id(holder), []).append(word)
                continue
            if (not holders and not word.turn) or any(_signless(word.text) in value for value in values if word.turn):
                continue
            for box in holders:
                if isinstance(box, TextBox) and _signless(word.text) in _signless("".join(box.lines)):
                    box.drawn, word.hidden = True, word.hidden or box.hidden
        left.append(word)
    for field in noted.fields:
        found = shown.get(id(field), ())
        if found and field.kind in ("text", "choice", "signature") and (field.formatted or not field.value):
            field.value = " ".join(word.text for word in found)
    return left


def _find_turned(words: list[Word], boxes: Sequence[TextBox]) -> None:
    """Tell which boxes are drawn in text that is turned, wherever it stands."""
    turned = _signless("".join(word.text for word in words if word.part == DRAWN and word.turn))
    for box in boxes if turned else ():
        box.drawn = _signless("".join(box.lines)) in turned


def _without_lines(words: list[Word]) -> list[Word]:
    """Take off the page the lines to write on on which something is written."""
    lines = [word for word in words if _RULED.fullmatch(word.text) and not word.turn]
    if not lines:
        return words
    near = Near((line.top, line.bottom, line) for line in lines)
    gone = set()
    for word in words:
        x = (word.x0 + word.x1) / 2
        for line in near.between(word.base, word.base) if word.text[:1].isalnum() and not word.turn else ():
            if line.x0 < x < line.x1 and abs(line.base - word.base) < 0.5 * word.size:
                gone.add(id(line))
    return [word for word in words if id(word) not in gone]


def _unwritten(words: list[Word], fields: Sequence[Field]) -> list[Word]:
    """Take off the page what its content says in the place of a field: the value again, or a line to write on."""
    near = Near((field.box[1], field.box[3], field) for field in fields if field.value or field.kind == "password")
    inside: dict[int, list[Word]] = {}
    gone: set[int] = set()
    for word in words:
        x, y = (word.x0 + word.x1) / 2, word.base - 0.3 * word.size
        for field in near.between(y - word.size, y + word.size):
            if _inside(field.box, x, y):
                inside.setdefault(id(field), []).append(word)
            if "_" in word.text or ".." in word.text or "…" in word.text:
                _cut(word, field, gone)
    for field in fields:
        written = _signless("".join(word.text for word in inside.get(id(field), ())))
        if written and (field.kind == "password" or written in _signless(field.value)):
            gone |= {id(word) for word in inside[id(field)]}
    return [word for word in words if id(word) not in gone] if gone else words


def _cut(word: Word, field: Field, gone: set[int]) -> None:
    """Remove a line to write on where it is under a field."""
    x0, top, x1, bottom = field.box
    if word.turn or word.x1 < x0 or word.x0 > x1 or not top - 2 <= word.base <= bottom + word.size:
        return
    if _RULED.fullmatch(word.text):
        gone.add(id(word))
    elif (text := word.text.rstrip("_.…")) and len(word.text) - len(text) > 2:
        word.text, word.x1 = text, max(min(word.x1, x0 - 1), word.x0)


def _inside(box: tuple[float, float, float, float], x: float, y: float) -> bool:
    return box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1


def _signless(text: str) -> str:
    return _SIGNS.sub("", text).lower()


def _spot(field: Field) -> Spot:
    return Spot(*field.box, field=field)


def _text_spot(piece: Piece) -> Spot:
    top, bottom = piece.base - 0.8 * piece.size, piece.base + 0.2 * piece.size
    return Spot(piece.x0, top, piece.x1, bottom, piece.base, piece)


class _Maker:
    """Makes words of what annotations hold; each is a run of its own."""

    def __init__(self, size: float, run: int) -> None:
        self._size, self._run = size, min(run, 0)

    def word(self, spot: Spot) -> Word | None:
        """Return the word for a field and its label, None if there is nothing to say."""
        field, label, size = spot.field, spot.label.piece if spot.label else None, self._size
        if field is None:
            return None
        x0, _, x1, _ = field.box
        value = _shown(field)
        if spot.in_place:
            return self._in_place(spot, field, " ".join(value.split()))
        if label is not None:
            apart = spot.side in (ABOVE, BELOW)
            base = value_base(spot, size) if apart else label.base
            behind = spot.side == BEHIND or (spot.side == BELOW and spot.is_box)
            text = _said(" ".join(line.text for line in spot.lines), value, behind=behind)
            ends = (x0, x1) if apart else (min(x0, *(line.x0 for line in spot.lines)), max(x1, label.x1))
            made = self._made(text, *ends, base, MARK if field.state else FIELD)
            made.size = label.size
            made.bold = not value and all(word.bold for word in label.words)
            return made
        if not value:
            return None
        has_text = bool(field.state) and spot.behind is not None and spot.behind.x0 - spot.x1 < 3 * size
        goes_on = spot.before is not None or (spot.left is not None and spot.x0 - spot.left.x1 < 3 * size)
        name = "" if spot.before is not None or has_text else field.label
        part = MARK if field.state else VALUE if goes_on and not name else FIELD
        value = f"{value} {field.value}" if name and field.state and field.value else value
        return self._made(_said(name, value) if name else value, x0, x1, value_base(spot, size), part)

    def _in_place(self, spot: Spot, field: Field, text: str) -> Word | None:
        """Return the word for a cell of a table, or a blank in a sentence."""
        x0, _, x1, _ = field.box
        around = spot.before or spot.behind
        base = around.base if around else value_base(spot, self._size)
        behind = spot.behind.piece if spot.behind else None
        if behind and behind.text[:1] in ",;.)":
            x1 = behind.x0  # without a space
        elif not behind:
            x1 = min(x1, x0 + _WIDTH * self._size * len(text) + 1)
        return self._made(text, x0, x1, base, "") if text else None

    def unseen(self, field: Field) -> Word | None:
        """Return the word for a field that nobody sees."""
        value = _shown(field)
        if not value or field.kind == "button":
            return None
        made = self._made(_said(field.label or field.name, value), field.box[0], field.box[2], field.box[3], FIELD)
        made.hidden = True
        return made

    def lines(
        self, lines: Sequence[str], box: tuple[float, float, float, float], size: float, hidden: bool
    ) -> list[Word]:
        """Return the words for the lines of a text box."""
        made = []
        for at, line in enumerate(lines):
            if line:
                end = min(max(box[2], box[0] + 1), box[0] + _WIDTH * size * len(line))
                made.append(self._made(line, box[0], end, box[1] + size * (1 + _LEADING * at), VALUE))
                made[-1].size, made[-1].hidden = size, hidden
        return made

    def _made(self, text: str, x0: float, x1: float, base: float, part: str) -> Word:
        self._run -= 1
        return Word(text, x0, x1, base, self._size, False, False, -1, self._run, 0, part=part)


def _shown(field: Field) -> str:
    return field.state or field.value


def _said(label: str, value: str, *, behind: bool = False) -> str:
    """Return label and value: "Surname: Hollander", "☒ cat"."""
    label = label.strip()
    if behind:
        return f"{value} {label}"
    if not value:
        return label
    end = label.rstrip("* )").rstrip() if label.endswith("*") else label
    return f"{label} {value}" if end.endswith(_ENDS) else f"{label}: {value}"
