"""`ingest quarantine list | replay | accept`: what is left out, and trying it again; `show` is `ingest why`."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ingest.cli import tables
from ingest.cli.invocation import Opened, Publishing, Reply, command, several
from ingest.cli.output import printable
from ingest.cli.run import NoPromoteOption, PlaceOptions, dated, told_run

if TYPE_CHECKING:
    from ingest.records import Quarantined


class Grouping(StrEnum):
    """What documents in quarantine can be counted by."""

    ERROR, SOURCE, PREFIX, AGE = "error", "source", "prefix", "age"


@dataclass(frozen=True)
class QuarantineOptions(PlaceOptions):
    """What is meant of what is in quarantine: that which meets all of them."""

    modified_since: Annotated[datetime | None, dated("--since", "is left out since then or later")] = None
    modified_until: Annotated[datetime | None, dated("--until", "is left out since before then")] = None


@command()
def listing(
    index: Opened,
    chosen: QuarantineOptions,
    by: Annotated[
        list[Grouping] | None, several("--by", "error|source|prefix|age", "Count by this; by error and source else")
    ] = None,
    limit: Annotated[int, Option(min=0, max=10**6, help="Number of documents to show.")] = 50,
) -> Reply:
    """List what is in quarantine: in a newer generation that was never released, and in what serves."""
    names, told, shown = [*map(str, by or ("error", "source"))], list[Any](), list[Any]()
    for state in index.quarantine(**chosen.choice()):
        counts = Counter(tuple(_group(row, name) for name in names) for row in state.documents).most_common()
        groups = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in counts]
        told.append({**dict(state), "groups": groups})
        columns, rows = (*names, "documents"), [(*key, count) for key, count in counts]
        shown.append(tables.table(tables.in_quarantine(state), columns, rows, len(names)))
        shown += [tables.left_out(row, state.accepted) for row in state.documents[:limit]]
    return Reply({"index": index.name, "quarantine": told}, shown)


def _group(row: "Quarantined", by: str) -> str:
    """Return the group of a document; that of its age is the day since which it is left out."""
    groups = {"prefix": f"{row.uri.rpartition('/')[0]}/", "age": row.first_seen[:10] or "unknown"}
    return groups.get(by) or str(getattr(row, by))


@command("`ingest run` resumes where this one stopped.")
def replay(index: Publishing, chosen: QuarantineOptions, no_promote: NoPromoteOption = False) -> Reply:
    """Try again what is in quarantine: a run that touches nothing else, with the exit codes of `run`."""
    return told_run(index, index.replay(promote=not no_promote, **chosen.choice()))


@command("`ingest log` tells whether it is recorded.")
def accept(
    index: Opened,
    chosen: QuarantineOptions,
    why: Annotated[str, Option(help="Reason, for the record.", show_default=False)],
) -> Reply:
    """Accept that documents are left out: the limits do not count them until their bytes, or the code, change."""
    made = index.accept(why=why, **chosen.choice())
    lines = (f"Accepted: {printable(uri)}" for uri in made.about["uri"])
    return Reply(made, [*lines, f"Decision {made.number}, by {printable(made.who)}."])
