"""`ingest evaluate`, `promote`, `rollback`, `status`, `generations`, `log`: judge, publish, go back, see."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, BadParameter, Option

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode, code_of
from ingest.cli.invocation import Invocation, Opened, Publishing, Repeated, Reply, command, several
from ingest.cli.output import printable
from ingest.cli.run import OnceOptions, TakeOverOption
from ingest.phrases import stale

if TYPE_CHECKING:
    from ingest.pipeline.status import IndexStatus

AGAIN = "A release is written completely or not at all: run the same command again if it is not yet in force."
DIGEST = 12  # hex digits shown
OTHER = "the newest one with another generation or query profile"
ToOption = Annotated[int | None, Option(metavar="RELEASE", min=1, help="The one to bring back.", show_default=OTHER)]
LimitOption = Annotated[int, Option(min=1, max=1000, help="Number of entries to show.")]

Sealed = Annotated[str | None, Argument(metavar="GENERATION", help="Id of a sealed generation.", show_default=False)]


@command("Serving was not touched and no verdict was written. Run it again.")
def evaluate(index: Opened, generation: Sealed = None) -> Reply:
    """Judge a sealed generation against the release in force. Writes the verdict to the lake and promotes nothing.

    Without GENERATION: the newest one that could be promoted or, if there is none, the serving one. Exit code 3 if the
    verdict is negative.
    """
    verdict = index.evaluate(generation)
    return Reply(verdict, code=ExitCode.DONE if verdict.positive else ExitCode.REFUSED)


@command(AGAIN)
def promote(
    index: Publishing,
    allowed: OnceOptions,
    generation: Sealed = None,
    lift_hold: Annotated[bool, Option("--lift-hold", help="Lift a hold, also if nothing is promoted.")] = False,
) -> Reply:
    """Judge a sealed generation and put it into force if the verdict is positive; exit code 3 if it is refused.

    Without GENERATION: the newest one that was built on the release in force and never released. One that was
    rolled back must be named. With nothing to promote, `--lift-hold` only lifts the hold.
    """
    outcome = index.promote(generation, lift_hold=lift_hold, **allowed.arguments())
    verdict, release, refused = outcome.verdict, outcome.release, outcome.decision == "refused"
    chosen, overtaken = verdict.candidate if verdict is not None else None, outcome.decision == "overtaken"
    told = {"candidate": chosen, "refused": refused, "verdict": verdict, "release": release}
    lines = [f"Refused: generation {chosen} stays sealed."] if refused else []
    lines += [f"Overtaken: generation {chosen} was promoted, and then followed."] if overtaken else []
    serving = tables.release(release) if release is not None else [tables.read_back(index)[1]]
    code = ExitCode.REFUSED if refused else ExitCode.FATAL if overtaken else ExitCode.DONE
    return Reply(told, [*lines, *serving], code)


@command(AGAIN)
def rollback(
    index: Publishing,
    why: Annotated[str, Option(help="Reason, for the record and for the hold.", show_default=False)],
    to: ToOption = None,
    take_over: TakeOverOption = False,
) -> Reply:
    """Bring back an earlier release, once it opens, and hold automatic promotion. Takes seconds, needs no lease."""
    now = index.services.retrieval.monotonic
    started = now()
    release = index.rollback(to, why=why, take_over=take_over)
    seconds = round(now() - started, 3)
    serving, sentence = tables.read_back(index)
    told = {"release": release, "seconds": seconds, "serving": sentence}
    if serving is not None and serving.number != release.number:
        done, code = f"Overtaken: it was brought back, and then followed. {sentence}", ExitCode.FATAL
    else:
        done, code = f"Rolled back in {seconds:.2f} s.", ExitCode.DONE
    return Reply(told, [*tables.release(release), done], code)


@command()
def status(invocation: Invocation) -> Reply:
    """Show the release in force, its hold, the newest run, a waiting or refused candidate, and the engine.

    Exit code 5 if the vector index does not answer, 4 if its aliases contradict the lake; what the lake knows is shown
    anyway.
    """
    from ingest.cli.qdrant import engine_status

    engine = engine_status(invocation.load())  # first: opening services starts the engine
    with invocation.opened() as index:
        found = index.status()
    problem, code = None, ExitCode.DONE
    if found.fault is not None:
        problem, code = f"{type(found.fault).__name__}: {found.fault}", code_of(found.fault)
    told = {name: value for name, value in vars(found).items() if name != "fault"}
    return Reply({**told, "problem": problem, "engine": engine}, _status_lines(found, problem, engine), code)


@command()
def reconcile(index: Opened) -> Reply:
    """Compare all of what serves with the lake at once, which runs do within `scrub_nights`; mend what does not match.

    Exit code 4 if faults are left, because the lake itself is damaged: the next run makes its files again.
    """
    found = index.reconcile()
    return Reply(found, tables.record(found), ExitCode.FATAL if found.faults else ExitCode.DONE)


@command("What was marked stays marked, and the next call goes on.")
def retire(
    index: Opened,
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would go, with its bytes.")] = False,
) -> Reply:
    """Mark the generations that the settings do not keep, and remove what has soaked since its mark, as a run does."""
    found = index.retire(dry_run=dry_run)
    return Reply(found, [*tables.record(found), "What is marked, and the segments, go after the soak."])


@command("`ingest log` tells whether it is recorded.")
def pin(
    index: Opened,
    generation: Annotated[str, Argument(metavar="GENERATION", help="Id of a sealed generation.")],
    why: Annotated[str, Option(help="Reason, for the record.", show_default=False)],
    lift: Annotated[bool, Option("--lift", help="Unpin it instead.")] = False,
) -> Reply:
    """Keep a generation from being retired, for as long as nobody lifts that."""
    made = index.pin(generation, why=why, lift=lift)
    return Reply(made, tables.logged(made))


@command()
def generations(index: Opened, limit: LimitOption = 20) -> Reply:
    """List the generations in the lake, newest first.

    States: building, failed (abandoned; its work is reused), sealed, refused by the gate, serving, kept (served
    before), rolled back (kept; it comes back by name only), retired (cannot come back; its files go or are gone).
    """
    name, found = index.name, index.generations(limit)
    columns = ("generation", "state", "base", "digest", "documents", "chunks")
    rows = [(g.id, g.state, g.base, (g.digest or "")[:DIGEST] or None, g.documents, g.chunks) for g in found]
    table = tables.table(f"Generations of {name}", columns, rows, left=4)
    shown = table if found else f"{name} has no generations yet; `ingest run` builds the first one."
    return Reply({"index": name, "generations": found}, [shown])


@command()
def log(index: Opened, limit: LimitOption = 20) -> Reply:
    """List releases and people's other decisions, newest first: who, when, why."""
    found = index.log(limit)
    lines = (line for one in found for line in tables.logged(one))
    return Reply({"index": index.name, "log": found}, lines)


@dataclass(frozen=True)
class RevokeOptions:
    """As `Index.revoke`; or which revocation to lift."""

    uris: Annotated[Repeated, Argument(metavar="[URI|ID]...", help="These documents.", show_default=False)] = None
    prefixes: Annotated[Repeated, several("--prefix", "URI", "All documents with this prefix")] = None
    sources: Annotated[Repeated, several("--source", "NAME", "All documents of this source")] = None
    tenants: Annotated[Repeated, several("--tenant", "NAME", "All documents of this tenant")] = None
    lift: Annotated[int | None, Option(metavar="DECISION", min=1, help="Lift this revocation instead.")] = None

    def __post_init__(self) -> None:
        if self.lift is not None and len(self.given()) > 1:
            raise BadParameter("--lift goes with --why alone")

    def given(self) -> dict[str, Any]:
        """Return what was given."""
        return {name: value for name, value in vars(self).items() if value}


@command("Run it again: what is revoked twice is revoked.")
def revoke(
    index: Opened,
    named: RevokeOptions,
    why: Annotated[str, Option(help="Reason, for the record.", show_default=False)],
) -> Reply:
    """Make documents unfindable in every generation at once, with all documents inside them, until that is lifted.

    They are not ingested again, and no rollback, restore or promotion brings them back. The lake keeps their bytes.
    """
    if named.lift is not None:
        made = index.unrevoke(named.lift, why=why)
        return Reply(made, [f"Revocation {named.lift} is lifted; the next run brings the documents back."])
    found = index.revoke(why=why, **named.given())
    counts = ", ".join(f"{count:,} documents of {generation}" for generation, count in found.documents.items())
    told = f"{counts or 'nothing yet'} revoked. `ingest revoke --lift {found.decision.number}` lifts that."
    return Reply(found, [told])


def _newest_run(found: "IndexStatus") -> Iterator[str]:
    """Yield what the newest run came to; one that failed, was stopped or never ended stands first of all."""
    if (start := found.unfinished) is not None:
        who = printable(start.who)
        ended = "has not ended: it is at work, or was killed" if found.holds_lease else "never ended: it was killed"
        yield f"The newest run, started {start.started} by {who}, {ended}."
    if (run := found.newest_run) is not None:
        bad = run.decision in ("failed", "stopped")
        what = f"{run.decision.upper()} at {run.ended}: {printable(run.error)}" if bad else run.decision
        of = f", generation {run.generation}" if run.generation is not None else ""
        yield f"{'Newest run' if start is None else 'Run before it'}: {run.started}{of}: {what}."


def _status_lines(found: "IndexStatus", problem: str | None, engine: dict[str, Any]) -> Iterator[Any]:
    release, decision = found.release, found.decision
    yield from _newest_run(found)
    if problem is not None:
        yield f"The vector index: {problem}"
    if release is not None:
        yield from tables.release(release)
    elif decision is None:
        yield "Nothing serves yet; `ingest run` builds and promotes a generation."
    if found.points is not None and found.points != found.expected_points:
        told = f"{found.points:,} points serve, {found.expected_points:,} should"
        yield f"DAMAGED: {told}. `ingest reconcile` or the next run mends them."
    if decision is not None and (release is None or release.number != decision.number):
        yield f"Decided but not in force: release {decision.number} of generation {decision.generation}."
        yield "The next `ingest run`, `promote` or `rollback` puts it into force."
    yield from map(printable, stale(found.carried))
    rest = {name: getattr(found, name) for name in ("base", "counts", "rolled_back", "candidate", "candidate_decision")}
    rest |= {"against": found.reasons, "vectors": {name: value for name, value in engine.items() if value}}
    yield from tables.record({name: value for name, value in rest.items() if value})
