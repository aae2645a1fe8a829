"""What people decide: a journal beside that of the releases, and both together in order."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter

from ingest.errors import SchemaMismatch
from ingest.lake.lake import Lake
from ingest.records import Decision, RaisedLimit, Release
from ingest.services import Writer

LogEntry = Release | Decision


def decide(lake: Lake, writer: Writer, kind: str, why: str, about: Mapping[str, Sequence[str]]) -> Decision:
    """Append a decision and return it. Raises: StoreUnavailable; whether it stands then, `ingest log` tells."""
    told = {"kind": kind, "why": why, "about": about, "who": writer.who, "identified": writer.identified}

    def made(number: int) -> Decision:
        now = {"number": number, "at": writer.clock().isoformat(), "token": writer.new_token()}
        return Decision.model_validate({**told, **now})

    return lake.decisions.add(made)


def decisions_of(lake: Lake, *kinds: str) -> list[Decision]:
    """Return the decisions of these kinds in order. Raises: SchemaMismatch when one is damaged or missing."""
    least, every = lake.decisions.last(), [made for _, made in lake.decisions.after(0)]
    if len(every) < least:
        raise SchemaMismatch(f"{lake.decisions.where(len(every) + 1)} is missing, though later ones are there")
    return [made for made in every if made.kind in kinds]


def keep_raised(lake: Lake, writer: Writer, raised: RaisedLimit | None, generation: str | None = None) -> None:
    """Write down that a person raised the limit of the delete guard, if one did; for a run or for a `generation`."""
    if raised is not None:
        named = {} if generation is None else {"generation": [generation]}
        decide(lake, writer, "raised", raised.why, {"max_deleted_share": [str(raised.max_deleted_share)], **named})


def decided(lake: Lake, limit: int) -> list[LogEntry]:
    """Return the newest `limit` releases and decisions, newest first by their times; not the damaged ones."""
    journals = lake.releases.newest_first(limit), lake.decisions.newest_first(limit)
    both: Iterator[Iterator[LogEntry]] = ((record for _, record in one) for one in journals)
    return list(islice(merge(*both, key=attrgetter("at"), reverse=True), limit))
