"""A chunk that the model cannot embed costs its document, which is in quarantine or stands as its last good version."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.lake.rows import document_rows
from ingest.pipeline.fingerprints import ATTEMPTS
from tests.pipelines import Project, document, project
from tests.unlucky_embedder import UnluckyEmbedder

NAN = float("nan")


def unlucky(p: Project, *marks: str, salt: str = "") -> Project:
    p.embedder = UnluckyEmbedder(dict.fromkeys(marks, NAN), salt=salt)
    return p


def statuses(p: Project) -> dict[str, str]:
    contents = p.contents()
    rows = [d for s in contents.shards for d in document_rows(p.lake.read(contents.parts(s)["documents"]))]
    return {row.path: row.status for row in rows}


@pytest.mark.parametrize("fault", [NAN, 0.0, 2.0])
def test_the_document_is_quarantined_with_its_reason_and_the_rest_is_promoted(tmp_path: Path, fault: float) -> None:
    p = project(tmp_path, documents=6)
    p.embedder = UnluckyEmbedder({"word2x1x3": fault})
    report = p.run()
    row = p.quarantined()["d02.md"]
    assert (report.decision, report.quarantined) == ("promoted", {"UnembeddableDocument": 1})
    assert (row.stage, row.error, row.attempts) == ("embed", "UnembeddableDocument", 1)
    assert "d02.md" in row.message
    assert set(statuses(p)) == {f"d{n:02d}.md" for n in (0, 1, 3, 4, 5)}
    assert report.conservation is not None
    assert (report.conservation.faults, report.conservation.listed["quarantined"]) == ((), 1)


def test_what_is_left_is_what_an_index_without_the_document_holds(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path / "a", documents=6), "word2x1x3")
    digest = p.run().digest
    again = unlucky(project(tmp_path / "a", documents=6), "word2x1x3")
    assert again.run().digest == digest
    assert p.manifest().counts["chunks"] == again.manifest().counts["chunks"]


def test_the_last_good_version_stands_and_is_current_again_when_the_next_one_can_be_embedded(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=6), "edition 2")
    p.run()
    p.source.write("d02.md", document(2, edition=2))
    p.run()
    assert (statuses(p)["d02.md"], len(statuses(p)), set(p.quarantined())) == ("last_good", 6, {"d02.md"})
    p.source.write("d02.md", document(2, edition=3))
    p.run()
    assert (statuses(p)["d02.md"], p.quarantined()) == ("current", {})


def test_it_is_tried_again_a_few_times_and_then_known_bad(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=6), "word2x1x3")
    attempts = []
    for _ in range(ATTEMPTS + 1):
        report = p.run()
        attempts.append(p.quarantined()["d02.md"].attempts)
    assert (attempts, report.decision) == ([*range(1, ATTEMPTS + 1), ATTEMPTS], "unchanged")
    unlucky(p, salt="another model")
    p.run()
    assert (p.quarantined(), len(statuses(p))) == ({}, 6)


def test_tries_add_up_over_runs_that_were_not_promoted(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=6), "word2x1x3")
    tries, reads = [], []
    for n in range(ATTEMPTS + 1):
        p.source.write("other.md", document(20 + n))  # another plan: another generation
        generation = p.run(decide=lambda verdict: False).generation
        reads.append(p.gets().get("d02.md", 0))
        tries.append(p.quarantined(generation)["d02.md"].attempts)
    assert [*range(1, ATTEMPTS + 1), ATTEMPTS] == tries
    assert [1, *[0] * ATTEMPTS] == reads


def test_a_night_that_was_not_promoted_is_a_try_also_when_nothing_changed(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=6), "word2x1x3")
    tries = [
        p.quarantined(p.run(decide=lambda verdict: False).generation)["d02.md"].attempts for _ in range(ATTEMPTS + 2)
    ]
    assert [*range(1, ATTEMPTS + 1), ATTEMPTS, ATTEMPTS] == tries


def test_another_model_that_cannot_embed_a_carried_document_sets_it_aside(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.run()
    unlucky(p, "word2x1x3", salt="another model")
    report = p.run()
    assert (report.decision, set(p.quarantined()), len(statuses(p))) == ("promoted", {"d02.md"}, 5)
    assert p.gets() == {}


def test_a_last_good_version_that_a_new_model_cannot_embed_goes_too(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.run()
    p.source.write("d02.md", b"")
    p.run()
    assert statuses(p)["d02.md"] == "last_good"
    unlucky(p, "word2x1x3", salt="another model")
    report = p.run()
    assert (report.decision, p.quarantined()["d02.md"].error) == ("promoted", "EmptyDocument")
    assert "d02.md" not in statuses(p)


def test_a_document_inside_another_is_set_aside_alone(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=3), "word8x1x3")
    box = tmp_path / "box.zip"
    with ZipFile(box, "w") as file:
        for n in (7, 8, 9):
            file.writestr(f"inside{n}.md", document(n))
    p.source.write("box.zip", box.read_bytes())
    report = p.run()
    assert (report.decision, report.quarantined_children) == ("promoted", {"UnembeddableDocument": 1})
    assert {path.rpartition("/")[2] for path in statuses(p)} >= {"box.zip › inside7.md", "box.zip › inside9.md"}
    assert len(statuses(p)) == 6


def test_a_run_that_died_after_the_vectors_makes_the_same_of_it(tmp_path: Path) -> None:
    p = unlucky(project(tmp_path, documents=6), "word2x1x3")
    p.vectors.create_collection, keep = None, p.vectors.create_collection  # type: ignore[method-assign,assignment]
    with pytest.raises(TypeError):
        p.run()
    p.vectors.create_collection = keep  # type: ignore[method-assign]
    unlucky(p)  # it could embed all by now, but the first marker counts
    report = p.run()
    assert (report.resumed, report.decision, set(p.quarantined())) == (True, "promoted", {"d02.md"})
