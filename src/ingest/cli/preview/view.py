"""What is shown of a cut, and of a comparison with another one."""

from dataclasses import dataclass
from functools import cached_property

from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.cut import Cut
from ingest.cli.preview.visible_text import Mask, secret_spans
from ingest.documents.screening import marks_of


@dataclass(frozen=True)
class View:
    """One document under the present settings and, with `there` and `compared`, under others too."""

    origin: str
    here: Cut
    there: Cut | None = None
    compared: Comparison | None = None
    secrets: bool = False  # shown instead of masked

    @cached_property
    def mask(self) -> Mask:
        """What hides the secrets of `here`."""
        return Mask(self.here.text) if self.secrets else mask_of(self.here)

    @cached_property
    def mask_there(self) -> Mask:
        """What hides the secrets of `there`."""
        there = self.there or self.here
        return Mask(there.text) if self.secrets else mask_of(there)


def mask_of(cut: Cut) -> Mask:
    """Return what hides the secrets of a cut wherever its text is shown, also outside chunks."""
    pieces = {(chunk.start, chunk.end) for chunk in cut.every if "secret" in chunk.marks}
    pieces |= {(part.start, part.end) for part in cut.left_out if "secret" in marks_of(cut.text[part.start : part.end])}
    return Mask(cut.text, tuple(secret_spans(cut.text, sorted(pieces))))
