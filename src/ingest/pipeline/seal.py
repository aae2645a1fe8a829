"""Seal: the manifest of a checked generation, its last file, and the digest of what it holds."""

import hashlib
from operator import attrgetter

from ingest.errors import IncompleteGeneration
from ingest.ids import digest_of, document_id, sha256_hex
from ingest.lake.contents import Contents
from ingest.lake.rows import document_rows, quarantine_rows
from ingest.lake.shard_rows import outermost
from ingest.pipeline.collection_points import PointMaker
from ingest.pipeline.find_duplicates import logical_rows
from ingest.pipeline.fingerprints import fingerprints
from ingest.pipeline.tasks import Work
from ingest.records import Conservation, Manifest, Probe, Recall
from ingest.services import Retrieval, Workbench

DIGEST_VERSION = 1


def seal(
    bench: Workbench, retrieval: Retrieval, contents: Contents, work: Work, table: Conservation, recall: Recall | None
) -> Manifest:
    """Write the manifest and return it. Raises: IncompleteGeneration when a file that it names is not in the lake."""
    lake, summary = contents.lake, work.summary
    parts = tuple(contents.all_parts())
    if absent := lake.absent(parts):
        raise IncompleteGeneration(f"{summary.generation}: part files {', '.join(absent[:5])} are not in the lake")
    options, model = bench.options, bench.model
    prints, base = fingerprints(bench), work.base if summary.counts.get("not_upgraded") else None
    made_by = (
        prints.record() | {"options": prints.cutting} | ({"chunker": base.fingerprints["chunker"]} if base else {})
    )
    vector = retrieval.open_embedder(model).embed_questions([options.probe_question])[0]
    manifest = Manifest(
        index=lake.index,
        **{name: getattr(summary, name) for name in ("generation", "base", "raised", "carried")},
        collection=contents.collection,
        shards=len(summary.shards),
        parts=parts,
        segments={shard: contents.segments(shard) for shard in contents.shards},
        counts={
            "documents": sum(table.documents.values()),
            "children": table.documents.get("children", 0),
            **{name: getattr(table, name) for name in ("chunks", "dropped", "collapsed")},
            **summary.counts,
        },
        settings=options.settings,
        settings_hash=lake.claim(summary.generation).settings_hash,
        fingerprints=made_by,
        analyser=options.analyser,
        model=model,
        probe=Probe(question=options.probe_question, vector=tuple(float(v) for v in vector)),
        digest=generation_digest(contents),
        lengths=PointMaker.of(contents).lengths,
        recall=recall,
    )
    return lake.seal(manifest)


def generation_digest(contents: Contents) -> str:
    """Return the digest over a generation's logical rows, sorted; bytes, times and versions are not part of it.

    Rows are sorted by the bits of SHA-256(document id), lowest bit first. A shard is the lowest bits, so the order is
    that of the shards by their reversed bits, however many there are, and memory holds one shard. Documents inside
    documents are in the shard of the listed one, and sorted by its id. Duplicates follow, in their own order.
    """
    bits = (len(contents.shards) - 1).bit_length()
    shape = [record] if (record := contents.shape.record()) else []
    basis = [DIGEST_VERSION, contents.model_fingerprint, {**contents.analyser}, *shape]
    total = hashlib.sha256(digest_of(basis).encode())
    for shard in sorted(contents.shards, key=lambda s: format(s, f"0{bits}b")[::-1] if bits else ""):
        parts = contents.parts(shard)
        documents = document_rows(contents.lake.read(parts["documents"]))
        parents = {d.document_id: d.parent for d in documents}
        told = attrgetter("document_id", "uri", "sha256", "title", "attributes_digest", "chunk_digest")
        rows = [(d.document_id, [*told(d)]) for d in documents]
        bad = quarantine_rows(contents.lake.read(parts["quarantine"]))
        rows += [(q.parent or document_id(q.uri), [q.uri, q.error]) for q in bad]
        of = ((int(sha256_hex(outermost(parents, id_).encode()), 16), row) for id_, row in rows)  # the listed one
        for _, row in sorted((format(place, "0256b")[::-1], row) for place, row in of):
            total.update(digest_of(row).encode())
    for found in logical_rows(contents):
        total.update(digest_of(found).encode())
    return total.hexdigest()
