"""What the model cannot read: kept and counted, found by its words and not by its vector."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.cli import tables
from ingest.pipeline import inspection, plan
from ingest.pipeline.whereabouts import Inquiry
from ingest.records import EVERYTHING, Recall
from ingest.search import Searcher, open_serving
from tests.pipelines import SMALL_CHUNKS, Project, project

ENDLESS = [f"{letter * 120}" for letter in "xyz"]  # a word of so many letters is unknown to the tokenizer
UNREAD = "\n\n".join(
    f"# Part {i}\n\n{word} {('aardvark', 'bobolink', 'capybara')[i]}" for i, word in enumerate(ENDLESS)
)


@pytest.fixture
def p(tmp_path: Path) -> Project:
    made = project(tmp_path, documents=3)
    made.source.write("unread.md", UNREAD)
    return made


def searcher(p: Project) -> Searcher:
    return open_serving(p.retrieval())


def found(p: Project, question: str, stage: str) -> list[str]:
    (answer,) = searcher(p).search([question], EVERYTHING, 50, (stage,))
    return [result.path for result in answer.stages[stage]]


def test_points_are_conserved_and_the_payload_has_the_mark(p: Project) -> None:
    report = p.run()
    table = report.conservation
    assert (0, 3) == (len(table.faults), table.marks["unread"])
    assert table.chunks == table.points == table.vectors == table.keyword_rows
    payloads = [point.payload["metadata"] for point in p.vectors.scroll(p.contents().collection, EVERYTHING)]
    assert [["unread"]] * 3 == [one["marks"] for one in payloads if one["path"] == "unread.md"]
    assert {False} == {"marks" in one for one in payloads if one["path"] != "unread.md"}


def test_it_is_found_by_its_words_and_not_by_its_vector(p: Project) -> None:
    p.run()
    assert "unread.md" not in found(p, "bobolink words", "dense")
    assert ["unread.md"] == found(p, "bobolink", "bm25")
    assert "unread.md" == found(p, "bobolink", "fused")[0]
    (candidates,) = searcher(p).candidates(["bobolink words"], EVERYTHING, None)
    assert {(True, False), (False, True)} == {(c.path == "unread.md", "dense" in c.scores) for c in candidates}


def test_a_question_that_the_model_cannot_read_is_answered_by_its_words_alone(p: Project) -> None:
    p.run()
    assert [] == found(p, ENDLESS[0], "dense")
    assert ["unread.md"] == found(p, ENDLESS[0], "fused")
    answers = searcher(p).search([ENDLESS[0], "bobolink"], EVERYTHING)
    assert [True, False] == [answer.unread for answer in answers]


def test_a_blank_question_finds_nothing(p: Project) -> None:
    p.run()
    asker = searcher(p)
    answers = asker.search(["", " \n"], EVERYTHING, 10, asker.stages)
    assert [(True, {stage: [] for stage in asker.stages})] * 2 == [(answer.unread, answer.stages) for answer in answers]


def test_reciprocal_ranks_rank_it_by_its_words_too(p: Project) -> None:
    p.run()
    asker = searcher(p)
    asker.profile = asker.profile.model_copy(update={"fusion": "rrf"})
    (answer,) = asker.search(["bobolink words"], EVERYTHING, 50)
    assert "unread.md" == answer.results[0].path


def test_another_limit_cuts_the_stored_texts_again_and_fetches_and_embeds_nothing(p: Project) -> None:
    p.run()
    p.change(chunking=SMALL_CHUNKS.model_copy(update={"max_unread_share": 1.0}))
    report = p.run()
    assert ({}, 0, {}) == (p.gets(), report.embedded, report.conservation.marks)
    assert "unread.md" in found(p, ENDLESS[0], "dense")


def test_why_tells_that_only_its_words_find_it(p: Project) -> None:
    p.run()
    told = Inquiry(p.services()).ask("unread.md")
    assert ["not by its meaning, which the model cannot read; its words find it"] == told.because
    assert [True] * 3 == [place.unread for held in told.generations for place in held.chunks]
    assert [] == Inquiry(p.services()).ask("d00.md").because


def test_at_a_limit_of_one_nothing_is_marked_and_all_is_found(p: Project) -> None:
    p.change(chunking=SMALL_CHUNKS.model_copy(update={"max_unread_share": 1.0}))
    assert {} == p.run().conservation.marks
    assert "unread.md" in found(p, ENDLESS[0], "dense")


def test_report_and_next_plan_tell_the_share_of_each_source_that_has_any(p: Project) -> None:
    report = p.run()
    (share,) = report.conservation.unread.values()
    assert 0.1 < share < 0.9
    line = f"The model has no tokens for {share:.1%} of the text of source docs."
    assert line in [*tables.report(report)]
    services = p.services()
    told = plan.preview(services.bench, services.writer, plan.Scope())
    assert report.conservation.unread == told.unread
    assert line in [*tables.plan(told)]


def test_the_share_is_known_of_shards_that_a_later_run_only_counts(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    p.change(documents_per_shard=1, scrub_nights=365)
    first = p.run().conservation.unread
    p.source.write("new.md", "# New\n\nplain words\n")
    later = p.run().conservation
    assert (0, 3) == (len(later.faults), later.marks["unread"])
    assert 0 < later.unread["docs"] < first["docs"]


def test_a_source_that_is_read_as_a_whole_is_not_mentioned(tmp_path: Path) -> None:
    assert {} == project(tmp_path, documents=2).run().conservation.unread


def test_recall_compares_both_searches_without_what_is_unread(p: Project) -> None:
    recall = p.run().recall
    assert isinstance(recall, Recall)
    assert 1.0 == recall.mean


def test_a_collection_from_before_marks_were_indexed_is_searched_as_it_was(p: Project) -> None:
    p.run()
    collection = p.contents().collection
    before = found(p, "bobolink words", "dense")
    p.vectors._connection._client.indexed[collection].discard("metadata.marks")
    assert {"unread.md"} == {*found(p, "bobolink words", "dense")} - {*before}
    p.run()  # the next run indexes them
    assert before == found(p, "bobolink words", "dense")


def test_a_generation_of_before_there_was_a_limit_asks_every_question_by_its_vector(p: Project) -> None:
    p.run()
    opened = searcher(p)
    old = opened.manifest.model_copy(update={"max_unread_share": 1.0})
    (answer,) = replace(opened, manifest=old).search([ENDLESS[0]], EVERYTHING, 5, ("dense",))
    assert [] != answer.stages["dense"]
