"""The whole story with its lake on S3: build, promote, nothing to do, resume with a new cache."""

from pathlib import Path

import pytest
import stamina

from ingest.adapters.stores.s3_store import RangedFile, S3Store
from ingest.errors import SchemaMismatch, StoreUnavailable
from ingest.lake.lake import Lake
from ingest.records import Filter
from ingest.search import open_serving
from tests.pipelines import Project, project
from tests.s3_server import aws_environment, make_bucket, refuse, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]


def test_a_lake_on_s3_carries_a_release_and_a_second_machine_reads_it(tmp_path: Path, s3_server, make_bucket) -> None:
    options, uri = s3_server.options(), f"s3://{make_bucket()}/lake"
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.store = S3Store(uri, options, tmp_path / "cache", 2**30, 2**26)
    first = p.run()
    second = p.run()
    assert ("promoted", "unchanged", 0) == (first.decision, second.decision, second.embedded)
    p.store = S3Store(uri, options, tmp_path / "another-cache", 2**30, 2**26)
    (answer,) = open_serving(p.retrieval()).search(["word3x1x0"], Filter(), top=1)
    assert "d03.md" == answer.results[0].path


def test_a_search_reads_large_keyword_files_in_parts_and_answers_alike(tmp_path: Path, s3_server, make_bucket) -> None:
    options, uri = s3_server.options(), f"s3://{make_bucket()}/lake"
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.store = S3Store(uri, options, tmp_path / "cache", 2**30, 2**26)
    p.run()
    answers = []
    for name, limit in (("copied", 2**30), ("parts", 0)):
        p.store = S3Store(uri, options, tmp_path / name, 2**30, limit)
        s3_server.requests.clear()
        answers.append(
            open_serving(p.retrieval()).search(["word3x1x0", "word2x0x1"], Filter(), top=3, stages=("bm25",))
        )
        assert any("range" in request.headers for request in s3_server.requests) == (limit == 0)
    assert answers[0] == answers[1]


def test_files_of_before_pages_had_checksums_are_copied_and_a_damaged_footer_is_refused(
    tmp_path: Path, s3_server, make_bucket
) -> None:
    options, uri = s3_server.options(), f"s3://{make_bucket()}/lake"
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.store = S3Store(uri, options, tmp_path / "cache", 2**30, 2**26)
    p.run()
    p.store = S3Store(uri, options, tmp_path / "parts", 2**30, 0)
    lake = Lake(p.store, "docs")
    (part,) = (part for part in p.manifest().parts if part.kind == "keyword.postings" and part.shard is None)
    with pytest.raises(SchemaMismatch, match=f"its footer is damaged: SHA-256 .*, not {'0' * 64}"):
        lake.part_file(part.model_copy(update={"footer": "0" * 64}))
    file = lake.part_file(part)
    assert isinstance(file, RangedFile)
    file.close()
    assert isinstance(lake.part_file(part.model_copy(update={"footer": ""})), Path)


def test_storage_that_fails_while_a_search_reads_in_parts_is_told(tmp_path: Path, s3_server, make_bucket) -> None:
    options, uri = s3_server.options(), f"s3://{make_bucket()}/lake"
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.store = S3Store(uri, options, tmp_path / "cache", 2**30, 2**26)
    p.run()
    p.store = S3Store(uri, options, tmp_path / "parts", 2**30, 0)
    s3_server.plan(refuse("503 Slow Down", "SlowDown"), method="GET", text=".parquet", times=99)
    with stamina.set_testing(True, attempts=3, cap=True), pytest.raises(StoreUnavailable, match="SlowDown"):
        open_serving(p.retrieval())


@pytest.fixture
def cached(tmp_path: Path, s3_server, make_bucket) -> Project:
    """Return a project that has run, with its lake on S3 and a local cache."""
    p = project(tmp_path, documents=4, documents_per_shard=3)
    p.store = S3Store(f"s3://{make_bucket()}/lake", s3_server.options(), tmp_path / "cache", 2**30, 2**26)
    p.run()
    return p


def flip(data: bytes) -> bytes:
    return data[:40] + bytes([data[40] ^ 1]) + data[41:]


def test_damaged_copies_in_the_local_cache_are_fetched_again(cached: Project, tmp_path: Path) -> None:
    copies = [path for path in (tmp_path / "cache").iterdir() if path.is_file()]
    for copy in copies:
        copy.write_bytes(flip(copy.read_bytes()))
    report = cached.run()
    assert ("unchanged", ()) == (report.decision, report.healed)
    assert 5 < len(copies)


@pytest.mark.parametrize("kind", ["texts", "chunks", "duplicates", "segment"])
def test_what_s3_holds_damaged_is_made_again_by_a_machine_without_copies(
    cached: Project, tmp_path: Path, kind: str, s3_server
) -> None:
    manifest, uri = cached.manifest(), cached.store.uri
    parts = {
        part.kind: f"docs/data/{part.sha256}.parquet" for part in manifest.parts if part.rows or part.shard is None
    }
    segments = [name for names in manifest.segments.values() for name in names]
    key = parts.get(kind, f"embeddings/{manifest.model.fingerprint}/segments/{segments[0]}.parquet")
    cached.store.put(key, flip(cached.store.get(key) or b""))
    cached.store = S3Store(uri, s3_server.options(), tmp_path / "another", 2**30, 2**26)
    assert any(kind in told for told in cached.run().healed)
    cached.store = S3Store(uri, s3_server.options(), tmp_path / "third", 2**30, 2**26)
    report = cached.run()
    assert ("unchanged", ()) == (report.decision, report.healed)


def test_what_only_s3_lost_comes_back_from_the_local_copy(cached: Project) -> None:
    keys = [f"docs/data/{part.sha256}.parquet" for part in cached.manifest().parts]
    for key in keys:
        cached.store.delete(key)
    report = cached.run()
    assert ("unchanged", ()) == (report.decision, report.healed)
    assert {*keys} <= {key for key, *_ in cached.store.walk()}
