"""`ingest run` and `ingest plan`: build, judge and promote the next generation, or only show what that would cost."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

from typer import BadParameter, Option

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Opened, Publishing, Repeated, Reply, SourcesOption, command, several
from ingest.cli.output import printable

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.pipeline.scope import Choice
    from ingest.records import RunReport

MaxDeletedShareOption = Annotated[
    float | None, Option(metavar="SHARE", min=0, max=1, help="Raise the delete guard's limit this once; needs --why.")
]
NoPromoteOption = Annotated[bool, Option("--no-promote", help="Leave the promotion to a person (exit code 6).")]
TakeOverOption = Annotated[
    bool, Option("--take-over", help="Take an index that follows another lake over for this one; say why.")
]
DAYS_AND_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def dated(flag: str, what: str) -> Any:
    """Return an option with a day or a moment."""
    return Option(flag, metavar="TIME", formats=DAYS_AND_MOMENTS, help=f"Only what {what}; UTC.")


@dataclass(frozen=True)
class PlaceOptions:
    """Which documents are meant: those that meet all of them."""

    sources: SourcesOption = None
    prefixes: Annotated[Repeated, several("--prefix", "URI", "Only URIs with this prefix")] = None
    uris: Annotated[Repeated, several("--uri", "URI", "Only this document")] = None
    errors: Annotated[Repeated, several("--error", "CLASS", "Only what is in quarantine with this error")] = None

    def choice(self) -> "Choice":
        """Return what was chosen."""
        return cast("Choice", {name: value for name, value in vars(self).items() if value})


@dataclass(frozen=True)
class ChoiceOptions(PlaceOptions):
    """As `ingest.pipeline.scope.Choice`. What meets all of them may be touched."""

    modified_since: Annotated[datetime | None, dated("--since", "its source dates so or later")] = None
    modified_until: Annotated[datetime | None, dated("--until", "its source dates before")] = None
    parsers: Annotated[Repeated, several("--parser", "NAME", "Only what this parser read")] = None
    force: Annotated[Repeated, several("--force", "parse|embed", "Do this again though nothing changed")] = None


@dataclass(frozen=True)
class OnceOptions:
    """What a person allows this once, and why."""

    take_over: TakeOverOption = False
    max_deleted_share: MaxDeletedShareOption = None
    why: Annotated[str | None, Option(help="One line for the record; these two need it.", show_default=False)] = None

    def __post_init__(self) -> None:
        if self.take_over and not (self.why or "").strip():
            raise BadParameter("--take-over needs --why: one line for the record")

    def arguments(self) -> dict[str, Any]:
        """Return them as arguments of `Index.run` and `Index.promote`."""
        return {**vars(self), "take_over": self.why if self.take_over else None}


@command(
    "`ingest run` resumes where this one stopped: finished slices are kept, and all vectors but those of the last few "
    "seconds."
)
def run(index: Publishing, chosen: ChoiceOptions, allowed: OnceOptions, no_promote: NoPromoteOption = False) -> Reply:
    """Build the next generation, judge it, and promote it if the verdict is positive.

    An interrupted run resumes where it stopped. Exit codes: 0 promoted or nothing changed, 3 refused by the
    gate, 4 also when another release came right after the one of this run, 6 waiting for a person (--no-promote,
    decide: manual, a hold, or what was rolled back).
    """
    if allowed.why is not None and not allowed.take_over and allowed.max_deleted_share is None:
        raise BadParameter("--why goes with --take-over or --max-deleted-share")
    return told_run(index, index.run(promote=not no_promote, **allowed.arguments(), **chosen.choice()))


def told_run(index: "Index", report: "RunReport") -> Reply:
    """Return what a run came to."""
    from ingest.release.generation_states import told_rollback

    lake = index.services.bench.lake
    reasons = lake.verdict(report.verdict).reasons if report.verdict is not None else ()
    release = lake.releases.get(report.release) if report.release is not None else None
    rolled_back = told_rollback(lake, report.generation) if report.decision == "waiting" and report.generation else ""
    generation, hold, serving = report.generation, release.hold if release is not None else None, tables.served(release)
    held = f" It is held by {printable(hold.who)}: {printable(hold.why)}." if hold is not None else ""
    waiting = printable(rolled_back) or f"`ingest promote {generation}{' --lift-hold' if hold else ''}` promotes it."
    code, summary = {
        "promoted": (ExitCode.DONE, f"Promoted: release {report.release} serves generation {generation}."),
        "unchanged": (ExitCode.DONE, f"Nothing changed. {serving}"),
        "overtaken": (ExitCode.FATAL, f"Overtaken: generation {generation} was promoted, and then followed. {serving}"),
        "refused": (ExitCode.REFUSED, f"Refused: generation {generation} stays sealed. {serving}"),
        "waiting": (ExitCode.WAITING, f"Waiting for a person: {waiting}{held} {serving}"),
    }[report.decision]
    return Reply({**dict(report), "reasons": reasons, "hold": hold, "rolled_back": rolled_back}, [summary], code)


@command()
def plan(
    index: Opened,
    chosen: ChoiceOptions,
    max_deleted_share: MaxDeletedShareOption = None,
    why: Annotated[str | None, Option(help="With --max-deleted-share, as a run needs it.", show_default=False)] = None,
) -> Reply:
    """Show what a run would do and cost. Lists the sources; fetches, embeds and writes nothing.

    Exit code 4 if the delete guard or the budget would refuse the run; the table is shown anyway.
    """
    summary = index.plan(max_deleted_share=max_deleted_share, why=why, **chosen.choice())
    return Reply(summary, tables.plan(summary), ExitCode.FATAL if summary.refused else ExitCode.DONE)


@command("Run it again: what is narrowed twice is narrowed.")
def sync(
    index: Opened,
    permissions: Annotated[bool, Option("--permissions", help="Who may see which document; there is nothing else.")],
) -> Reply:
    """Let take effect at once what the sources take back; they are only listed. What is wider waits for a run."""
    count = index.sync_permissions()
    return Reply({"narrowed": count}, [f"Narrowed: {count:,} documents."])
