"""A base whose rows hold the fingerprints of before each parser had its own is built upon without reading it again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.sandbox.inline_sandbox import InlineSandbox
from ingest.documents import parsers
from ingest.lake.rows import document_rows
from ingest.pipeline import fingerprints
from ingest.pipeline.fingerprints import Fingerprints
from ingest.records import ParserOptions, ScreeningPolicy
from tests.many_parsers import HTML, OTHERS, built_project, registering, reread
from tests.pipelines import Project, with_bench

TEXT = "1cc1711fa760fe5260b702250d3ac33d30840d371f7dfc7ca213f0921acc7eb5"  # of sources with the default options
FAILED = {"broken.html", "broken.md", "unknown.org", "broken-page.zip", "broken-note.zip"}  # or something inside them


@pytest.fixture(autouse=True)
def types_of_that_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No parser of today reads what none read then."""
    with registering(monkeypatch):
        monkeypatch.setattr(parsers.find("text/x-org"), "MEDIA_TYPES", ())
        parsers.media_types.cache_clear()
        yield


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose newest release was built when there was one fingerprint."""
    services = Project.services
    monkeypatch.setattr(
        Project,
        "services",
        lambda p: with_bench(services(p), sandbox=InlineSandbox({"docs": ParserOptions()})),
    )
    with monkeypatch.context() as then:
        then.setattr(Fingerprints, "text", lambda *_: TEXT)
        p = built_project(tmp_path)
    assert {TEXT} == recorded(p)
    return p


def recorded(p: Project) -> set[str]:
    """Return the fingerprints that the documents of the newest release have."""
    contents = p.contents()
    rows = (row for s in contents.shards for row in document_rows(p.lake.read(contents.parts(s)["documents"])))
    return {row.parser_fingerprint for row in rows}


def test_nothing_is_read_and_nothing_is_built_while_nothing_changed(built: Project) -> None:
    assert set() == reread(built)
    assert built.manifest() == built.manifest(built.run().generation)
    assert {TEXT} == recorded(built)


def test_a_changed_parser_rereads_its_documents(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    assert HTML == reread(built)
    assert set() == reread(built)


def test_a_new_parser_rereads_what_no_parser_read(built: Project, monkeypatch: Any) -> None:
    with registering(monkeypatch) as register:
        register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=print)
        assert {"unknown.org"} == reread(built)


def test_rows_that_are_written_again_get_the_fingerprint_of_their_parser(built: Project, monkeypatch: Any) -> None:
    built.change(screening={"docs": ScreeningPolicy(instruction="drop")})  # every chunk is made again
    assert FAILED == reread(built)
    assert TEXT not in recorded(built)
    monkeypatch.setattr(fingerprints, "earlier_texts", lambda sandbox: {})
    assert set() == reread(built)


def test_a_fingerprint_of_unknown_origin_is_read_again(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(fingerprints, "earlier_texts", lambda sandbox: {})
    assert (HTML | OTHERS) - {"broken.html", "broken.md", "unknown.org"} == reread(built)
