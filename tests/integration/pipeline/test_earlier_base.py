"""A base whose rows hold the fingerprints of before each parser had its own is built upon; its documents are read."""

from pathlib import Path

import pytest

from ingest.lake.rows import document_rows
from ingest.pipeline.fingerprints import Fingerprints
from tests.many_parsers import HTML, OTHERS, built_project, reread
from tests.pipelines import Project

TEXT = "1cc1711fa760fe5260b702250d3ac33d30840d371f7dfc7ca213f0921acc7eb5"  # of sources with the default options


@pytest.fixture
def built(tmp_path: Path) -> Project:
    """A project whose newest release was built when there was one fingerprint."""
    with pytest.MonkeyPatch.context() as then:
        then.setattr(Fingerprints, "text", lambda *_: TEXT)
        p = built_project(tmp_path)
    assert {TEXT} == recorded(p)
    return p


def recorded(p: Project) -> set[str]:
    """Return the fingerprints that the documents of the newest release have."""
    contents = p.contents()
    rows = (row for s in contents.shards for row in document_rows(p.lake.read(contents.parts(s)["documents"])))
    return {row.parser_fingerprint for row in rows}


def test_a_fingerprint_of_before_parsers_had_their_own_is_read_again_once(built: Project) -> None:
    assert (HTML | OTHERS) - {"broken.html", "broken.md", "unknown.org"} == reread(built)
    assert TEXT not in recorded(built)
    assert set() == reread(built)
