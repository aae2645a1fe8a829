"""What is shown of one document, in whatever form."""

from dataclasses import dataclass

from ingest.cli.output import size
from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.document_preview import DocumentPreview
from ingest.cli.preview.visible_text import one_line
from ingest.cli.tables import counted

TITLE = 80  # characters
NEITHER = "–"
BEFORE_ALL = "(before the first heading)"


@dataclass(frozen=True)
class View:
    """One document under the present settings and, with `there` and `compared`, under others too."""

    origin: str
    here: DocumentPreview
    there: DocumentPreview | None = None
    compared: Comparison | None = None


def facts(view: View) -> list[tuple[str, str]]:
    """Return what stands at the top: names and values."""
    here, ref, document = view.here, view.here.raw.ref, view.here.document
    first = [
        ("uri", one_line(ref.uri)),
        ("read from", view.origin),
        ("size", size(max(len(here.raw.data), ref.size))),
    ]
    if document is None:
        return first
    figures = "{total:,} tokens: at least {least:,}, median {median:,}, p90 {p90:,}, at most {most:,}"
    return [
        *first,
        ("media type", f"{one_line(document.media_type)}, parser {one_line(document.parser)}"),
        ("title", one_line(here.title, TITLE) or NEITHER),
        ("language", one_line(document.language) or NEITHER),
        ("text", f"{len(here.text):,} characters in {len(document.blocks):,} blocks: {counted(here.kinds) or NEITHER}"),
        ("chunks", f"{len(here.chunks):,}, {figures.format(**here.tokens)}"),
        ("marks", f"{counted(here.marks)}; dropped {len(here.dropped):,}" if here.marks else NEITHER),
        *([("documents inside", f"{len(document.children):,}")] if document.children else []),
        ("time", ", ".join(f"{stage} {seconds:.3f} s" for stage, seconds in here.seconds.items())),
        ("model", one_line(here.model)),
    ]
