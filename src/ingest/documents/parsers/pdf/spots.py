"""Places of form fields and of pieces of text on a page, and what is near them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as listed
from typing import Generic, TypeVar

from ingest.documents.parsers.pdf.fields import Field
from ingest.documents.parsers.pdf.page import Piece

_BAND = 40.0  # points: what is near is looked up in bands of this height
_MOST = 300  # things looked at in a band; more are no form
_OUTSIDE = 60  # bands at most, of one thing

T = TypeVar("T")


@dataclass(slots=True)
class Spot:
    """A field on the page, or a piece of its text; x grows in reading direction."""

    x0: float
    top: float
    x1: float
    bottom: float
    base: float = 0.0  # of a piece
    piece: Piece | None = None
    field: Field | None = None
    label: "Spot | None" = None
    side: str = ""  # where the label is
    lines: list["Spot"] = listed(default_factory=list)  # of the label
    left: "Spot | None" = None  # the field before it, without text between
    up: "Spot | None" = None  # the field above it, likewise
    before: "Spot | None" = None  # the nearest texts
    behind: "Spot | None" = None
    above: "Spot | None" = None
    below: "Spot | None" = None
    inside: "Spot | None" = None
    in_place: bool = False  # a cell of a table, or a blank in a sentence

    @property
    def text(self) -> str:
        """The text of a piece."""
        return self.piece.text if self.piece else ""

    @property
    def is_box(self) -> bool:
        """Whether it is a box or a radio button."""
        return self.field is not None and bool(self.field.state)


class Near(Generic[T]):
    """Things by their heights on the page."""

    def __init__(self, things: Iterable[tuple[float, float, T]]) -> None:
        """Take the top, the bottom and the thing of each."""
        self._bands: dict[int, list[T]] = {}
        for top, bottom, thing in things:
            for band in _bands(top, bottom):
                if len(members := self._bands.setdefault(band, [])) < _MOST:
                    members.append(thing)

    def between(self, top: float, bottom: float) -> list[T]:
        """Return the things that may be between two heights, without repetition."""
        found: dict[int, T] = {}
        for band in _bands(top, bottom):
            found.update((id(thing), thing) for thing in self._bands.get(band, ()))
            if len(found) > _MOST:
                break
        return list(found.values())


def _bands(top: float, bottom: float) -> range:
    if math.isnan(top) or math.isnan(bottom):
        return range(0)
    first = int(max(min(top, 1e6), -1e6) // _BAND)
    last = int(max(min(bottom, 1e6), -1e6) // _BAND)
    return range(first, min(last, first + _OUTSIDE) + 1)


def value_base(spot: Spot, size: float) -> float:
    """Return where the first line of a field's value stands."""
    height = spot.bottom - spot.top
    return (spot.top + spot.bottom) / 2 + 0.35 * size if height < 2.6 * size else spot.top + 1.2 * size


def names_something(text: Spot) -> bool:
    """Return whether a text can be a label: it has a letter or a digit."""
    return any(letter.isalnum() for letter in text.text)
