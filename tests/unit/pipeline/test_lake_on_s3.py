"""The whole story with its lake on S3: build, promote, nothing to do, resume with a new cache."""

from pathlib import Path

from ingest.records import Filter
from ingest.search import open_serving
from ingest.stores.s3 import S3Store
from tests.pipelines import project
from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]


def test_a_lake_on_s3_carries_a_release_and_a_second_machine_reads_it(tmp_path: Path, s3_server, make_bucket) -> None:
    options, uri = s3_server.options(), f"s3://{make_bucket()}/lake"
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.store = S3Store(uri, options, tmp_path / "cache", 2**30)
    first = p.run()
    second = p.run()
    assert ("promoted", "unchanged", 0) == (first.decision, second.decision, second.embedded)
    p.store = S3Store(uri, options, tmp_path / "another-cache", 2**30)
    (answer,) = open_serving(p.services()).search(["word3x1x0"], Filter(), top=1)
    assert "d03.md" == answer.results[0].path
