"""Part files named by content, records that are written once, and readers that refuse what they do not know."""

from dataclasses import dataclass, field

import pyarrow as pa
import pytest

import ingest.lake.lake
from ingest.errors import DamagedFile, SchemaMismatch, UnknownReaderFormat
from ingest.lake.lake import Lake
from ingest.lake.rows import SCHEMAS, table_of
from ingest.records import (
    READER_FORMAT,
    Claim,
    Manifest,
    Marker,
    ModelRecord,
    PartFile,
    PlanSummary,
    Probe,
    Quarantined,
    QueryProfile,
    ShardPlan,
)
from tests.fakes import InMemoryStore


@dataclass
class CountingStore(InMemoryStore):
    """Counts whole files written."""

    files: list[str] = field(default_factory=list)

    def __init__(self) -> None:
        super().__init__()
        self.files = []

    def put_file(self, key, path, *, read_soon=False) -> None:
        self.files.append(key)
        super().put_file(key, path)


@pytest.fixture
def lake() -> Lake:
    return Lake(CountingStore(), "docs")


def failure(n: int) -> pa.Table:
    return table_of("quarantine", [Quarantined(f"uri{n}", "a", "v", "parse", "EmptyDocument", "why", "print")])


def summary(generation: str = "g1", **counts: int) -> PlanSummary:
    return PlanSummary(
        generation=generation,
        base=None,
        shards={0: "h"},
        counts=counts,
        bytes_to_fetch=0,
        chunks_to_embed=0,
        tokens_to_embed=0,
        gpu_minutes=0,
        needs_generation=True,
    )


def manifest(**changes: object) -> Manifest:
    values = dict(
        index="docs",
        generation="g1",
        base=None,
        collection="docs__g1",
        shards=1,
        parts=(),
        segments={},
        counts={},
        settings={},
        settings_hash="s",
        fingerprints={},
        analyser={},
        digest="d",
        model=ModelRecord(kind="hashing", name="h", fingerprint="f", dimension=4, max_tokens=9),
        probe=Probe(question="q", vector=(1.0,)),
    )
    return Manifest.model_validate({**values, **changes})


def test_the_same_rows_are_one_file_also_where_it_is_damaged(lake: Lake) -> None:
    first = lake.write_part("quarantine", 0, failure(1))
    lake.store.values[f"docs/data/{first.sha256}.parquet"] = b"damaged"
    assert lake.write_part("quarantine", 0, failure(1)) == first
    assert set(lake.store.files) == {f"docs/data/{first.sha256}.parquet"}
    assert lake.read(first).num_rows == 1


def test_other_rows_are_another_file(lake: Lake) -> None:
    assert lake.write_part("quarantine", 0, failure(1)).sha256 != lake.write_part("quarantine", 0, failure(2)).sha256


def test_a_part_comes_back_and_its_columns_can_be_chosen(lake: Lake) -> None:
    part = lake.write_part("quarantine", 3, failure(1))
    assert (part.kind, part.shard, part.rows) == ("quarantine", 3, 1)
    assert lake.read(part).equals(failure(1))
    assert lake.read(part, ["uri"]).to_pylist() == [{"uri": "uri1"}]


def test_a_part_of_another_kind_is_refused(lake: Lake) -> None:
    part = lake.write_part("documents", 0, failure(1))
    with pytest.raises(SchemaMismatch, match=r"columns .*, not .*document_id"):
        lake.read(part)


def test_a_part_with_another_size_is_refused(lake: Lake) -> None:
    part = lake.write_part("quarantine", 0, failure(1))
    lake.store.values[f"docs/data/{part.sha256}.parquet"] += b"x"
    with pytest.raises(SchemaMismatch, match=f"its bytes are damaged: SHA-256 .*, not {part.sha256}"):
        lake.read(part)


def test_a_part_that_is_gone_is_told(lake: Lake) -> None:
    part = PartFile(kind="chunks", shard=0, rows=0, sha256="0" * 64, bytes=1)
    with pytest.raises(SchemaMismatch, match="no such key"):
        lake.read(part)


def test_the_first_marker_counts_and_the_loser_adopts_it(lake: Lake) -> None:
    first = Marker(step="chunk", shard=1, plan_hash="h", counts={"chunks": 1})
    second = first.model_copy(update={"counts": {"chunks": 2}})
    assert lake.mark("g1", first) == first
    assert lake.mark("g1", second) == first
    assert lake.marker("g1", "chunk", 1, "h") == first
    assert lake.marker("g1", "embed", 1, "h") is None
    assert lake.marker("g1", "chunk", 1, "other plan") is None


def test_a_shard_plan_is_found_by_its_hash(lake: Lake) -> None:
    plan = ShardPlan(shard=2, documents=(), deleted=("d",), steps=("chunk",), base_parts=())
    assert lake.shard_plan("g1", 2, lake.write_shard_plan("g1", plan)) == plan
    with pytest.raises(SchemaMismatch, match=r"plan/2-nothing\.json is missing"):
        lake.shard_plan("g1", 2, "nothing")


def test_a_frozen_plan_does_not_change(lake: Lake) -> None:
    assert lake.plan("g1") is None
    lake.freeze_plan(summary(listed=1))
    lake.freeze_plan(summary(listed=2))
    assert lake.plan("g1") == summary(listed=1)


def test_a_seal_is_never_rewritten(lake: Lake) -> None:
    lake.seal(manifest(digest="first"))
    lake.seal(manifest(digest="second"))
    assert lake.manifest("g1") == manifest(digest="first")
    assert lake.manifest("g2") is None


def test_a_newer_reader_format_is_refused(lake: Lake) -> None:
    lake.seal(manifest(format=READER_FORMAT + 1))
    with pytest.raises(UnknownReaderFormat, match=f"reader format {READER_FORMAT + 1}, this version reads"):
        lake.manifest("g1")


def test_profiles_are_named_by_their_content(lake: Lake) -> None:
    name = lake.write_named(QueryProfile(depth=7))
    assert name == lake.write_named(QueryProfile(depth=7)) != lake.write_named(QueryProfile(depth=8))
    assert lake.profile(name) == QueryProfile(depth=7)
    with pytest.raises(SchemaMismatch, match="profiles/nothing"):
        lake.profile("nothing")


def test_claims_are_not_mixed_up_with_the_folders_beside_them(lake: Lake) -> None:
    claim = Claim(id="0001-a", base=None, settings_hash="s", shards=1, token="t")
    assert lake.claims.append(1, claim)
    lake.freeze_plan(summary("0001-a"))
    assert list(lake.claims.after(0)) == [(1, claim)]
    assert lake.claims.last() == 1


def test_history_is_in_the_order_of_its_names(lake: Lake) -> None:
    lake.write_history("20260102", summary("b"))
    lake.write_history("20260101", summary("a"))
    assert lake.history() == ["20260101", "20260102"]
    assert lake.read_history(PlanSummary, "20260102") == summary("b")


def test_the_history_keeps_its_newest_records_in_each_folder(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.lake.lake, "KEPT_RUNS", 3)
    for day in range(1, 7):
        for folder in ("", "started/"):
            lake.write_history(f"{folder}2026010{day}", summary("a"))
    assert lake.history() == ["20260104", "20260105", "20260106"]
    assert lake.history("started/") == ["started/20260104", "started/20260105", "started/20260106"]


def test_a_record_that_is_not_one_is_named(lake: Lake) -> None:
    lake.store.put("docs/generations/g1/manifest.json", b'{"format": 1}')
    with pytest.raises(SchemaMismatch, match=r"g1/manifest\.json: not a Manifest: index"):
        lake.manifest("g1")


def test_two_indexes_share_nothing_but_the_store() -> None:
    store = InMemoryStore()
    one, other = Lake(store, "one"), Lake(store, "other")
    part = one.write_part("quarantine", 0, failure(1))
    assert failure(1) == one.read(part)
    with pytest.raises(DamagedFile, match="no such key"):
        other.read(part)


def test_every_kind_of_a_shard_has_a_schema() -> None:
    assert set(SCHEMAS) == {"documents", "texts", "chunks", "attributes", "quarantine", "dropped", "duplicates"}
