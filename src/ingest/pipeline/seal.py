"""Seal: the manifest of a checked generation, its last file, and the digest of what it holds.

The conservation check before it: what was listed is in the generation, in quarantine, or accounted for; and all copies
agree. What the stores hold is found by an inspection; here it is compared with the plan, and with the keyword index.
Only the number of listed documents comes from the listing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import IncompleteGeneration
from ingest.ids import digest_of, document_id, sha256_hex
from ingest.keyword import verify
from ingest.lake.contents import Contents
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import outermost, read_rows, unread_shares
from ingest.languages import UNTOLD
from ingest.pipeline.collection_points import PointMaker
from ingest.pipeline.damage import damaged_parts
from ingest.pipeline.find_duplicates import logical_rows
from ingest.pipeline.fingerprints import fingerprints
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.tasks import Work
from ingest.records import Conservation, Manifest, Probe, Recall
from ingest.services import Retrieval, Workbench

DIGEST_VERSION = 1
PROBE_QUESTION = "How do I roll back to the previous release?"  # encoded here, and again before a rollback


def conservation(found: Inspection, work: Work) -> Conservation:
    """Return the table of what was listed and what an inspection found. Once per inspection, which gets the faults."""
    planned, listed, languages = work.summary.counts, Counter[str](), Counter[str]()
    for shard in found.contents.shards:
        for row in _outcomes(found, work, shard, listed):
            languages[row.text_language or UNTOLD] += row.chunk_count
    found.totals["keyword_rows"] = found.contents.keyword["keyword.lengths"].rows - found.totals["collapsed"]
    found.totals["keyword_rows"] -= found.totals["revoked"]
    if found.fresh or found.contents.shards[0] in found.whole:
        compare_keyword(found)
    listed.update({name: planned.get(name, 0) for name in ("listed_twice", "out_of_scope")})
    if (accounted := listed.total()) != planned["listed"]:
        found.fault(f"the sources listed {planned['listed']} documents, {accounted} are accounted for")
    totals = {name: found.totals[name] for name, field in Conservation.model_fields.items() if field.annotation is int}
    marks = sum((Counter(held.marks) for held in found.holds.values()), Counter[str]())
    counts = {"listed": listed, "documents": found.documents, "marks": marks, "languages": languages}
    told = {name: getattr(found, name) for name in ("faults", "secrets", "mended")}
    told |= {"unread": unread_shares(found.holds.values())}
    return Conservation(**totals | told | {name: dict(sorted(count.items())) for name, count in counts.items()})


def _outcomes(found: Inspection, work: Work, shard: int, listed: Counter[str]) -> Iterable[DocumentRow]:
    """Count what became of a shard's documents, and return their rows."""
    rows = read_rows(found.contents.lake, found.contents.parts(shard), "documents", "quarantine")
    gone, documents = set(work.gone(shard)), found.documents
    every = work.shard_plan(shard).documents
    planned = {d.uri: d for d in every if d.change != "revoked"}
    listed.update(d.change for d in every if d.change == "revoked")
    for uri, document in planned.items():
        held = rows.documents.get(uri)
        if uri in gone:
            listed["changed_during_run"] += 1
            documents["carried"] += held is not None
            continue
        if held is not None and held.status == "current":
            if document.change == "carried":
                documents["carried"] += 1
                continue
            if held.version != document.version:
                found.fault(f"document {uri}: version {held.version}, planned {document.version}")
            listed[document.change] += 1
        elif uri not in rows.quarantine:
            found.fault(f"document {uri}: planned as {document.change}, neither indexed nor in quarantine")
        elif document.change != "carried":
            listed["quarantined"] += 1
        if held is not None:
            documents["kept_last_good" if held.status != "current" else "indexed"] += 1
    for uri in (d.uri for d in rows.documents.values() if not d.parent and d.uri not in planned):
        found.fault(f"document {uri}: in the generation, not in the plan")
    return rows.documents.values()


def compare_keyword(found: Inspection) -> None:
    """Compare the keyword index row by row with the chunks, in order, and postings with lengths.

    Memory: the ids of all chunks twice, about 80 bytes per chunk, before what `verify` takes.
    """
    contents = found.contents
    lake, paths = contents.lake, [*contents.searched_files(contents.lake.part_path)]
    rows = pq.read_table(paths[2], columns=["chunk_id", "length"])
    collapsed = pa.array([*contents.collapsed], rows["chunk_id"].type)
    for row in rows.filter(pc.is_in(rows["chunk_id"], collapsed)).to_pylist():
        if row["length"]:
            found.fault(f"keyword row of chunk {row['chunk_id']}: {row['length']} terms, though it is collapsed")
    parts = (contents.parts(shard)["chunks"] for shard in contents.shards)
    wanted = pa.concat_tables(lake.read(part, ["chunk_id"]) for part in parts)["chunk_id"]
    if not wanted.equals(rows["chunk_id"]):
        found.fault(*_misplaced(wanted.to_pylist(), rows["chunk_id"].to_pylist()))
    found.fault(*(f"keyword index: {fault}" for fault in verify(*paths)))  # last: it names rows, not ids


def _misplaced(wanted: list[str], held: list[str]) -> Iterator[str]:
    """Yield the chunks whose rows do not stand in their order, and the rows of no chunk; the two lists differ."""
    left = Counter(held)
    left.subtract(wanted)
    for chunk, count in left.items():
        if count:
            yield f"keyword row of chunk {chunk} {'is lost' if count < 0 else 'belongs to no chunk'}"
    orders = dict.fromkeys(wanted), dict.fromkeys(held)
    for chunk, row in zip(*([c for c in order if left[c] >= 0 and c in orders[0]] for order in orders), strict=True):
        if chunk != row:
            yield f"keyword row of chunk {chunk} stands in another place"


def seal(
    bench: Workbench, retrieval: Retrieval, found: Inspection, work: Work, table: Conservation, recall: Recall | None
) -> Manifest:
    """Write the manifest and return it. Raises: IncompleteGeneration when a file that it names is not in the lake."""
    contents, lake, summary = found.contents, found.contents.lake, work.summary
    parts = tuple(contents.all_parts())
    if absent := [part.sha256 for part, _ in damaged_parts(lake, parts, in_turn=lambda _: False)]:
        raise IncompleteGeneration(f"{summary.generation}: part files {', '.join(absent[:5])} are not in the lake")
    options, model = bench.options, bench.model
    prints, base = fingerprints(bench), work.base if summary.counts.get("not_upgraded") else None
    made_by = prints.record() | {"options": prints.cutting}
    made_by |= {"chunker": base.fingerprints["chunker"]} if base else {}
    vector = retrieval.open_embedder(model).embed_questions([PROBE_QUESTION])[0]
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
        probe=Probe(question=PROBE_QUESTION, vector=tuple(float(v) for v in vector)),
        digest=generation_digest(contents),
        lengths=PointMaker.of(contents).lengths,
        recall=recall,
        max_unread_share=options.chunking.max_unread_share,
        holds=found.holds,
        languages=table.languages,
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
        held = read_rows(contents.lake, contents.parts(shard), "documents", "quarantine")
        parents = {d.document_id: d.parent for d in held.documents.values()}
        told = attrgetter("document_id", "uri", "sha256", "title", "attributes_digest", "chunk_digest")
        rows = [(d.document_id, [*told(d)]) for d in held.documents.values()]
        rows += [(q.parent or document_id(q.uri), [q.uri, q.error]) for q in held.quarantine.values()]
        of = ((int(sha256_hex(outermost(parents, id_).encode()), 16), row) for id_, row in rows)  # the listed one
        for _, row in sorted((format(place, "0256b")[::-1], row) for place, row in of):
            total.update(digest_of(row).encode())
    for found in logical_rows(contents):
        total.update(digest_of(found).encode())
    return total.hexdigest()
