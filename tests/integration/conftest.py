"""The reading room: a bucket of documents on loopback, and a copy of the lake that an earlier version built of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import earlier_lakes
from tests.s3_server import FaultyS3, aws_environment, s3_server

__all__ = ["aws_environment", "s3_server"]


@pytest.fixture(params=sorted(path.name for path in earlier_lakes.LAKES.glob("lake-*")))
def name(request: pytest.FixtureRequest) -> str:
    """The name of an earlier lake."""
    return str(request.param)


@pytest.fixture
def bucket(name: str, s3_server: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[earlier_lakes.Bucket]:
    """The bucket that the lake's settings name, with the documents of its newest release."""
    monkeypatch.setenv("INGEST_S3__ENDPOINT_URL", s3_server.url)
    with earlier_lakes.open_bucket(s3_server) as opened:
        opened.fill(earlier_lakes.LAKES / name / "documents")
        s3_server.forget()
        yield opened


@pytest.fixture
def folder(name: str, bucket: earlier_lakes.Bucket, tmp_path: Path) -> Iterator[Path]:
    """A folder with the lake and its settings, on a machine whose vector index is empty."""
    with earlier_lakes.in_memory_vectors():
        yield earlier_lakes.copy_of(name, tmp_path / "room")
