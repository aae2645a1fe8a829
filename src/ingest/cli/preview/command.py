"""`ingest preview`: how one document is cut into chunks, before anything is built."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Common, command
from ingest.cli.output import Output, in_folder, whole_file

if TYPE_CHECKING:
    from ingest.cli.preview.view import View


@dataclass(frozen=True)
class WhatOptions:
    """Which document."""

    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="DOCUMENT is a path inside this source.")
    ] = None
    child: Annotated[
        list[str] | None,
        typer.Option("--child", metavar="PATH", help="A document inside it; once more for one inside that."),
    ] = None
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="PATH", help="Settings to compare with: what they would cut differently."),
    ] = None


@dataclass(frozen=True)
class HowOptions:
    """How it is shown."""

    chunks: Annotated[
        str, typer.Option("--chunks", metavar="RANGE", help="Chunks to show: all, 7, 3-9, or 0 for none.")
    ] = "1-50"
    full: Annotated[bool, typer.Option("--full", help="Whole texts instead of first and last line.")] = False
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", dir_okay=False, callback=in_folder, metavar="PATH", help="Write one self-contained page there."
        ),
    ] = None
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Show text that is marked as secret instead of masking it.")
    ] = False

    def span(self) -> tuple[int, int]:
        """Return first and last number of the chunks to show. Raises: BadParameter."""
        if self.chunks == "all":
            return 1, 2**63
        first, dash, last = self.chunks.partition("-")
        if not (first.isascii() and first.isdigit()) or (dash and not (last.isascii() and last.isdigit())):
            raise typer.BadParameter(f"{self.chunks!r} is not of the form all, 7 or 3-9", param_hint="--chunks")
        return int(first), int(last) if dash else int(first)


@command("Nothing was written. Start it again.")
def preview(
    common: Common,
    what: WhatOptions,
    how: HowOptions,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="A file, or the URI of a document of a source.")],
) -> None:
    """Show how one document is cut: headings, chunks with their borders, tokens, marks. Builds and changes nothing.

    A file needs no settings. A document in a source of the settings is read through that source. Exit code 3: a run
    would quarantine the document; the reason is shown.
    """
    span, output = how.span(), common.output
    from ingest.cli.preview import json_document, terminal

    view = _view(common, what, document, secrets=how.show_secrets)
    if how.html is not None:
        _write(how.html, view, output)
    output.document(json_document.values(view))
    output.show(*terminal.drawn(view, terminal.Manner(span, how.full, output.console.width)))
    if view.here.refusal is not None:
        raise typer.Exit(ExitCode.REFUSED)


def _view(common: Common, what: WhatOptions, document: str, *, secrets: bool) -> "View":
    from ingest.cli.preview import find_document as finding
    from ingest.cli.preview.comparison import compare
    from ingest.cli.preview.document_preview import preview_document
    from ingest.cli.preview.masking import masked
    from ingest.cli.preview.view import View

    children, there, compared = what.child or (), None, None
    with common.output.logged():
        with closing(finding.open_bench(common)) as bench:
            found = finding.find_document(bench, document, what.source)
            here = finding.preview_found(bench, found, children)
        if what.against is not None and here.raw.data:
            with closing(finding.open_other(what.against, common, bench.options.index)) as other:
                there = preview_document(other, here.raw, 1 + len(children))
            compared = compare(here, there)
    if not secrets:
        here, there = masked(here), masked(there) if there is not None else None
    return View(found.origin, here, there, compared)


def _write(path: Path, view: "View", output: Output) -> None:
    from ingest.cli.preview.html_page import rendered

    page = rendered(view)
    try:
        with whole_file(path) as file:
            file.write(page)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--html") from error
    output.note(f"Wrote {path}.")
