"""`ingest run` and `ingest plan`: build, judge and promote the next generation, or only show what that would cost."""

from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, SourcesOption, command
from ingest.cli.output import printable

if TYPE_CHECKING:
    from ingest.records import Hold, RunReport

PrefixesOption = Annotated[
    list[str] | None, Option("--prefix", metavar="URI", help="Only URIs with this prefix; may be repeated.")
]


@command("Serving was not touched. `ingest run` resumes where this one stopped; finished shards are not repeated.")
def run(
    invocation: Invocation,
    sources: SourcesOption = None,
    prefixes: PrefixesOption = None,
    no_promote: Annotated[bool, Option("--no-promote", help="Leave the promotion to a person (exit code 6).")] = False,
) -> None:
    """Build the next generation, judge it, and promote it if the verdict is positive.

    An interrupted run resumes where it stopped. Exit codes: 0 promoted or nothing changed, 3 refused by the
    gate, 6 waiting for a person (--no-promote, decide: manual, or a hold).
    """
    with invocation.opened() as index:
        report = index.run(sources=sources or (), prefixes=prefixes or (), promote=not no_promote)
        lake = index.services.bench.lake
        reasons = lake.verdict(report.verdict).reasons if report.verdict is not None else ()
        decision = lake.decision()
        hold = decision.hold if decision is not None else None
        code, summary = _outcome(report, hold)
        invocation.output.result({**dict(report), "reasons": reasons, "hold": hold}, summary)
    raise Exit(code)


@command()
def plan(invocation: Invocation, sources: SourcesOption = None, prefixes: PrefixesOption = None) -> None:
    """Show what a run would do and cost. Lists the sources; fetches, embeds and writes nothing.

    Exit code 4 if the delete guard or the budget would refuse the run; the table is shown anyway.
    """
    with invocation.opened() as index:
        summary = index.plan(sources=sources or (), prefixes=prefixes or ())
        invocation.output.result(summary, *tables.plan(summary))
    if summary.refused:
        raise Exit(ExitCode.FATAL)


def _outcome(report: "RunReport", hold: "Hold | None") -> tuple[ExitCode, str]:
    release, generation = report.release, report.generation
    lift = " --lift-hold" if hold is not None else ""
    held = f" It is held by {printable(hold.who)}: {printable(hold.why)}." if hold is not None else ""
    return {
        "promoted": (ExitCode.DONE, f"Promoted: release {release} serves generation {generation}."),
        "unchanged": (ExitCode.DONE, f"Nothing changed: release {release} serves generation {generation}."),
        "refused": (ExitCode.REFUSED, f"Refused: generation {generation} stays sealed, serving is unchanged."),
        "waiting": (ExitCode.WAITING, f"Waiting for a person: `ingest promote {generation}{lift}` promotes it.{held}"),
    }[report.decision]
