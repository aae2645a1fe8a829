"""Which places sources may hold, and what of them is left out by itself."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.s3_client import open_client
from ingest.errors import InvalidSettings
from ingest.ports import Source
from ingest.settings import make_settings
from ingest.wiring.service_opening import open_sources
from tests.s3_server import WSGI, FaultyS3, aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]


def opened(folder: Path, uri: str, lake: str, **more: Any) -> Source:
    source = {"name": "docs", "uri": uri, "default_excludes": False, **more.pop("source", {})}
    settings = make_settings({"lake": lake, "indexes": {"docs": {"sources": [source]}}, **more}, folder)
    (found,) = open_sources(settings, settings.indexes["docs"])
    return found


def listed(source: Source) -> tuple[list[str], dict[str, int]]:
    return sorted(ref.path for ref in source.list()), dict(source.left_out)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose lake and state lie beside its documents."""
    for name in ("a.md", "lake/docs/data/x.parquet", ".ingest/qdrant/x.md", "lakes.md", "sub/lake/b.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("words")
    return tmp_path


def test_the_lake_and_the_state_folder_are_left_out_of_a_source_that_holds_them(folder: Path) -> None:
    found = listed(opened(folder, ".", "lake"))
    assert (["a.md", "lakes.md", "sub/lake/b.md"], {"the lake and the state folder": 2}) == found


def test_links_on_the_way_change_nothing(folder: Path) -> None:
    (folder / "docs").symlink_to(".", target_is_directory=True)
    (folder.parent / "current").unlink(missing_ok=True)
    (folder.parent / "current").symlink_to(folder)
    found = listed(opened(folder, "docs", str(folder.parent / "current" / "lake")))
    assert ["a.md", "lakes.md", "sub/lake/b.md"] == found[0]


def test_a_lake_under_the_prefix_of_a_source_is_left_out(
    folder: Path, s3_server: Any, make_bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.adapters.s3_client import open_client

    bucket, options = make_bucket(versioned=False), s3_server.options()
    client = open_client(options)
    for key in ("docs/a.md", "docs/lake/docs/data/x.parquet", "docs/lakes.md", "other/b.md"):
        client.put_object(Bucket=bucket, Key=key, Body=b"words")
    s3 = options.model_dump(exclude_unset=True)
    found = listed(opened(folder, f"s3://{bucket}/docs", f"s3://{bucket}/docs/lake/", s3=s3))
    assert (["a.md", "lakes.md"], {"the lake and the state folder": 1}) == found


@pytest.mark.parametrize(
    ("uri", "lake", "key"),
    [
        ("lake", "lake", "lake"),
        ("lake/docs", "lake", "lake"),
        (".ingest/cache", "lake", "state"),
        ("s3://bucket/lake/docs", "s3://bucket/lake", "lake"),
        ("s3://bucket/lake", "s3://bucket/lake/", "lake"),
    ],
)
def test_a_source_inside_the_lake_or_the_state_folder_is_refused(folder: Path, uri: str, lake: str, key: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"source docs \(.*\) lies in the folder of `{key}` \("):
        opened(folder, uri, lake)


def test_default_excludes_hold_unless_the_source_switches_them_off(folder: Path) -> None:
    (folder / ".env").write_text("PASSWORD=hunter2")
    assert ".env" not in listed(opened(folder, ".", "lake", source={"default_excludes": True}))[0]
    assert ".env" in listed(opened(folder, ".", "lake"))[0]


@pytest.mark.parametrize(("concurrent", "readers"), [(8, 32), (30, 120)])
def test_the_pool_of_a_bucket_has_a_connection_for_every_reader(
    s3_server: FaultyS3,
    make_bucket: Callable[..., str],
    tmp_path: Path,
    concurrent: int,
    readers: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bucket, met = make_bucket(), threading.Barrier(readers, timeout=30)
    open_client(s3_server.options()).put_object(Bucket=bucket, Key="a.md", Body=b"words")
    sources = [{"name": "docs", "uri": f"s3://{bucket}"}]
    told = {"lake": "lake", "s3": {"endpoint_url": s3_server.url, "region": "us-east-1"}}
    settings = make_settings(
        {**told, "indexes": {"docs": {"sources": sources, "concurrent_reads": concurrent}}}, tmp_path
    )
    (source,) = open_sources(settings, settings.indexes["docs"])
    (ref,) = source.list()

    def together(app: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        met.wait()
        return app(environ, start_response)

    s3_server.plan(together, text="a.md", times=readers)
    with ThreadPoolExecutor(readers) as pool:
        assert [b"words"] * readers == [raw.data for raw in pool.map(source.read, [ref] * readers) if raw]
    assert [] == [record.getMessage() for record in caplog.records if "pool" in record.getMessage()]
