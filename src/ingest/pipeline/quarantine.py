"""What is in quarantine: in the generation that serves, and in a newer one that was never released."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from heapq import nlargest
from itertools import chain, takewhile

from ingest.errors import Tolerated, UnknownDocument
from ingest.ids import containers, document_id
from ingest.lake.lake import Lake
from ingest.lake.rows import quarantine_rows
from ingest.phrases import meant, shown
from ingest.pipeline.scope import Scope
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, parts_after
from ingest.records import Decision, DocumentRef, PartFile, Quarantined, QuarantineState
from ingest.release.generation_states import LOOK_BACK, decisions_of, last_claim

NEWEST = 5  # that a report names
ACCEPTED = ("uri", "version", "fingerprint")  # what a decision to accept is about, in equal numbers
EVERY_DOCUMENT = Scope()
Failure = tuple[str, str, str]  # the same, of one document


def in_quarantine(lake: Lake, scope: Scope = EVERY_DOCUMENT, newest: int | None = None) -> list[QuarantineState]:
    """Return what meets a scope's conditions, by URI, of the newer generation first. Raises: UnknownDocument.

    A time is that since which a document is left out; a URI, or a document id, stands for what is inside it, too.
    `newest`: at most so many of each generation, and none of unsealed ones, which take requests for each shard.
    """
    found, taken = [(*one, _rows(lake, one[0])) for one in _generations(lake, newest is None)], accepted(lake)
    known = {name for *_, rows in found for row in rows for name in _names(row)}
    for uri in sorted(scope.uris - known):
        raise UnknownDocument(f"nothing in quarantine is called {shown(uri)!r}{meant(uri, known)}")
    states = []
    for generation, serves, rows in found:
        every = [row for row in rows if _meets(row, scope)]
        counts = dict(sorted(Counter(row.error for row in every).items()))
        documents = tuple(every if newest is None else nlargest(newest, every, key=lambda row: row.first_seen))
        who = {row.uri: f"{made.who}: {made.why}" for row in documents if (made := taken.get(failure_of(row)))}
        named = {"generation": generation, "serves": serves, "counts": counts, "documents": documents}
        states.append(QuarantineState(**named, accepted=who))
    return states


def _names(row: Quarantined) -> tuple[str, ...]:
    return *containers(row.uri), document_id(row.uri)


def _meets(row: Quarantined, scope: Scope) -> bool:
    since = row.first_seen or datetime.min.isoformat()
    ref = DocumentRef(row.uri, row.source, "", row.version, row.size, since)
    named = not scope.uris or not scope.uris.isdisjoint(_names(row))
    named = named and not scope.parsers and (not scope.errors or row.error in scope.errors)
    return named and replace(scope, uris=frozenset(), errors=frozenset()).holds(ref)


def newest_in_quarantine(lake: Lake) -> tuple[QuarantineState, ...]:
    """Return the numbers for a report, with the documents that were left out last; none if they cannot be told."""
    with Tolerated(f"index {lake.index}: what is in quarantine cannot be told"):
        return tuple(in_quarantine(lake, newest=NEWEST))
    return ()


def failure_of(row: Quarantined) -> Failure:
    """Return what a person accepts: as soon as bytes or code change it is another failure."""
    return row.uri, row.version, row.fingerprint


def accepted(lake: Lake) -> dict[Failure, Decision]:
    """Return the failures that people accepted, which count for no limit."""
    made = decisions_of(lake, "accept")
    return {f: one for one in made for f in zip(*(one.about[name] for name in ACCEPTED), strict=True)}


def _generations(lake: Lake, unsealed: bool) -> Iterator[tuple[str, bool]]:
    """Yield the newest generation that was never released, if it is newer than what serves, then what serves."""
    current = lake.decision()
    serving = current.generation if current is not None else ""
    released = {release.generation for _, release in lake.releases.newest_first(LOOK_BACK)}
    claims = (claim.id for _, claim in lake.claims.newest_first(LOOK_BACK, below=last_claim(lake) + 1))
    for newer in takewhile(lambda one: one != serving, claims):
        if newer not in released and (lake.plan(newer) if unsealed else lake.manifest(newer)):
            yield newer, False
            break
    if serving:
        yield serving, True


def _rows(lake: Lake, generation: str) -> list[Quarantined]:
    """Return a generation's rows. Most shards have none, and their part says so without being read."""
    parts = (part for part in _parts(lake, generation) if part.kind == "quarantine" and part.rows)
    return sorted(chain.from_iterable(quarantine_rows(lake.read(part)) for part in parts), key=lambda row: row.uri)


def _parts(lake: Lake, generation: str) -> Iterable[PartFile]:
    """Return a generation's parts; before its seal those of its finished shards, and of the others the base's."""
    if (manifest := lake.manifest(generation)) is not None:
        return manifest.parts
    shards = plan.shards if (plan := lake.plan(generation)) is not None else {}
    tasks = (ShardTask(generation, shard, plan_hash, run="") for shard, plan_hash in shards.items())
    return (part for task in tasks for part in parts_after(lake, task, *DOCUMENT_STEPS).values())
