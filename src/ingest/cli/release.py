"""`ingest evaluate`, `promote`, `rollback`, `status`, `generations`: judge, publish, go back, see what serves."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode, code_of
from ingest.cli.invocation import Common, command
from ingest.cli.output import Output, printable
from ingest.cli.session import Session, opened
from ingest.errors import IndexUnavailable, SchemaMismatch

if TYPE_CHECKING:
    from ingest.records import Release
    from ingest.release.generation_states import GenerationState

AGAIN = "A release is written as a whole or not at all: see `ingest status`, then give the same command again."
GENERATIONS = 20
DIGEST = 12  # hex digits that people see

Generation = Annotated[
    str | None, typer.Argument(metavar="GENERATION", help="Id of a sealed generation.", show_default=False)
]


@command("Serving was not touched and no verdict was written. Start it again.")
def evaluate(common: Common, generation: Generation = None) -> None:
    """Judge a sealed generation against the release in force. Writes the verdict to the lake and promotes nothing.

    Without GENERATION: the newest one that could be promoted; if there is none, the one that serves. Exit code 3 when
    the verdict is negative.
    """
    from ingest.pipeline.promotion import evaluate_candidate

    with opened(common) as session:
        verdict = evaluate_candidate(session.services, generation)
        session.output.document(verdict)
    raise typer.Exit(ExitCode.DONE if verdict.positive else ExitCode.REFUSED)


@command(AGAIN)
def promote(
    common: Common,
    generation: Generation = None,
    why: Annotated[
        str | None, typer.Option("--why", help="One line for the record.", show_default="promoted by hand")
    ] = None,
    lift_hold: Annotated[
        bool, typer.Option("--lift-hold", help="End the hold that a rollback left, also when nothing is promoted.")
    ] = False,
) -> None:
    """Judge a sealed generation and put it into force when the verdict is positive; exit code 3 when it is refused.

    Without GENERATION: the newest one built on the release in force that was never released. What was rolled back
    must be named. `--lift-hold` without anything to promote lifts the hold alone.
    """
    from ingest.pipeline.promotion import promote_candidate

    with opened(common) as session:
        outcome = promote_candidate(session.services, generation, why, lift_hold=lift_hold)
        verdict, release, refused = outcome.verdict, outcome.release, outcome.decision == "refused"
        chosen = verdict.candidate if verdict is not None else None
        session.output.document({"candidate": chosen, "refused": refused, "verdict": verdict, "release": release})
        _show_promotion(session.output, chosen if refused else None, release)
    raise typer.Exit(ExitCode.REFUSED if refused else ExitCode.DONE)


@command(AGAIN)
def rollback(
    common: Common,
    why: Annotated[str, typer.Option("--why", help="One line for the record and for the hold.", show_default=False)],
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            metavar="RELEASE",
            min=1,
            help="Number of the release to bring back.",
            show_default="the newest one with another generation or query profile",
        ),
    ] = None,
) -> None:
    """Bring an earlier release back, after opening it, and hold automatic promotion. Takes seconds, needs no lease."""
    from ingest.pipeline.rollback import roll_back

    with opened(common) as session:
        services = session.services
        started = services.monotonic()
        release = roll_back(services, to, why)
        seconds = round(services.monotonic() - started, 3)
        session.output.document({"release": release, "seconds": seconds})
        _show_release(session.output, release)
        session.output.show(f"Rolled back in {seconds:.2f} s.")


@command()
def status(common: Common) -> None:
    """Show the release in force, its hold, the newest run, a waiting or refused candidate, and the engine.

    Exit code 5 when the vector index does not answer, 4 when its aliases contradict the lake; what the lake knows is
    shown all the same.
    """
    from ingest.cli.qdrant import engine_status
    from ingest.settings import load_settings

    engine = engine_status(load_settings(common.settings_path))  # first: opening services starts the engine
    with opened(common) as session:
        found, code = _status(session)
        found["engine"] = engine
        session.output.document(found)
        _show_status(session.output, found)
    raise typer.Exit(code)


@command()
def generations(
    common: Common,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many of the newest.")] = GENERATIONS,
) -> None:
    """List the generations in the lake, newest first.

    States: building, failed (given up; its work is adopted), sealed, refused by the gate, serving, retired (served
    before, kept for rollback).
    """
    from ingest.release.generation_states import generation_states

    with opened(common) as session:
        lake = session.services.lake
        found = generation_states(lake, limit)
        session.output.document({"index": lake.index, "generations": found})
        session.output.show(
            tables.table(
                f"Generations of {lake.index}",
                ("generation", "state", "base", "digest", "documents", "chunks"),
                map(_row, found),
                left=4,
            )
        )


def _row(state: "GenerationState") -> tuple[Any, ...]:
    digest = state.digest[:DIGEST] if state.digest else None
    return state.id, state.state, state.base, digest, state.documents, state.chunks


def _show_promotion(output: Output, refused: str | None, release: "Release | None") -> None:
    if refused is not None:
        output.show(f"Refused: generation {refused} stays sealed, serving is as before.")
    if release is not None:
        _show_release(output, release)


def _show_release(output: Output, release: "Release") -> None:
    for shown in tables.release(release):
        output.show(shown)


def _status(session: Session) -> tuple[dict[str, Any], ExitCode]:
    """Return what is known, and 0 or the code of what kept the index from answering."""
    from ingest.pipeline.collections import releases_of
    from ingest.release.generation_states import past_runs, waiting_candidate

    services, lake = session.services, session.services.lake
    found: dict[str, Any] = {"index": lake.index, "release": None, "problem": None}
    code = ExitCode.DONE
    try:
        found["release"] = releases_of(services).current()
    except (IndexUnavailable, SchemaMismatch) as error:
        found["problem"], code = f"{type(error).__name__}: {error}", code_of(error)
    decision = lake.decision()
    found["decision"] = decision
    manifest = lake.manifest(decision.generation) if decision is not None else None
    found["counts"] = manifest.counts if manifest is not None else {}
    found["base"] = manifest.base if manifest is not None else None
    found["digest"] = manifest.digest if manifest is not None else None
    newest = next(past_runs(lake, limit=20), None)
    found["newest_run"] = newest
    found["candidate"] = waiting_candidate(lake, services.options.profile)
    judged = newest if newest is not None and newest.generation == found["candidate"] else None
    found["candidate_decision"] = judged.decision if judged is not None else None
    found["reasons"] = list(lake.verdict(judged.verdict).reasons) if judged is not None and judged.verdict else []
    return found, code


def _show_status(output: Output, found: dict[str, Any]) -> None:
    release, decision, run = found["release"], found["decision"], found["newest_run"]
    if found["problem"]:
        output.show(f"The vector index: {found['problem']}")
    if release is not None:
        _show_release(output, release)
    elif decision is None:
        output.show("Nothing serves yet; `ingest run` builds and promotes a generation.")
    if decision is not None:
        if release is None or release.number != decision.number:
            output.show(f"Decided but not in force: release {decision.number} of generation {decision.generation}.")
            output.show("The next `ingest run`, `promote` or `rollback` puts it into force.")
        counts = ", ".join(f"{found['counts'].get(name, 0):,} {name}" for name in ("documents", "chunks"))
        output.show(f"Generation {decision.generation}: {counts}, built on {found['base'] or 'nothing'}.")
    if run is not None:
        output.show(f"Newest run: {run.started}, generation {run.generation}: {run.decision}.")
    if found["candidate"] is not None:
        output.show(f"Candidate {found['candidate']}: {found['candidate_decision'] or 'sealed'}.")
        for reason in found["reasons"]:
            output.show(f"  against: {printable(reason)}")
    output.show(_engine_line(found["engine"]))


def _engine_line(engine: dict[str, Any]) -> str:
    if engine["kind"] == "server":
        return f"Vectors: server {engine['url']}."
    running = "running" if engine["running"] else "started when a command needs it"
    return f"Vectors: embedded engine in {engine['folder']}, {running}."
