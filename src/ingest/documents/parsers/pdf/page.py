"""What is on one page of a PDF: words with position and look, ruling lines, pictures.

Coordinates are in points from the top left corner, rotated so that most of the text is upright: this undoes the effect
of the page's own rotation and of sideways text on lines and columns.
"""

from dataclasses import dataclass, field

from ingest.documents.parsers.pdf.bullets import SmallShape
from ingest.documents.parsers.pdf.fonts import Face
from ingest.documents.parsers.pdf.glyphs import Glyphs
from ingest.documents.parsers.pdf.matching import TableAbove
from ingest.documents.parsers.pdf.noted import Noted

_ASCENT, _DESCENT = 0.8, 0.2  # of the font size, above and below the baseline: glyph boxes vary too much


@dataclass(slots=True)
class Word:
    """Characters with one look and no space between them."""

    text: str
    x0: float
    x1: float
    base: float  # the baseline
    size: float  # of the font, in points
    bold: bool
    hidden: bool
    tag: int  # id of marked content in a tagged document, -1 without one
    run: int  # words of a run follow each other in the content and are on one line
    turn: int  # quarter turns from upright
    face: Face = field(default_factory=Face)
    joined: bool = False  # it follows the word before it without a space
    part: str = ""  # DRAWN by an annotation; of a form: FIELD is label and value, VALUE has no label, MARK is a box

    @property
    def top(self) -> float:
        """The top of its box."""
        return self.base - _ASCENT * self.size

    @property
    def bottom(self) -> float:
        """The bottom of its box."""
        return self.base + _DESCENT * self.size


@dataclass(slots=True)
class Piece:
    """Adjacent words without a wide gap: a line of a column, or a table cell."""

    words: list[Word]
    x0: float
    x1: float
    base: float
    size: float

    @property
    def text(self) -> str:
        """Its words in reading order."""
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class Page:
    """What was found on a page."""

    number: int  # from 1
    width: float
    height: float
    words: list[Word]
    rules: list[tuple[float, float, float, float]]  # x0, top, x1, bottom; one side is thin
    picture_share: float  # of the page covered by the largest picture
    unreadable: bool = False  # most of its glyphs are unknown characters
    tags: dict[int, str] = field(default_factory=dict)  # id of marked content → role, in a tagged document
    glyphs: Glyphs | None = None  # if there are letters from right to left
    corner: tuple[float, float] = (0.0, 0.0)  # the top left one, before it became the origin
    mirrored: bool = False  # most of it was written from right to left
    noted: Noted = field(default_factory=Noted)  # its annotations
    verbatim: bool = False  # lines in a font of one width make no tables without rules
    facing: int = 0  # quarter turns from most of its text to text that is upright for a reader
    above: TableAbove | None = None
    shapes: list[SmallShape] = field(default_factory=list)  # that may be bullets
