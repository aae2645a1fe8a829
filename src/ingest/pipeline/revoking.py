"""Revoking: what nobody may find any more, in every generation that is kept, whatever the gate says.

First the record, which every reader looks for at each search; then the points of all collections. A promotion deletes
points before its own record. So wherever one dies no reader shows what is revoked, and the next run deletes the rest.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from sys import maxsize
from types import SimpleNamespace

from ingest import errors
from ingest.ids import point_id
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.lake.revocations import MOST_EXCLUDED, About, Revocations
from ingest.pipeline.scope import check_why
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Decision
from ingest.release.generation_states import collections_held, decide, last_claim, sealed_manifest
from ingest.services import Retrieval, Writer


@dataclass(frozen=True)
class Revoked:
    """A decision to revoke, and how many documents of each sealed generation it names."""

    decision: Decision
    documents: dict[str, int]


def revoke(retrieval: Retrieval, writer: Writer, why: str, wanted: About) -> Revoked:
    """Revoke documents until a person lifts it. Raises: InvalidSettings; IndexUnavailable: points are left."""
    check_why("revoke", why)
    about = {kind: names for kind, names in wanted.items() if names}
    if not about or not all(name.strip() for names in about.values() for name in names):
        raise errors.InvalidSettings("revoke: name documents by URI, prefix, source or tenant; none may be empty")
    lake, told, named, found = retrieval.lake, retrieval.lake.revocations, Revocations.of([about]), dict[str, int]()
    told.now()
    together = Revocations.of([*told.in_force.values(), about])
    for generation, contents in every_generation(lake):
        with suppress(errors.SchemaMismatch, errors.StoreUnavailable):  # damaged: the decision does not need it
            found[generation] = sum(len(contents.revoked(shard, named)) for shard in contents.shards)
            if (most := sum(1 for *_, groups in contents.hidden(together) if not groups)) > MOST_EXCLUDED:
                each = f"{most} documents of generation {generation} would be excluded one by one, at most"
                raise errors.InvalidSettings(f"revoke: {each} {MOST_EXCLUDED} can be; revoke their source or tenant")
    decision = decide(lake, writer, "revoke", why, about)
    try:
        delete_all_revoked(retrieval)
    except errors.IngestError as error:
        done = f"decision {decision.number} revokes them, and no reader shows them"
        raise errors.IndexUnavailable(f"{done}; the next run deletes the points that are left: {error}") from error
    return Revoked(decision, found)


def unrevoke(retrieval: Retrieval, writer: Writer, number: int, why: str) -> Decision:
    """Lift a revocation: the next run loads the points again, or ingests the documents. Raises: InvalidSettings."""
    check_why("unrevoke", why)
    told = retrieval.lake.revocations
    told.now()
    if number not in told.in_force:
        known = ", ".join(map(str, sorted(told.in_force))) or "none"
        raise errors.InvalidSettings(f"unrevoke: decision {number} is no revocation in force; there are: {known}")
    return decide(retrieval.lake, writer, "unrevoke", why, {"decision": [str(number)]})


def delete_all_revoked(retrieval: Retrieval) -> Revocations:
    """Delete the points of what is revoked from all collections of this lake that exist; return what is revoked."""
    lake, vectors = retrieval.lake, retrieval.vectors
    told = lake.revocations.now()
    for generation, held in collections_held(lake, vectors).items() if told != Revocations() else ():
        manifest = sealed_manifest(lake, generation)[0]
        contents = contents_of(lake, manifest) if manifest is not None else None
        for collection in held:
            is_there = contents is not None and contents.collection == collection
            delete_revoked(vectors, collection, contents if is_there else None, told)
    return told


def delete_revoked(vectors: VectorIndex, collection: str, contents: Contents | None, told: Revocations) -> None:
    """Delete the points of what is revoked; a collection whose files cannot tell, unsealed or damaged, is read."""
    found: list[str] | None = None
    with suppress(errors.SchemaMismatch):
        found = [point_id(chunk) for chunk in contents.revoked_chunks(told)] if contents is not None else None
    if found is None:
        every = vectors.scroll(collection, EVERYTHING, ("uri", "source", "tenant"))
        named = ((p.id, {name: str(value or "") for name, value in p.payload.items()}) for p in every)
        found = [id_ for id_, fields in named if told.holds(SimpleNamespace(**fields))]
    if found:
        vectors.delete(collection, found)
        vectors.flush(collection)


def every_generation(lake: Lake) -> Iterator[tuple[str, Contents]]:
    """Yield every sealed generation, newest first, with what it holds."""
    for _, claim in lake.claims.newest_first(maxsize, below=last_claim(lake) + 1):
        if (manifest := sealed_manifest(lake, claim.id)[0]) is not None:
            yield claim.id, contents_of(lake, manifest)
