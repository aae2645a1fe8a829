"""`ingest preview`: how one document is split into chunks, before anything is built."""

import re
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, Repeated, Reply, command
from ingest.cli.output import in_folder, write_whole
from ingest.extras import require

INSIDE = Option(metavar="PATH", help="A document inside it; repeat it for one inside that.")
OTHER = Option(metavar="PATH", help="Settings to compare with: what they would chunk differently.")


@dataclass(frozen=True)
class HowOptions:
    """How to show the document."""

    chunks: Annotated[str, Option(metavar="RANGE", help="Chunks to show: all, 7, 3-9, or 0 for none.")] = "1-50"
    full: Annotated[bool, Option("--full", help="Show whole texts instead of first and last lines.")] = False
    html: Annotated[
        Path | None,
        Option(dir_okay=False, callback=in_folder, metavar="PATH", help="Write a self-contained HTML page there."),
    ] = None
    show_secrets: Annotated[
        bool, Option("--show-secrets", help="Show text marked as secret instead of masking it.")
    ] = False

    def span(self) -> tuple[int, int]:
        """Return first and last number of the chunks to show. Raises: BadParameter."""
        if self.chunks == "all":
            return 1, 2**63
        found = re.fullmatch("([0-9]+)(?:-([0-9]+))?", self.chunks)
        if not found or int(found[2] or found[1]) < int(found[1]):
            raise BadParameter(
                f"{self.chunks!r} is not of the form all, 7 or 3-9, smaller number first", param_hint="--chunks"
            )
        return int(found[1]), int(found[2] or found[1])


@command("Nothing was written. Run it again.")
def preview(
    invocation: Invocation,
    how: HowOptions,
    document: Annotated[str, Argument(metavar="DOCUMENT", help="A file, or the URI of a document in a source.")],
    source: Annotated[str | None, Option(metavar="NAME", help="DOCUMENT is a path inside this source.")] = None,
    child: Annotated[Repeated, INSIDE] = None,
    against: Annotated[Path | None, OTHER] = None,
) -> Reply:
    """Show how one document is split: headings, chunks with their boundaries, tokens, marks. Changes nothing.

    A file needs no settings. A document in a source of the settings is read through that source. Exit code 3: a run
    would quarantine the document; the reason is shown.
    """
    span, output, there = how.span(), invocation.output, None
    if how.html is not None:
        require("--html", "ingest[preview]", "jinja2")
    from ingest.cli.preview import find_document, terminal
    from ingest.cli.preview.comparison import compare
    from ingest.cli.preview.document_preview import preview_document
    from ingest.cli.preview.view import masked, values

    with output.logged():
        with closing(find_document.open_bench(invocation)) as bench:
            found = find_document.find_document(bench, document, source)
            here = find_document.preview_found(bench, found, child or ())
        if against is not None and here.raw.data:
            with closing(find_document.open_other(against, invocation, bench.options.index)) as other:
                there = preview_document(other, here.raw, 1 + len(child or ()))
    compared = compare(here, there) if there is not None else None
    if not how.show_secrets:
        here, compared = masked(here), compared and replace(compared, there=masked(compared.there))
    if how.html is not None:
        from ingest.cli.preview.html_page import rendered

        write_whole(how.html, [rendered(here, compared)])
    code = ExitCode.DONE if here.refusal is None else ExitCode.REFUSED
    notes = [f"Wrote {how.html}."] if how.html is not None else []
    shown = terminal.drawn(here, compared, span, how.full, output.console.width)
    return Reply(values(here, compared), shown, code, notes)
