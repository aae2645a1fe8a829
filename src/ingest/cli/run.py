"""`ingest run` and `ingest plan`: build, judge and promote the next generation; or only say what that would take."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import tables
from ingest.cli.command import Common, command
from ingest.cli.exit_codes import ExitCode
from ingest.cli.output import plain
from ingest.cli.session import Session, opened

if TYPE_CHECKING:
    from ingest.planning import Scope
    from ingest.records import RunReport

CODES = {
    "promoted": ExitCode.DONE,
    "unchanged": ExitCode.DONE,
    "refused": ExitCode.REFUSED,
    "waiting": ExitCode.WAITING,
}


@dataclass(frozen=True)
class ScopeOptions:
    """What may be touched; everything outside is carried unchanged."""

    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this source; may be repeated.")
    ] = None
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", metavar="URI", help="Only URIs that start so; may be repeated.")
    ] = None

    def scope(self) -> "Scope":
        """Return the scope of the run."""
        from ingest.planning import Scope

        return Scope(sources=tuple(self.source or ()), prefixes=tuple(self.prefix or ()))


@command("Serving was not touched. `ingest run` goes on where this one stopped; finished shards are not repeated.")
def run(
    common: Common,
    touched: ScopeOptions,
    no_promote: Annotated[
        bool, typer.Option("--no-promote", help="Leave a positive candidate to a person (exit code 6).")
    ] = False,
) -> None:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A run that was stopped goes on where it stopped. Exit codes: 0 promoted or nothing changed, 3 refused by the gate,
    6 waiting for a person (--no-promote, decide: manual, or a hold).
    """
    with opened(common) as session:
        report = _run(session, common.index, touched.scope(), promote=not no_promote)
        reasons = _reasons(session, report)
        session.output.document({**plain(report), "reasons": reasons})
        session.output.show(_summary(report))
    raise typer.Exit(CODES[report.decision])


@command()
def plan(common: Common, touched: ScopeOptions) -> None:
    """Say what a run would do and cost. Lists the sources; fetches, embeds and writes nothing."""
    from ingest.pipeline.plan import preview

    with opened(common) as session:
        summary = preview(session.services, touched.scope())
        session.output.document(summary)
        for shown in tables.plan(summary):
            session.output.show(shown)


def _run(session: Session, index: str | None, scope: "Scope", *, promote: bool) -> "RunReport":
    from ingest import pipeline, wiring
    from ingest.lake.lake import Lake

    services = session.services
    execute = wiring.open_executor(session.settings, index, services)

    def decide(_: object) -> bool:
        # Under a hold the candidate waits with its verdict; an attempt to promote it would end the run as an error.
        newest = Lake(services.store, services.options.index).releases.newest()
        held = newest is not None and newest[1].hold is not None
        return promote and not held and services.options.decide == "automatic"

    return pipeline.run(services, scope, execute, decide)


def _reasons(session: Session, report: "RunReport") -> list[str]:
    from ingest.lake.lake import Lake

    if report.verdict is None:
        return []
    lake = Lake(session.services.store, session.services.options.index)
    return list(lake.verdict(report.verdict).reasons)


def _summary(report: "RunReport") -> str:
    generation = report.generation
    return {
        "promoted": f"Promoted: release {report.release} serves generation {generation}.",
        "unchanged": f"Nothing changed: release {report.release} serves generation {generation}.",
        "refused": f"Refused: generation {generation} stays sealed, serving is as before.",
        "waiting": f"Waiting: `ingest promote {generation}` promotes it, `ingest status` tells what it waits for.",
    }[report.decision]
