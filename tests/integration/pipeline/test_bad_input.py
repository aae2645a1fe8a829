"""Hostile and odd documents: each is indexed correctly or quarantined with its own reason, and the run goes on."""

from pathlib import Path

import pytest

from ingest.errors import SourceUnavailable
from ingest.lake.rows import document_rows
from ingest.records import EVERYTHING
from ingest.search import open_serving
from tests.pipelines import MEBI, Project, document, project

JUNK = bytes(range(256)) * 8


def indexed(p: Project) -> set[str]:
    contents = p.contents()
    return {d.path for s in contents.shards for d in document_rows(p.lake.read(contents.parts(s)["documents"]))}


def top(p: Project, question: str) -> str:
    (answer,) = open_serving(p.retrieval()).search([question], EVERYTHING, top=1)
    return answer.results[0].path


BAD = {
    "empty.md": (b"", "EmptyDocument"),
    "blank.md": (b" \n\n\t\n", "EmptyDocument"),
    "junk.md": (JUNK, "UnsupportedFormat|MalformedDocument"),
    "one-line.txt": (b"x" * 30 * MEBI, "OversizedDocument"),
    "unknown.xyz": (JUNK, "UnsupportedFormat"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + JUNK, "UnsupportedFormat"),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that ran once over bad and good documents."""
    p = project(tmp_path_factory.mktemp("bad"), documents=3)
    for path, (data, _) in BAD.items():
        p.source.write(path, data)
    p.run()
    return p


@pytest.mark.parametrize("path", BAD)
def test_a_bad_document_is_quarantined_with_its_own_reason(bad: Project, path: str) -> None:
    row = bad.quarantined()[path]
    assert row.error in BAD[path][1].split("|")
    assert path in row.message
    assert row.stage in ("read", "parse", "chunk")


def test_reasons_differ_and_good_documents_are_indexed(bad: Project) -> None:
    assert set(bad.quarantined()) == set(BAD)
    assert indexed(bad) == {"d00.md", "d01.md", "d02.md"}
    assert len({row.message for row in bad.quarantined().values()}) == len(BAD)


def test_known_bad_versions_are_not_tried_again_and_the_check_holds(bad: Project) -> None:
    report = bad.run()
    assert (report.built, bad.gets()) == (False, {})
    assert report.conservation is not None
    assert (report.conservation.listed["quarantined"], report.conservation.listed["unchanged"]) == (6, 3)
    assert report.conservation.faults == ()


def test_an_oversized_document_is_not_read(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    p.source.write("big.md", b"# Title\n\n" + b"x" * (MEBI + 1))
    p.run()
    assert p.quarantined()["big.md"].stage == "read"


def test_invalid_utf8_is_indexed_or_quarantined_and_never_lost(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    p.source.write("latin.md", "# Caf\xe9\n\nLes \xe9l\xe8ves mangent du g\xe2teau.\n".encode("latin-1"))
    p.source.write("cut.md", "# Title\n\nA zebra and \u20ac".encode()[:-1])
    report = p.run()
    assert indexed(p) | set(p.quarantined()) == {"d00.md", "latin.md", "cut.md"}
    assert report.conservation is not None
    assert report.conservation.faults == ()


ODD_NAMES = [
    "with space.md",
    "hash#1.md",
    "per%cent.md",
    "per%20cent.md",
    "question?.md",
    "plus+and&.md",
    "\U0001f600 emoji.md",
    "ümläut.md",
    "Case.md",
    "case.md",
    "line\nbreak.md",
    "deep/er/back\\slash.md",
]


def test_odd_names_are_indexed_under_ids_of_their_own(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    for n, name in enumerate(ODD_NAMES):
        p.source.write(name, f"# Page\n\nThe odd word is oddword{n}x.\n")
    report = p.run()
    assert p.quarantined() == {}
    assert len(indexed(p)) == len(ODD_NAMES) + 1
    assert report.conservation is not None
    assert report.conservation.faults == ()
    for n, name in enumerate(ODD_NAMES):
        if "\n" not in name:  # a path is shown with it made visible
            assert top(p, f"oddword{n}x") == name
    assert (p.run().built, p.gets()) == (False, {})


def test_documents_with_equal_content_are_both_found(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    p.source.write("a.md", "# Same\n\nThe very same words of both.\n")
    p.source.write("b.md", "# Same\n\nThe very same words of both.\n")
    report = p.run()
    (answer,) = open_serving(p.retrieval()).search(["very same words"], EVERYTHING, top=2)
    assert {r.path for r in answer.results} == {"a.md", "b.md"}
    assert report.conservation is not None
    assert report.conservation.chunks == report.conservation.points


def test_a_document_deleted_between_list_and_get_is_changed_during_the_run(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4)
    p.source.before_read = lambda ref: p.source.delete("d02.md") if ref.path == "d02.md" else None
    report = p.run()
    assert report.conservation is not None
    assert report.conservation.listed["changed_during_run"] == 1
    assert (report.conservation.faults, p.quarantined()) == ((), {})
    assert indexed(p) == {"d00.md", "d01.md", "d03.md"}
    p.source.before_read = lambda ref: None
    assert (p.run().decision, indexed(p)) == ("unchanged", {"d00.md", "d01.md", "d03.md"})


def test_a_document_edited_between_list_and_get_keeps_its_version_of_the_base(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4)
    p.run()
    p.source.write("d02.md", document(2, edition=2))
    p.source.before_read = lambda ref: p.source.write("d02.md", document(2).replace("word2x0x0", "pangolin"))
    report = p.run()
    assert report.conservation is not None
    assert (report.conservation.listed["changed_during_run"], report.conservation.documents["carried"]) == (1, 1)
    assert top(p, "word2x0x0") == "d02.md"
    p.source.before_read = lambda ref: None
    p.run()
    assert (p.gets(), top(p, "pangolin")) == ({"d02.md": 1}, "d02.md")


def test_a_source_that_answers_at_the_second_attempt_costs_one_shard_twice(tmp_path: Path) -> None:
    p = project(tmp_path, documents=3, documents_per_shard=100)
    failures = iter([True])

    def fail_once(ref: object) -> None:
        if next(failures, False):
            raise SourceUnavailable("reset by peer")

    p.source.before_read = fail_once
    assert p.run().decision == "promoted"
    assert p.gets()["d00.md"] == 2  # the others may have been read ahead before it failed, once
    assert set(p.gets()) == {"d00.md", "d01.md", "d02.md"}
    assert max(p.gets().values()) == 2


def test_a_source_that_stays_away_stops_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6, documents_per_shard=1)

    def fail(ref: object) -> None:
        if sum(p.gets().values()) >= 4:
            raise SourceUnavailable("down")

    p.source.before_read = fail
    with pytest.raises(SourceUnavailable, match="down"):
        p.run()
    failed = {path for path, gets in p.gets().items() if gets == 2}
    p.source.before_read = lambda ref: None
    assert p.run().decision == "promoted"
    assert (p.gets(), len(failed)) == (dict.fromkeys(failed, 1), 3)  # what was read is not read again, all else is
