"""The scrub: each run compares some shards of a collection in full, in rotation, so that within some nights all are.

Whose turn it is, is a record, written once the shards were looked at: after a run that died it is still theirs, after
skipped nights that of more shards. A new collection goes on where the one stands that was looked at last.
"""

from datetime import datetime, timedelta
from math import ceil

from ingest.lake.contents import Contents
from ingest.pipeline.inspection import Inspection
from ingest.records import BuildOptions, Scrub
from ingest.services import Writer

POINTS_PER_RUN = 4096  # at least: a small index is compared in full by every run
KEPT = 8  # records: so many passes ago a collection is known


def turn(contents: Contents, options: BuildOptions, now: datetime) -> set[int]:
    """Return the shards whose turn it is, so that all have it within `scrub_nights`, and those with faults left."""
    shards, (last, place) = contents.shards, _last(contents)
    days = (now - datetime.fromisoformat(last.at)) / timedelta(days=1) if last is not None else 1
    nights = max(round(days), 1) * len(shards) / options.scrub_nights
    share = max(nights, POINTS_PER_RUN * len(shards) / max(contents.rows("chunks"), 1))
    due = (shards[(place + i) % len(shards)] for i in range(min(ceil(share), len(shards))))
    return {*due, *(last.left if last is not None else ())}


def keep_turn(writer: Writer, found: Inspection) -> None:
    """Write down whose turn is next: of the first shard that was not compared in full."""
    scrubs, collection, shards = found.contents.lake.scrubs, found.contents.collection, found.contents.shards
    place, n = _last(found.contents)[1], len(shards)
    place = next((i % n for i in range(place, place + n) if shards[i % n] not in found.whole), place)
    told = {"collection": collection, "at": writer.clock().isoformat(), "next": place, "token": writer.new_token()}
    scrubs.add(lambda number: Scrub(**told, left=tuple(sorted(found.left))))
    scrubs.prune(KEPT)


def _last(contents: Contents) -> tuple[Scrub | None, int]:
    """Return the newest scrub of a collection, and the place of whose turn it is: of another one, if there is none."""
    newest = [scrub for _, scrub in contents.lake.scrubs.newest_first(KEPT)]
    own = next((scrub for scrub in newest if scrub.collection == contents.collection), None)
    return own, (own or newest[0]).next if newest else 0
