"""What a run asks of a lake on S3: each record once, each part file up and never down again, in all a few per shard."""

import re
from collections import Counter
from pathlib import Path

import pytest

from ingest.adapters.stores.s3_store import S3Store
from ingest.pipeline import tasks
from tests.pipelines import Project, document, project
from tests.s3_server import FaultyS3, aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]

SHARDS = 16
MOST_PER_SHARD = 40  # reads, writes and looks, without those of documents
MOST_LOOKS_PER_SHARD = 5  # for what was revoked meanwhile
MOST_PER_SLICE = 16  # more, when the documents of a shard are cut into slices
RECORD = re.compile(r"/(generations|profiles|verdicts|releases|leases|index)/.*\.json")


@pytest.fixture
def p(tmp_path: Path, s3_server: FaultyS3, make_bucket) -> Project:
    made = project(tmp_path, documents=4 * SHARDS, documents_per_shard=4)
    made.store = S3Store(f"s3://{make_bucket()}/lake", s3_server.options(), tmp_path / "cache", 2**30, 2**26)
    return made


def test_a_cold_run_asks_a_bounded_number_of_times_per_shard(p: Project, s3_server: FaultyS3) -> None:
    p.run()
    assert SHARDS == len(p.manifest().segments)
    assert MOST_PER_SHARD >= len(s3_server.requests) / SHARDS


def test_a_slice_asks_a_bounded_number_of_times(
    tmp_path: Path, s3_server: FaultyS3, make_bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, count = [], 8
    for limit in (count, 1):
        monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", limit)
        made = project(tmp_path, documents=count, documents_per_shard=100)
        made.store = S3Store(f"s3://{make_bucket()}/lake", s3_server.options(), tmp_path / f"{limit}", 2**30, 2**26)
        s3_server.forget()
        made.run()
        asked.append(len(s3_server.requests))
    assert 0 < asked[1] - asked[0] <= MOST_PER_SLICE * count


def test_a_cold_run_reads_back_nothing_that_it_wrote(p: Project, s3_server: FaultyS3) -> None:
    p.run()
    read = Counter(r.target for r in s3_server.requests if r.method == "GET")
    assert [] == [target for target in read if target.endswith(".parquet") or "/plan/" in target]
    markers = Counter(target.split("/")[-2] for target in read.elements() if "/markers/" in target)
    assert {"chunk": SHARDS, "embed": SHARDS, "keyword": SHARDS, "load": SHARDS, "duplicates": 3} == markers


def test_an_unchanged_run_reads_each_record_at_most_once(p: Project, s3_server: FaultyS3) -> None:
    p.run()
    s3_server.forget()
    assert "unchanged" == p.run().decision
    read = Counter(r.target for r in s3_server.requests if r.method == "GET" and RECORD.search(r.target))
    assert 3 < len(read)
    twice = [target for target, n in read.items() if n > 1]
    there = {key for key, *_ in p.store.walk()}
    assert [] == [target for target in twice if target.partition("/lake/")[2] in there]  # else: asked whether new


def test_a_run_looks_a_few_times_per_shard_for_what_was_revoked_meanwhile(p: Project, s3_server: FaultyS3) -> None:
    p.run()
    s3_server.forget()
    p.source.write("d00.md", document(0, edition=2))
    assert "promoted" == p.run().decision
    looks = [r for r in s3_server.requests if r.method == "GET" and "/decisions/" in r.target]
    assert SHARDS < len(looks) <= MOST_LOOKS_PER_SHARD * SHARDS


def test_a_run_after_a_crash_reads_each_marker_once(p: Project, s3_server: FaultyS3, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(p.vectors, "optimise", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            p.run()
    s3_server.forget()
    assert "promoted" == p.run().decision
    read = Counter(r.target for r in s3_server.requests if r.method == "GET" and "/markers/" in r.target)
    assert 4 * SHARDS + 1 == len(read)
    assert {1} == {n for target, n in read.items() if "duplicates" not in target}
