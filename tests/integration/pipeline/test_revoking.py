"""What a person revokes is found nowhere and by nobody: whatever serves, is restored, built or promoted afterwards."""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import DamagedFile, DeleteGuardTripped, IndexUnavailable, InvalidSettings
from ingest.ids import child_uri, document_id
from ingest.pipeline import revoking
from ingest.pipeline.collections import reconcile, releases_of
from ingest.pipeline.document_acts import DocumentActs
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.revoking import revoke
from ingest.pipeline.status import status_of
from ingest.records import EVERYTHING, BuildOptions, Decision, DuplicateOptions, Point, QueryProfile
from ingest.release import Candidate, Releases
from ingest.search import ContextOptions, Searcher, context_of, open_serving
from ingest.services import Retrieval
from tests.pipelines import Project, document, judged_project, project

CANARY = "quokkacanary"
PATH = f"{CANARY}.md"  # in URI, path and title too
TEXT = f"# A {CANARY} title\n\nSome words {CANARY} between others, enough for a chunk.\n\n{document(99)}"
ALL = 1000


def uri_of(p: Project, path: str = PATH) -> str:
    return f"{p.source.uri}/{path}"


def judging(p: Project) -> tuple[Retrieval, BuildOptions, Releases]:
    services = p.services()
    return services.retrieval, p.options, releases_of(services.retrieval, p.options, services.writer)


def revoked(p: Project, **about: list[str]) -> revoking.Revoked:
    services = p.services()
    return revoke(services.retrieval, services.writer, "erasure", about or {"uri": [uri_of(p)]})


def lifted(p: Project, number: int) -> Decision:
    services = p.services()
    return DocumentActs(services).unrevoke(number, why="a mistake")


def shown(searcher: Searcher, word: str = CANARY) -> bool:
    """Return whether any stage, or a context with all that may stand around its chunks, shows a word."""
    (answer,) = searcher.search([f"{word} title words"], EVERYTHING, ALL, searcher.stages)
    found = [asdict(result) for results in answer.stages.values() for result in results]
    wide = ContextOptions(10**6, neighbours=8, most=ALL)
    context = context_of(searcher, answer.results, "fused", (wide, EVERYTHING))
    candidates = searcher.candidates([word], EVERYTHING, None)
    return word in json.dumps([found, asdict(context), [asdict(r) for r in candidates[0]]])


def served(p: Project, word: str = CANARY) -> bool:
    """Return whether a reader that is opened now shows a word."""
    return shown(open_serving(p.retrieval()), word)


def held(p: Project, word: str = CANARY) -> list[str]:
    """Return the collections that have a point with a word in it."""
    return [c for c in p.vectors.collections() if any(word in str(s.payload) for s in p.vectors.scroll(c, EVERYTHING))]


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project of some shards that serves the canary."""
    made = project(tmp_path, documents=6, documents_per_shard=3)
    made.source.write(PATH, TEXT)
    made.run()
    assert served(made)
    return made


@pytest.fixture
def twice(p: Project) -> Project:
    """A project of two generations that both have the canary."""
    p.source.write("d00.md", document(0, edition=2))
    p.run()
    assert 2 == len(held(p))
    return p


def test_a_canary_is_found_at_no_step_until_it_is_lifted(twice: Project) -> None:
    p = twice
    before = open_serving(p.retrieval())
    decision = revoked(p).decision

    upsert, loaded = p.vectors.upsert, list[str]()

    def noted(collection: str, points: Sequence[Point]) -> None:
        loaded.extend(point.id for point in points if CANARY in str(point.payload))
        upsert(collection, points)

    p.vectors.upsert = noted

    def assert_gone() -> None:
        assert (False, False, [], []) == (served(p), shown(before), held(p), loaded)

    assert_gone()
    Promotion(*judging(p)).roll_back(None, "an exercise")
    assert_gone()
    lost = p.manifest().collection
    p.vectors.drop_collection(lost)
    for n in range(5):
        p.source.delete(f"d{n:02d}.md")
    with pytest.raises(DeleteGuardTripped):
        p.run()
    assert lost in p.vectors.collections()
    before = open_serving(p.retrieval())
    assert_gone()
    for n in range(5):
        p.source.write(f"d{n:02d}.md", document(n, edition=3))
    report = p.run()
    assert "waiting" == report.decision
    assert_gone()
    retrieval, options, releases = judging(p)
    assert "promoted" == Promotion(retrieval, options, releases).promote(report.generation, "looked at", True).decision
    assert_gone()
    assert report.conservation is not None
    assert (1, 0) == (report.conservation.listed["revoked"], report.conservation.revoked)
    assert "unchanged" == p.run().decision
    lifted(p, decision.number)
    assert "promoted" == p.run().decision
    assert served(p)


def test_what_was_lifted_before_another_run_is_found_again_after_it(p: Project) -> None:
    lifted(p, revoked(p).decision.number)
    assert "unchanged" == p.run().decision
    assert (True, [p.manifest().collection]) == (served(p), held(p))


def test_a_generation_that_still_has_the_rows_is_whole_without_their_points(p: Project) -> None:
    revoked(p)
    retrieval, options, releases = judging(p)
    verified, status = (
        reconcile(*judging(p)),
        status_of(p.lake, retrieval.vectors, releases, options.profile),
    )
    assert (0, ()) == (verified.mended, verified.faults)
    assert status.points == status.expected_points == verified.points
    assert status.points is not None
    assert status.points < p.manifest().counts["chunks"]


def test_documents_are_named_in_every_way(twice: Project) -> None:
    ways = {
        "uri": ({"uri": [uri_of(twice)]}, 1),
        "prefix": ({"prefix": [uri_of(twice, "quokka")]}, 1),
        "document id": ({"uri": [document_id(uri_of(twice))]}, 1),
        "source": ({"source": [twice.source.name]}, 7),
        "tenant": ({"tenant": ["public"]}, 7),
    }
    before = open_serving(twice.retrieval())
    for way, (about, count) in ways.items():
        found = revoked(twice, **about)
        assert (way, [count, count]) == (way, [*found.documents.values()])
        assert (way, False, False, []) == (way, served(twice), shown(before), held(twice))
        assert (way, count == 1) == (way, served(twice, "word1x0x0"))
        lifted(twice, found.decision.number)
        reconcile(*judging(twice))
        assert (way, True) == (way, served(twice))


def test_what_is_revoked_does_not_count_for_the_delete_guard(p: Project) -> None:
    revoked(p, prefix=[uri_of(p, f"d0{n}") for n in range(4)])
    report = p.run()
    assert "promoted" == report.decision
    assert report.conservation is not None
    assert 4 == report.conservation.listed["revoked"]
    for n in range(4):
        p.source.delete(f"d0{n}.md")
    assert "unchanged" == p.run().decision


def revoke_when(p: Project, moment: str) -> list[str]:
    """Revoke the canary once, as a step begins; return the list that then tells it."""
    told, once = p.observer.step_started, list[str]()

    def started(step: str, *rest: Any) -> None:
        told(step, *rest)
        if step == moment and not once:
            once.append(step)
            revoked(p)

    p.observer.step_started = started
    return once


@pytest.mark.parametrize("moment", ["chunk", "load", "evaluate"])
def test_a_revocation_during_a_run_holds_after_it(p: Project, moment: str) -> None:
    p.source.write(PATH, TEXT.replace("Some", "Other"))
    once = revoke_when(p, moment)
    report = p.run()
    assert ([moment], "promoted") == (once, report.decision)
    assert (False, []) == (served(p), held(p))
    found = report.conservation
    assert found is not None
    assert found.points == found.keyword_rows == found.chunks - found.collapsed - found.revoked
    assert (moment != "evaluate") == (found.revoked > 0)


def away(*_: object) -> None:
    raise IndexUnavailable("away")


def test_points_that_were_left_are_deleted_before_their_generation_is_released(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_append = list[list[str]]()
    p.source.write("d00.md", document(0, edition=2))
    with monkeypatch.context() as patched:
        patched.setattr(revoking, "delete_all_revoked", away)
        report = p.run(decide=lambda verdict: False)
        with pytest.raises(IndexUnavailable):
            revoked(p)
    candidate = p.manifest(report.generation)
    assert candidate.collection in held(p)
    releases = judging(p)[2]
    create = p.store.create
    monkeypatch.setattr(p.store, "create", lambda key, data: at_append.append(held(p)) or create(key, data))
    profile = p.lake.write_named(p.options.profile)
    releases.promote(Candidate(candidate.generation, candidate.collection, profile, base=candidate.base), "by hand")
    assert all(candidate.collection not in collections for collections in at_append)
    assert at_append


def test_a_revocation_whose_points_were_left_is_in_force_and_the_next_run_deletes_them(
    twice: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = twice

    with monkeypatch.context() as patched:
        patched.setattr(revoking, "delete_all_revoked", away)
        with pytest.raises(IndexUnavailable, match="decision 1 revokes them"):
            revoked(p)
    assert (False, 2) == (served(p), len(held(p)))
    p.run()
    assert (False, []) == (served(p), held(p))


def test_points_of_a_generation_that_was_never_sealed_are_deleted_too(p: Project) -> None:
    p.store.delete(f"docs/generations/{p.manifest().generation}/manifest.json")
    assert [] != held(p)
    revoked(p)
    assert [] == held(p)


def test_nobody_is_answered_while_the_journal_cannot_be_read(p: Project) -> None:
    searcher = open_serving(p.retrieval())
    p.store.put("docs/decisions/1.json", b"{")
    for reader in (searcher, open_serving(p.retrieval())):
        with pytest.raises(DamagedFile, match=r"decisions/1\.json"):
            shown(reader)


def test_a_revocation_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    services = p.services()
    for about in ({}, {"uri": []}, {"prefix": [""]}, {"uri": ["file:///a", " "]}):
        with pytest.raises(InvalidSettings, match="none may be empty"):
            revoke(services.retrieval, services.writer, "erasure", about)
    with pytest.raises(InvalidSettings, match="there are: none"):
        lifted(p, 1)
    assert 0 == p.lake.decisions.last()


def test_more_than_searches_can_name_is_refused_and_a_source_is_not(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revoking, "MOST_EXCLUDED", 3)
    revoked(p, prefix=[uri_of(p, f"d0{n}") for n in range(3)])
    with pytest.raises(InvalidSettings, match="4 documents of generation"):
        revoked(p)
    revoked(p, source=[p.source.name])
    assert not served(p)


def test_a_judged_question_whose_document_is_revoked_is_stale_and_refuses_nothing(tmp_path: Path) -> None:
    source = project(tmp_path, documents=4).source
    questions = [(f"word{n}x0x0", f"d{n:02d}.md", f"Section 0 of {n}") for n in range(4)]
    p = judged_project(source, questions, QueryProfile(), documents_per_shard=4)
    revoked(p, uri=[f"{source.uri}/d01.md"])
    retrieval, options, releases = judging(p)
    assert ["q001"] == [*Promotion(retrieval, options, releases).evaluate(None).stale]
    report = p.run()
    assert report.verdict is not None
    assert ["q001"] == [*p.lake.verdict(report.verdict).stale]


def test_what_is_revoked_inside_another_document_stands_for_nobodys_chunks(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1, duplicates=DuplicateOptions(collapse="exact"))
    same, boxes = "## Same\n\n" + " ".join(f"quagga{n}" for n in range(80)) + ".\n", [f"z{n}.zip" for n in range(6)]
    for n, name in enumerate(boxes):
        with zipfile.ZipFile(p.source.folder / name, "w") as archive:
            archive.writestr("x.md", f"{document(2 + n)}\n{same}")

    def found() -> set[str]:
        (answer,) = open_serving(p.retrieval()).search(["quagga1 quagga2"], EVERYTHING, ALL, ("dense", "bm25"))
        return {r.path for results in answer.stages.values() for r in results if "quagga1 " in r.text}

    p.run()
    (standing,) = found()  # whose id comes first stands for the others: the folder's name decides
    left = next(name for name in boxes if name not in standing)
    revoked(p, uri=[child_uri(uri_of(p, name), "x.md") for name in boxes if name != left])
    p.source.write("d00.md", document(70))
    assert "promoted" == p.run().decision
    (standing,) = found()
    assert left in standing
