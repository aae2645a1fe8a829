"""The conservation check finds what was planted, and names it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from ingest.errors import IncompleteGeneration
from ingest.ids import point_id
from ingest.lake.contents import Contents
from ingest.lake.rows import chunk_rows, document_rows
from ingest.pipeline.collection_points import PointMaker, rows_of
from ingest.records import EVERYTHING, Chunk, Conservation, PartFile, Point, StoredPoint
from tests.pipelines import Project, project


@pytest.fixture
def built(tmp_path: Path) -> Project:
    p = project(tmp_path, documents=6)
    p.run()
    return p


def some_point(p: Project) -> StoredPoint:
    return next(iter(p.vectors.scroll(collection(p), EVERYTHING)))


def collection(p: Project) -> str:
    return p.manifest().collection


def chunk_of(point: StoredPoint) -> str:
    return point.payload["metadata"]["chunk_id"]


def as_point(p: Project, point: StoredPoint, id_: str | None = None, **metadata: object) -> Point:
    """Return a stored point as it can be written again, under another id or with other metadata."""
    vector = p.embedder.embed([point.payload["page_content"]])[0]
    payload = {**point.payload, "metadata": {**point.payload["metadata"], **metadata}}
    return Point(id_ or point.id, vector, payload)


def lose_point(p: Project) -> str:
    victim = some_point(p)
    p.vectors.delete(collection(p), [victim.id])
    return f"point {victim.id} of chunk {chunk_of(victim)} is lost"


def plant_orphan_in_a_shard(p: Project) -> str:
    orphan = point_id("no such chunk")
    p.vectors.upsert(collection(p), [as_point(p, some_point(p), orphan)])
    return f"point {orphan} is an orphan: no chunk of this generation has it"


def plant_orphan_without_shard(p: Project) -> str:
    orphan = point_id("nowhere")
    p.vectors.upsert(collection(p), [as_point(p, some_point(p), orphan, shard=None)])
    return f"point {orphan} is an orphan: its payload names no shard of this generation"


def plant_orphan_of_another_shard_count(p: Project) -> str:
    orphan = point_id("elsewhere")
    p.vectors.upsert(collection(p), [as_point(p, some_point(p), orphan, shard=64)])
    return f"point {orphan} is an orphan: its payload names no shard of this generation"


def change_text_and_keep_digest(p: Project) -> str:
    victim = some_point(p)
    stale = as_point(p, victim)
    p.vectors.upsert(collection(p), [replace(stale, payload={**stale.payload, "page_content": "old text"})])
    return f"point {victim.id} of chunk {chunk_of(victim)} is stale"


def change_groups_and_keep_digest(p: Project) -> str:
    victim = some_point(p)
    p.vectors.upsert(collection(p), [as_point(p, victim, acl=["everybody"])])
    return f"point {victim.id} of chunk {chunk_of(victim)} is stale"


def write_old_digest(p: Project) -> str:
    victim = some_point(p)
    p.vectors.upsert(collection(p), [as_point(p, victim, digest="0" * 64)])
    return f"point {victim.id} of chunk {chunk_of(victim)} is stale"


def replace_vector(p: Project) -> str:
    victim = some_point(p)
    other = p.embedder.embed(["something else altogether"])[0]
    p.vectors.upsert(collection(p), [Point(victim.id, other, victim.payload)])
    return f"point {victim.id} of chunk {chunk_of(victim)} has another vector than the lake"


def lose_payload(p: Project) -> str:
    victim = some_point(p)
    vector = p.embedder.embed(["x"])[0]
    left = {k: victim.payload["metadata"][k] for k in ("shard", "chunk_id")}
    p.vectors.upsert(collection(p), [Point(victim.id, vector, {"page_content": "", "metadata": left})])
    return f"point {victim.id} of chunk {chunk_of(victim)} is stale"


IN_QDRANT = [
    lose_point,
    plant_orphan_in_a_shard,
    plant_orphan_without_shard,
    plant_orphan_of_another_shard_count,
    change_text_and_keep_digest,
    change_groups_and_keep_digest,
    write_old_digest,
    lose_payload,
    replace_vector,
]


def test_a_sound_generation_has_no_faults(built: Project) -> None:
    table = built.check()
    assert (table.faults, table.chunks, table.points, table.keyword_rows, table.vectors) == ((), 18, 18, 18, 18)


@pytest.mark.parametrize("plant", IN_QDRANT)
def test_a_fault_in_qdrant_is_found_and_named(built: Project, plant: Callable[[Project], str]) -> None:
    fault = plant(built)
    assert built.check().faults == (fault,)
    assert built.check().faults == (fault,)  # a check changes nothing


@pytest.mark.parametrize("plant", IN_QDRANT)
def test_a_fault_in_qdrant_is_mended_once_and_then_gone(built: Project, plant: Callable[[Project], str]) -> None:
    plant(built)
    mended = built.check(mending=True)
    assert (mended.faults, mended.mended, mended.points) == ((), 1, 18)
    after = built.check()
    assert (after.faults, after.mended) == ((), 0)


def test_the_next_run_mends_all_faults_of_qdrant_and_embeds_nothing(built: Project) -> None:
    for plant in (lose_point, plant_orphan_in_a_shard, write_old_digest, plant_orphan_without_shard):
        plant(built)
    report = built.run()
    assert report.conservation is not None
    assert report.conservation.faults == ()
    assert report.conservation.mended >= 3
    assert (report.embedded, built.gets(), built.check().faults) == (0, {}, ())


def test_a_fault_that_comes_back_after_mending_refuses(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = lose_point(built)
    monkeypatch.setattr(built.vectors, "upsert", lambda collection, points: None)
    with pytest.raises(IncompleteGeneration, match=fault):
        built.run()


def with_part(contents: Contents, shard: int, kind: str, table: pa.Table) -> Contents:
    """Return contents in which one shard has another part of a kind, as a wrong writer would have left it."""
    part = contents.lake.write_part(kind, shard, table)
    parts = contents.parts
    return replace(contents, parts=lambda s: {**parts(s), kind: part} if s == shard else parts(s))


def full_shard(contents: Contents) -> int:
    return next(s for s in contents.shards if contents.parts(s)["chunks"].rows)


def test_a_lost_chunk_row_is_named_and_its_point_is_not_deleted(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    table = contents.lake.read(contents.parts(shard)["chunks"])
    lost = chunk_rows(table)[0].chunk_id
    faults = built.check(with_part(contents, shard, "chunks", table.slice(1)), mending=True).faults
    assert f"point {point_id(lost)} is an orphan: no chunk of this generation has it" in faults
    assert f"keyword row of chunk {lost} belongs to no chunk" in faults
    assert any(fault.startswith("document file://") and "chunks with digest" in fault for fault in faults)
    assert point_id(lost) in built.vectors.retrieve(collection(built), [point_id(lost)])


def test_a_chunk_row_with_another_text_is_found(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    chunks = contents.lake.read(contents.parts(shard)["chunks"])
    texts = chunks["text"].to_pylist()
    column = pa.array(["other words", *texts[1:]], chunks.schema.field("text").type)
    wrong = chunks.set_column(chunks.schema.get_field_index("text"), "text", column)
    (fault,) = built.check(with_part(contents, shard, "chunks", wrong)).faults
    victim = chunk_rows(chunks)[0]
    assert fault == f"point {point_id(victim.chunk_id)} of chunk {victim.chunk_id} is stale"


def test_a_lost_document_row_is_named(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    table = contents.lake.read(contents.parts(shard)["documents"])
    lost = document_rows(table)[0]
    faults = built.check(with_part(contents, shard, "documents", table.slice(1))).faults
    assert f"document {lost.uri}: planned as unchanged, neither indexed nor in quarantine" in faults
    assert f"document id {lost.document_id}: rows in documents, texts and chunks do not agree" in faults


def test_a_lost_text_is_named(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    table = contents.lake.read(contents.parts(shard)["texts"])
    lost = table["document_id"][0].as_py()
    (fault,) = built.check(with_part(contents, shard, "texts", table.slice(1))).faults
    assert fault == f"document id {lost}: rows in documents, texts and chunks do not agree"


def test_attributes_that_let_others_see_a_chunk_are_found(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    rows = contents.lake.read(contents.parts(shard)["attributes"]).to_pylist()
    rows[1]["acl"] = ["everybody"]
    schema = contents.lake.read(contents.parts(shard)["attributes"]).schema
    (fault,) = built.check(with_part(contents, shard, "attributes", pa.Table.from_pylist(rows, schema))).faults
    assert fault.startswith(f"attributes of chunk {rows[1]['chunk_id']}: the row is ")


def with_keyword_rows(contents: Contents, order: Callable[[pa.Table], pa.Table]) -> Contents:
    lengths = order(contents.lake.read(contents.keyword["keyword.lengths"]))
    part = contents.lake.write_part("keyword.lengths", None, lengths)
    keyword: dict[str, PartFile] = {**contents.keyword, "keyword.lengths": part}
    return replace(contents, keyword=keyword)


def all_chunks(contents: Contents) -> list[Chunk]:
    return [c for s in contents.shards for c in chunk_rows(contents.lake.read(contents.parts(s)["chunks"]))]


def test_a_lost_keyword_row_is_named(built: Project) -> None:
    contents = built.contents()
    lost = all_chunks(contents)[4].chunk_id
    without = with_keyword_rows(contents, lambda rows: pa.concat_tables([rows.slice(0, 4), rows.slice(5)]))
    table = built.check(without, mending=True)
    assert f"keyword row of chunk {lost} is lost" in table.faults
    assert (table.keyword_rows, table.mended) == (17, 0)


def test_keyword_rows_in_another_order_are_found(built: Project) -> None:
    contents = built.contents()
    third = all_chunks(contents)[3].chunk_id
    swapped = [0, 1, 2, 4, 3, *range(5, 18)]
    faults = built.check(with_keyword_rows(contents, lambda rows: rows.take(swapped))).faults
    assert f"keyword row of chunk {third} stands in another place" in faults


def test_an_extra_keyword_row_is_named(built: Project) -> None:
    contents = built.contents()
    twice = with_keyword_rows(contents, lambda rows: pa.concat_tables([rows, rows.slice(2, 1)]))
    extra = all_chunks(contents)[2].chunk_id
    assert f"keyword row of chunk {extra} belongs to no chunk" in built.check(twice).faults


def test_a_run_refuses_a_generation_with_a_damaged_lake(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = built.contents()
    broken = with_keyword_rows(contents, lambda rows: rows.slice(1))
    monkeypatch.setattr("ingest.pipeline.collections.contents_of", lambda lake, manifest: broken)
    lost = all_chunks(contents)[0].chunk_id
    with pytest.raises(IncompleteGeneration, match=f"keyword row of chunk {lost} is lost"):
        built.run()


def test_a_lost_vector_is_named_by_its_key(built: Project) -> None:
    contents = built.contents()
    key = all_chunks(contents)[0].embedding_key
    faults = built.check(replace(contents, model_fingerprint="another")).faults
    assert f"embedding key {key}: no vector in the store" in faults


def test_a_vector_that_is_not_normalised_is_found(built: Project) -> None:
    contents = built.contents()
    chunk = all_chunks(contents)[0]
    services = built.services()
    wrong = replace(contents, model_fingerprint="f" * 64)
    store = services.bench.lake.embeddings("f" * 64)
    keys = [c.embedding_key for c in all_chunks(contents)]
    vectors = built.embedder.embed([c.text for c in all_chunks(contents)])
    vectors[0] *= 2
    store.add(keys, vectors, "test", "token")
    faults = built.check(wrong).faults
    assert any(f.startswith(f"chunk {chunk.chunk_id}: its vector has norm 2.0") for f in faults)


def test_points_are_made_from_stored_vectors_in_row_order(built: Project) -> None:
    contents = built.contents()
    shard = full_shard(contents)
    rows = rows_of(contents, shard)
    maker = PointMaker.of(contents)
    made = maker.points(maker.wanted(rows, shard), shard)
    assert [point.id for point in made] == [point_id(chunk.chunk_id) for chunk, _ in rows]


def test_the_table_is_data_and_adds_up(built: Project) -> None:
    table: Conservation = built.check()
    assert sum(table.listed.values()) == 6
    assert sum(table.documents.values()) == 6


def test_more_faults_than_the_limit_are_counted(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.pipeline.inspection.MAX_FAULTS", 3)
    built.vectors.delete(collection(built), [p.id for p in built.vectors.scroll(collection(built), EVERYTHING)])
    faults = built.check().faults
    assert (len(faults), faults[-1]) == (4, "and 15 more")
