"""A candidate is judged through the real query path, and refused for damage, never for what the source changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest import pipeline
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.ids import sha256_hex
from ingest.keyword.analyser import FIXED
from ingest.pipeline.changes import Scope
from ingest.quality.anchors import anchored, side_of
from ingest.quality.evaluate import evaluate, read_sets
from ingest.quality.judged_sets import batches_of, scored_questions
from ingest.records import EVERYTHING, Asker, Filter, GateRules, Hit, QueryProfile, Vectors
from ingest.wiring.model_opening import open_reranker
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import inline_executor
from tests.pipelines import SMALL_CHUNKS, Project, document, project
from tests.vector_indexes import in_memory_index

RULES = GateRules(floors={"fused.ndcg@10": 0.2}, min_questions=3)


def sentence(n: int, section: int) -> str:
    return " ".join(f"word{n}x{section}x{i}" for i in range(8))


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project with eight judged questions, each on one section of one document."""
    made = project(tmp_path, documents=8)
    judged = tmp_path / "judged.jsonl"
    rows = []
    for n in range(8):
        text = document(n)
        start = text.index(sentence(n, 1))
        gold = {
            "doc": f"d{n:02d}.md",
            "spans": [sentence(n, 1)],
            "start": start,
            "end": start + len(sentence(n, 1)),
            "sha256": sha256_hex(text.encode()),
        }
        rows.append({"query_id": f"q{n}", "text": f"word{n}x1x0 word{n}x1x3", "gold": [gold]})
    judged.write_text("\n".join(map(json.dumps, rows)))
    made.change(judged=(judged,), gate=RULES)
    return made


def verdict(p: Project, name: str | None) -> object:
    assert name is not None
    return p.lake.verdict(name)


def test_a_good_first_candidate_is_promoted_with_its_scores(p: Project) -> None:
    report = p.run()
    judged = verdict(p, report.verdict)
    assert (report.decision, judged.questions, judged.reasons) == ("promoted", 8, ())
    assert judged.candidate_scores["fused.ndcg@10"] > 0.9
    assert {name.partition(".")[0] for name in judged.candidate_scores} == {"bm25", "dense", "fused"}


def test_a_model_that_confuses_words_is_refused_and_the_alias_stays(p: Project) -> None:
    p.change(profile=QueryProfile(dense_weight=1.0))
    first = p.run()
    p.embedder = hashing.HashingEmbedder("hashing", {"dimension": 2})
    report = p.run()
    judged = verdict(p, report.verdict)
    assert (report.decision, judged.stale) == ("refused", ())
    assert judged.candidate_scores["fused.ndcg@10"] < judged.serving_scores["fused.ndcg@10"]
    assert p.vectors.aliases()["docs"] == p.manifest(first.generation).collection
    again = p.run()
    assert (again.decision, again.generation, p.gets(), again.embedded) == ("refused", report.generation, {}, 0)


def test_another_chunker_that_finds_the_same_places_is_promoted(p: Project) -> None:
    p.run()
    p.change(chunking=SMALL_CHUNKS.model_copy(update={"heading_prefix": False}))
    report = p.run()
    assert (report.decision, verdict(p, report.verdict).stale) == ("promoted", ())


def test_a_place_that_the_source_deleted_is_stale_on_both_sides(p: Project) -> None:
    p.run()
    p.source.delete("d03.md")
    report = p.run()
    judged = verdict(p, report.verdict)
    assert (report.decision, judged.stale, judged.questions) == ("promoted", ("q3",), 7)


def test_a_place_that_moved_in_its_document_is_followed(p: Project) -> None:
    p.run()
    p.source.write("d03.md", "# Preface\n\nSome new words before everything else.\n\n" + document(3))
    report = p.run()
    judged = verdict(p, report.verdict)
    assert (report.decision, judged.stale) == ("promoted", ())
    assert judged.candidate_scores["fused.recall@10"] == 1.0


def test_a_judged_document_that_fails_to_parse_counts_as_damage(p: Project) -> None:
    p.change(keep_last_good_days=0)
    p.run()
    p.source.write("d03.md", b"\x00\xff\x00 broken")
    report = p.run()
    judged = verdict(p, report.verdict)
    assert judged.stale == ()
    assert judged.candidate_scores["fused.recall@10"] == pytest.approx(7 / 8)


def test_a_question_of_two_judged_sets_is_refused_by_its_id(p: Project, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    again.write_text((tmp_path / "judged.jsonl").read_text(encoding="utf-8").splitlines()[3], encoding="utf-8")
    p.change(judged=(tmp_path / "judged.jsonl", again))
    with pytest.raises(InvalidSettings, match=r"again\.jsonl, line 1: query_id q3 is in .*judged\.jsonl, line 4"):
        read_sets(p.options.judged)


def test_renamed_judged_documents_are_followed_every_night_and_the_verdict_says_so(p: Project) -> None:
    rewrite(p, lambda rows: [gold.pop("sha256") for row in rows[:2] for gold in row["gold"]])
    p.run()
    for n in range(4):
        text = (p.source.folder / f"d{n:02d}.md").read_text(encoding="utf-8")
        p.source.delete(f"d{n:02d}.md")
        p.source.write(f"moved/to{n}.md", text)
    told = "4 judged documents moved and were followed: d00.md is now moved/to0.md, "
    for edition in range(3):
        judged = verdict(p, p.run().verdict)
        assert (judged.positive, judged.stale, judged.questions) == (True, (), 8), edition
        assert judged.candidate_scores["fused.recall@10"] == judged.candidate_scores["fused.recall@50"] == 1.0
        assert any(warning.startswith(told) for warning in judged.warnings)
        assert judged.moved == {f"d{n:02d}.md": f"moved/to{n}.md" for n in range(4)}
        for n in range(4):
            p.source.write(f"moved/to{n}.md", f"# Preface\n\nEdition {edition}, with some more words.\n\n{document(n)}")
    assert 1 == p.lake.moves.last()


def rewrite(p: Project, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the rows of the judged set."""
    (judged,) = p.options.judged
    rows = [json.loads(line) for line in judged.read_text(encoding="utf-8").splitlines()]
    change(rows)
    judged.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_a_question_or_a_set_that_is_listed_twice_counts_once_and_the_verdict_says_so(p: Project) -> None:
    again = {"query_id": "again", "text": " Word3x1x0  word3x1x3", "must_pass": True}
    rewrite(p, lambda rows: rows.append(rows[3] | again))
    p.change(judged=p.options.judged * 2)
    judged = verdict(p, p.run().verdict)
    assert (judged.questions, judged.candidate_scores["fused.recall@10"]) == (8, 1.0)
    assert any("1 questions repeat another one: again." in warning for warning in judged.warnings)
    assert [q.query_id for q in scored_questions(read_sets(p.options.judged)).scored if q.must_pass] == ["q3"]


class Groupless(QdrantIndex):
    """A vector index whose points have lost their groups: only who is not limited to any sees them."""

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        found = super().search(collection, vectors, replace(filter, acl=None), limit)
        return found if filter.acl is None else [[] for _ in found]


class Unfiltered(QdrantIndex):
    """A vector index that shows everything to everybody."""

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        return super().search(collection, vectors, EVERYTHING, limit)


def test_slices_of_a_verdict_are_those_of_the_judged_set_and_those_that_are_known(guarded: Project) -> None:
    rewrite(guarded, lambda rows: [row.update(slices={"topic": "x" if n else "y"}) for n, row in enumerate(rows)])
    judged = verdict(guarded, guarded.run().verdict)
    assert {
        "acl=board": (4, "not compared"),
        "acl=public": (4, "not compared"),
        "asker=board of public": (4, "not compared"),
        "asker=public of public": (4, "not compared"),
        "language=unknown": (8, "all questions"),
        "media_type=text/markdown": (8, "all questions"),
        "source=docs": (8, "all questions"),
        "topic=x": (7, "not compared"),
        "topic=y": (1, "too small"),
    } == {f"{s.name}={s.value}": (s.questions, s.state) for s in judged.slices}
    assert {1.0} == {s.candidate_scores["fused.recall@10"] for s in judged.slices}


@pytest.fixture
def guarded(p: Project) -> Project:
    """Half of the documents are for the board only."""
    p.source.acl_of = {f"d{n:02d}.md": ("board",) for n in range(0, 8, 2)}
    return p


def test_every_question_is_asked_by_somebody_who_may_see_its_document(guarded: Project) -> None:
    guarded.run()
    questions = scored_questions(read_sets(guarded.options.judged)).scored
    found = anchored(questions, side_of(guarded.contents(), questions), None)
    assert [Asker(("public" if n % 2 else "board",), "public") for n in range(8)] == [q.asker for q in found.live]
    assert [Filter(("board",)), Filter(("public",))] == [filter for filter, _ in batches_of(found.live)]


def test_points_that_lost_their_groups_on_the_way_into_the_index_are_damage(guarded: Project) -> None:
    guarded.vectors = in_memory_index(Groupless)
    scores = verdict(guarded, guarded.run().verdict).candidate_scores
    assert (0.0, 1.0) == (scores["dense.recall@10"], scores["bm25.recall@10"])


def test_a_document_that_is_shown_to_somebody_who_may_not_see_it_refuses_the_candidate_by_name(
    guarded: Project,
) -> None:
    guarded.vectors = in_memory_index(Unfiltered)
    judged = verdict(guarded, guarded.run().verdict)
    assert not judged.positive
    told = "Question q0 leaks: it shows d00.md and 3 more documents, asked as public of public, who may not see that."
    assert told in judged.reasons
    assert len([reason for reason in judged.reasons if " leaks: " in reason]) == 8


def test_an_index_without_secrets_is_asked_by_nobody_who_must_get_nothing(p: Project) -> None:
    p.vectors = in_memory_index(Unfiltered)
    judged = verdict(p, p.run().verdict)
    assert all("asked as nobody of public, who may not see that." in reason for reason in judged.reasons)
    assert len(judged.reasons) == 8


def test_the_asker_of_a_judged_set_counts_and_a_place_that_he_may_not_see_any_more_is_stale(guarded: Project) -> None:
    staff = {"asker": {"groups": ["staff", "board"]}}
    rewrite(guarded, lambda rows: rows.__setitem__(slice(0, 2), [row | staff for row in rows[:2]]))
    judged = verdict(guarded, guarded.run().verdict)
    assert (judged.positive, judged.stale, judged.questions) == (True, ("q1",), 7)


def test_a_serving_release_whose_words_this_version_reads_no_more_blocks_no_promotion(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    p.change(analyser={**FIXED, **p.options.analyser})
    p.run()
    monkeypatch.setitem(FIXED, "format", 99)
    p.change(analyser={**p.options.analyser, "format": 99})
    report = p.run()
    judged = verdict(p, report.verdict)
    assert ("promoted", True, None) == (report.decision, judged.positive, judged.difference)
    assert "Release 1 could not be evaluated: the floors alone decided." in judged.warnings


LOST = "0" * 64


@pytest.mark.parametrize(
    ("named", "error", "told"),
    [
        ({"calibration": LOST}, SchemaMismatch, f"models/learned/{LOST} is missing"),
        ({"reranker": "learned", "reranker_model": LOST}, InvalidSettings, "trained trees are no longer read"),
    ],
)
def test_a_profile_that_names_what_the_lake_has_not_stops_a_run_before_it_reads_anything(
    p: Project, named: dict[str, str], error: type[Exception], told: str
) -> None:
    p.change(profile=QueryProfile(**named))
    retrieval = replace(p.retrieval(), open_reranker=open_reranker)
    opened = replace(p.services(), retrieval=retrieval)
    with pytest.raises(error, match=told):
        pipeline.run(opened, Scope(), inline_executor(opened), lambda verdict: True)
    assert [0] == [source.gets.total() for source in p.sources]


def test_trained_trees_of_the_serving_release_block_no_promotion(p: Project, caplog: pytest.LogCaptureFixture) -> None:
    p.run()
    profile = p.lake.write_named(QueryProfile(reranker="learned", reranker_model=LOST))
    opened = replace(p.retrieval(), open_reranker=open_reranker)
    newest = p.lake.releases.newest()
    assert newest is not None
    serving = newest[1].model_copy(update={"profile": profile})
    p.change(profile=QueryProfile(reranker="blend"))
    verdict = evaluate(opened, p.options, p.manifest(), serving)
    assert (verdict.positive, verdict.reasons) == (True, ())
    assert "trained trees are no longer read" in caplog.text
