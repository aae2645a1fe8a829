"""`ingest run` and `ingest plan`: build, judge and promote the next generation, or only say what that would take."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Common, SourcesOption, command
from ingest.cli.output import printable

if TYPE_CHECKING:
    from ingest.records import Hold, RunReport

CODES = {
    "promoted": ExitCode.DONE,
    "unchanged": ExitCode.DONE,
    "refused": ExitCode.REFUSED,
    "waiting": ExitCode.WAITING,
}


@dataclass(frozen=True)
class ScopeOptions:
    """What may be touched; everything outside is carried over unchanged."""

    sources: SourcesOption = None
    prefixes: Annotated[
        list[str] | None,
        typer.Option("--prefix", metavar="URI", help="Only URIs that start with it; may be repeated."),
    ] = None


@command("Serving was not touched. `ingest run` goes on where this one stopped; finished shards are not repeated.")
def run(
    common: Common,
    touched: ScopeOptions,
    no_promote: Annotated[
        bool, typer.Option("--no-promote", help="Leave a positive candidate to a person (exit code 6).")
    ] = False,
) -> None:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A run that was interrupted resumes where it stopped. Exit codes: 0 promoted or nothing changed, 3 refused by the
    gate, 6 waiting for a person (--no-promote, decide: manual, or a hold).
    """
    with common.opened() as index:
        report = index.run(sources=touched.sources or (), prefixes=touched.prefixes or (), promote=not no_promote)
        lake = index.services.lake
        reasons = lake.verdict(report.verdict).reasons if report.verdict is not None else ()
        decision = lake.decision()
        hold = decision.hold if decision is not None else None
        common.output.document({**dict(report), "reasons": reasons, "hold": hold})
        common.output.show(_summary(report, hold))
    raise typer.Exit(CODES[report.decision])


@command()
def plan(common: Common, touched: ScopeOptions) -> None:
    """Say what a run would do and cost. Lists the sources; fetches, embeds and writes nothing.

    Exit code 4 if the delete guard or the budget would refuse the run; the table is shown all the same.
    """
    with common.opened() as index:
        summary = index.plan(sources=touched.sources or (), prefixes=touched.prefixes or ())
        common.output.document(summary)
        common.output.show(*tables.plan(summary))
    if summary.refused:
        raise typer.Exit(ExitCode.FATAL)


def _summary(report: "RunReport", hold: "Hold | None") -> str:
    generation = report.generation
    lift = " --lift-hold" if hold is not None else ""
    held = f" It is held by {printable(hold.who)}: {printable(hold.why)}." if hold is not None else ""
    return {
        "promoted": f"Promoted: release {report.release} serves generation {generation}.",
        "unchanged": f"Nothing changed: release {report.release} serves generation {generation}.",
        "refused": f"Refused: generation {generation} stays sealed, serving is as before.",
        "waiting": f"Waiting for a person: `ingest promote {generation}{lift}` promotes it.{held}",
    }[report.decision]
