"""What is shown of a cut, and of a comparison with another one."""

from dataclasses import dataclass
from functools import cached_property

from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.cut import Cut
from ingest.cli.preview.shown import Mask
from ingest.records import BlockKind


@dataclass(frozen=True)
class View:
    """One document under the settings at hand, and with `there` and `compared` under others too."""

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
    """Return what hides the chunks of a cut that are marked as secret, wherever their text is shown."""
    spans: list[tuple[int, int]] = []
    for chunk in sorted((*cut.chunks, *cut.dropped), key=lambda chunk: (chunk.start, chunk.end)):
        if "secret" in chunk.marks:
            start = max(chunk.start, spans[-1][1] if spans else 0)
            spans += [(start, chunk.end)] if start < chunk.end else []
    blocks = cut.document.blocks if cut.document else ()
    titles = [b.title for b in blocks if b.kind is BlockKind.HEADING and any(s <= b.start < e for s, e in spans)]
    return Mask(cut.text, spans, titles)
