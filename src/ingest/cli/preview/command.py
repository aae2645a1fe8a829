"""`ingest preview`: how one document is cut into chunks, before anything is built."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Common, command
from ingest.cli.output import Output, whole_file
from ingest.cli.session import logged
from ingest.extras import require

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
        typer.Option("--html", dir_okay=False, metavar="PATH", help="Write one self-contained page there."),
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

    def check(self) -> None:
        """Raise BadParameter or InvalidSettings where the page cannot be written."""
        self.span()
        if self.html is not None:
            require("--html", "ingest[preview]", "jinja2")
        if self.html is not None and not self.html.absolute().parent.is_dir():
            raise typer.BadParameter(f"no folder {self.html.parent}", param_hint="--html")


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
    how.check()
    from ingest.cli.preview import comparison, json_document, terminal
    from ingest.cli.preview import find_document as opening
    from ingest.cli.preview.view import View

    output = Output(common.json)
    with logged(output):
        with opening.opened_bench(common) as (bench, index):
            found = opening.find_document(bench, document, what.source)
            here = opening.cut_found(bench, found, what.child or ())
        there = None
        if what.against is not None and here.raw.data:
            with opening.opened_other(what.against, common, index) as other:
                there = opening.cut_again(other, here, what.child or ())
    compared = None if there is None else comparison.compare(here, there)
    view = View(found.origin, here, there, compared, secrets=how.show_secrets)
    if how.html is not None:
        _write(how.html, view, output)
    output.document(json_document.values(view))
    for shown in terminal.drawn(view, terminal.Manner(how.span(), how.full, output.console.width)):
        output.show(shown)
    if here.refusal is not None:
        raise typer.Exit(ExitCode.REFUSED)


def _write(path: Path, view: "View", output: Output) -> None:
    from ingest.cli.preview import html_page as page

    written = page.rendered(view)
    try:
        with whole_file(path) as file:
            file.write(written)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--html") from error
    output.note(f"Wrote {path}.")
