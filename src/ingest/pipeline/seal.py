"""Seal: the conservation check, one mending, then the manifest, the last file of a generation."""

import hashlib
from collections.abc import Callable

from ingest.errors import IncompleteGeneration
from ingest.ids import digest_of, document_id, sha256_hex
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow, document_rows, quarantine_rows
from ingest.pipeline.conservation import Check
from ingest.pipeline.find_duplicates import logical_rows
from ingest.pipeline.fingerprints import fingerprints
from ingest.pipeline.plan import Work
from ingest.pipeline.recall import dense_recall
from ingest.pipeline.tasks import embedding_store
from ingest.ports import Services
from ingest.records import Conservation, Manifest, PlanSummary, Probe

DIGEST_VERSION = 1


def gone_of(lake: Lake, summary: PlanSummary) -> Callable[[int], tuple[str, ...]]:
    """Return what tells, for a shard, the URIs that changed or vanished between list and read."""

    def gone(shard: int) -> tuple[str, ...]:
        marker = lake.marker(summary.generation, "chunk", shard, summary.shards[shard])
        return marker.gone if marker is not None else ()

    return gone


def check(services: Services, contents: Contents, work: Work) -> Conservation:
    """Return the conservation table; what is wrong in Qdrant is mended once, then judged.

    Raises: IncompleteGeneration, naming ids and values that disagree.
    """
    gone = gone_of(contents.lake, work.summary) if work.summary.needs_generation else lambda _: ()
    table = Check(services, contents, work.shard_plan, gone, mend=True).run(work.summary.counts)
    services.observer.told("conservation", table)
    if table.faults:
        raise IncompleteGeneration(
            f"{contents.collection}: {len(table.faults)} faults found by the conservation check: "
            + "; ".join(table.faults[:10])
        )
    return table


def seal(services: Services, contents: Contents, work: Work, table: Conservation) -> Manifest:
    """Write the manifest and return it. Every file that it names is looked for first, the model's files are kept."""
    lake, summary = contents.lake, work.summary
    parts = tuple(contents.all_parts())
    absent = [part.sha256 for part in parts if not lake.part_exists(part)]
    if absent:
        raise IncompleteGeneration(f"{summary.generation}: part files {', '.join(absent[:5])} are not in the lake")
    services.keep_model()
    options, model = services.options, services.model
    question = options.probe_question
    prints = fingerprints(services)
    vector = services.embedder().embed_questions([question])[0]
    manifest = Manifest(
        index=lake.index,
        generation=summary.generation,
        base=summary.base,
        collection=contents.collection,
        shards=len(summary.shards),
        parts=parts,
        segments={s: _segments(lake, work, s) for s in contents.shards},
        counts=_counts(table, summary),
        settings=options.settings,
        settings_hash=lake.claim(summary.generation).settings_hash,
        fingerprints=prints.record(),
        analyser=options.analyser,
        model=model,
        probe=Probe(question=question, vector=tuple(float(v) for v in vector)),
        digest=generation_digest(contents, model.fingerprint, options.analyser),
        recall=dense_recall(services, contents, embedding_store(services, model.fingerprint)),
    )
    lake.seal(manifest)
    sealed = lake.manifest(summary.generation)
    assert sealed is not None
    return sealed


def generation_digest(contents: Contents, model_fingerprint: str, analyser: dict[str, object]) -> str:
    """Return the digest over a generation's logical rows, sorted; bytes, times and versions are not part of it.

    Rows are sorted by the bits of SHA-256(document id) from the lowest on. Shards are the lowest bits, so the order is
    that of the shards by their reversed bits whatever their number, and memory holds one shard. Documents inside
    documents lie in the shard of the listed one, and are sorted by its id. Duplicates follow, in their own order.
    """
    bits = (len(contents.shards) - 1).bit_length()
    shape = [record] if (record := contents.shape.record()) else []
    total = hashlib.sha256(digest_of([DIGEST_VERSION, model_fingerprint, analyser, *shape]).encode())
    for shard in sorted(contents.shards, key=lambda s: format(s, f"0{bits}b")[::-1] if bits else ""):
        parts = contents.parts(shard)
        documents = document_rows(contents.lake.read(parts["documents"]))
        root = _roots(documents)
        rows = [
            (
                _order(root(d.document_id)),
                [d.document_id, d.uri, d.sha256, d.title, d.attributes_digest, d.chunk_digest],
            )
            for d in documents
        ]
        rows += [
            (_order(root(q.parent or document_id(q.uri))), [q.uri, q.error])
            for q in quarantine_rows(contents.lake.read(parts["quarantine"]))
        ]
        for _, row in sorted(rows):
            total.update(digest_of(row).encode())
    for found in logical_rows(contents):
        total.update(digest_of(found).encode())
    return total.hexdigest()


def _counts(table: Conservation, summary: PlanSummary) -> dict[str, int]:
    return {
        "documents": sum(table.documents.values()),
        "children": table.documents.get("children", 0),
        "chunks": table.chunks,
        "dropped": table.dropped,
        "collapsed": table.collapsed,
        **summary.counts,
    }


def _roots(documents: list[DocumentRow]) -> Callable[[str], str]:
    """Return what finds the listed document that a document of the same shard lies in, by their ids."""
    parents = {d.document_id: d.parent for d in documents}

    def root(document: str) -> str:
        for _ in range(len(parents)):
            if not (parent := parents.get(document, "")):
                break
            document = parent
        return document

    return root


def _order(document: str) -> str:
    return format(int(sha256_hex(document.encode()), 16), "0256b")[::-1]


def _segments(lake: Lake, work: Work, shard: int) -> tuple[str, ...]:
    marker = lake.marker(work.summary.generation, "embed", shard, work.summary.shards[shard])
    return marker.segments if marker is not None else work.shard_plan(shard).base_segments
