"""One release's answers: filtered inside both searches, equal in batches and alone, with where they come from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import InvalidSettings, SchemaMismatch, UnknownRelease
from ingest.ids import document_id
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords
from ingest.records import EVERYTHING, PAYLOAD_PROFILES, Filter, QueryProfile, Release, Shape
from ingest.search import STAGES, Searcher, open_serving, release_in_force
from tests.fakes import InMemoryStore
from tests.pipelines import CountingSource, Project, build_options
from tests.records import release
from tests.visible import by_ids, filters, groups_of, visible

WORDS = ("zebra", "quokka", "tapir", "okapi")


def page(n: int) -> str:
    return f"# Page {n}\n\n{' '.join(WORDS)} {WORDS[n % 4]} page{n} shared.\n\n## More\n\nMore about {WORDS[n % 3]}.\n"


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two sources of two tenants; groups differ from document to document."""
    folder = tmp_path_factory.mktemp("search")
    a, b = CountingSource("a", folder / "a"), CountingSource("b", folder / "b", tenant="other")
    for n in range(12):
        source = (a, b)[n % 3 == 0]
        source.write(f"p{n}.md", page(n))
        source.acl_of[f"p{n}.md"] = groups_of(n + 1)
    made = Project((a, b), options=build_options())
    made.run()
    return made


@pytest.fixture(scope="module")
def searcher(p: Project) -> Searcher:
    return open_serving(p.retrieval())


SHAPES = [Shape(payload, sparse) for payload in PAYLOAD_PROFILES for sparse in (False, True)]


@pytest.fixture(scope="module")
def by_shape(p: Project) -> dict[Shape, Searcher]:
    """The same documents in every shape, each with an index and a lake of its own."""
    opened = {}
    for shape in SHAPES:
        made = Project(p.sources, options=build_options(shape=shape, settings=shape.record()))
        made.run()
        opened[shape] = open_serving(made.retrieval())
    return opened


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_stage_shows_what_the_filter_forbids_and_none_hides_what_it_allows(
    p: Project, by_shape: dict[Shape, Searcher], shape: Shape, data: st.DataObject
) -> None:
    searcher = by_shape[shape]
    filter = by_ids(p, data.draw(filters([f"p{n}.md" for n in range(12)])))
    (every,) = searcher.search(["zebra shared"], EVERYTHING, top=50, stages=("dense",))
    (answer,) = searcher.search(["zebra shared"], filter, top=50, stages=STAGES)
    allowed = {r.path for r in every.results if visible(p, r, filter)}
    for stage in STAGES:
        assert {r.path for r in answer.stages[stage]} <= allowed
    assert {r.path for r in every.results} == {f"p{n}.md" for n in range(12)}
    assert {r.path for r in answer.stages["dense"]} == allowed
    assert {r.path for r in answer.stages["bm25"]} == allowed


def test_every_shape_answers_alike(searcher: Searcher, by_shape: dict[Shape, Searcher]) -> None:
    (expected,) = searcher.search(["page7 okapi"], EVERYTHING, top=50, stages=STAGES)
    for other in by_shape.values():
        (found,) = other.search(["page7 okapi"], EVERYTHING, top=50, stages=STAGES)
        for stage in STAGES:
            by_id = {result.chunk_id: result for result in found.stages[stage]}
            assert set(by_id) == {result.chunk_id for result in expected.stages[stage]}
            for result in expected.stages[stage]:
                same = by_id[result.chunk_id]
                assert result == replace(same, scores=result.scores)
                assert result.scores == pytest.approx(same.scores, abs=1e-6)


def test_a_narrow_filter_is_applied_before_the_cut(p: Project, searcher: Searcher) -> None:
    wanted = document_id(f"{p.sources[0].uri}/p11.md")
    (answer,) = searcher.search(["zebra"], Filter(acl=None, tenant=None, documents=(wanted,)), top=1, stages=STAGES)
    assert [[r.path for r in answer.stages[stage]] for stage in STAGES] == [["p11.md"]] * 3


def test_a_caller_without_groups_sees_nothing(searcher: Searcher) -> None:
    (answer,) = searcher.search(["zebra"], Filter(acl=()), stages=STAGES)
    assert answer.stages == {stage: [] for stage in STAGES}


def test_a_batch_answers_as_its_questions_alone(searcher: Searcher) -> None:
    questions = ["zebra", "page7 tapir", "nothing of this", "", "okapi", "zebra"]
    together = searcher.search(questions, EVERYTHING, 5, STAGES)
    alone = [searcher.search([question], EVERYTHING, 5, STAGES)[0] for question in questions]
    assert together == alone
    assert [answer.question for answer in together] == questions


def test_no_questions_have_no_answers(searcher: Searcher) -> None:
    assert searcher.search([], EVERYTHING) == []


def test_a_result_tells_where_it_comes_from(p: Project, searcher: Searcher) -> None:
    (answer,) = searcher.search(["page7"], EVERYTHING, top=1)
    (result,) = answer.results
    source = next(s for s in p.sources if "p7.md" in s.acl_of)
    assert (result.uri, result.source, result.path) == (f"{source.uri}/p7.md", "a", "p7.md")
    assert (result.document_id, result.title) == (document_id(result.uri), "Page 7")
    assert result.text == page(7)[result.start : result.end]
    assert result.heading_path[0] == "Page 7"
    assert set(result.scores) == {"dense", "bm25", "fused"}
    assert (answer.generation, answer.release) == (p.manifest().generation, 1)


@pytest.mark.parametrize("wrong", [{"top": 0}, {"top": -1}, {"stages": ("sparse",)}], ids=str)
def test_a_stage_that_is_not_there_and_no_results_are_refused(searcher: Searcher, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings):
        searcher.search(["zebra"], EVERYTHING, **wrong)


def test_only_stages_that_are_asked_for_are_answered(p: Project, searcher: Searcher) -> None:
    p.forget()
    (answer,) = searcher.search(["zebra"], EVERYTHING, stages=("bm25",))
    assert (list(answer.stages), answer.results == answer.stages["bm25"]) == (["bm25"], True)
    assert p.embedder.forward_passes == 0
    assert all(set(result.scores) == {"bm25"} for result in answer.results)


def test_results_of_each_stage_fall_in_score(searcher: Searcher) -> None:
    (answer,) = searcher.search(["zebra quokka page3"], EVERYTHING, top=20, stages=STAGES)
    for stage in STAGES:
        scores = [result.scores[stage] for result in answer.stages[stage]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) > 1


@pytest.mark.parametrize(
    "profile",
    [
        QueryProfile(fusion="rrf"),
        QueryProfile(),
        QueryProfile(dense_weight=1.0),
        QueryProfile(depth=1),
    ],
)
def test_every_profile_answers(p: Project, profile: QueryProfile) -> None:
    (answer,) = Searcher(p.retrieval(), p.manifest(), profile).search(["page7"], EVERYTHING, top=3)
    assert len(answer.results) == 3


def test_bounds_score_a_chunk_by_both_stages_whichever_found_it(p: Project) -> None:
    searcher = Searcher(p.retrieval(), p.manifest(), QueryProfile(dense_weight=0.5, depth=1))
    (shallow,) = searcher.search(["page7 okapi"], EVERYTHING, top=1, stages=STAGES)
    deep = Searcher(p.retrieval(), p.manifest(), QueryProfile(dense_weight=0.5, depth=100))
    (all_scores,) = deep.search(["page7 okapi"], EVERYTHING, top=100)
    by_id = {result.chunk_id: result.scores["fused"] for result in all_scores.results}
    found = shallow.results[0]
    assert found.scores["fused"] == pytest.approx(by_id[found.chunk_id], abs=1e-6)


def test_scores_by_bounds_lie_between_nothing_and_all(p: Project) -> None:
    searcher = Searcher(p.retrieval(), p.manifest(), QueryProfile())
    (answer,) = searcher.search(["zebra quokka page3"], EVERYTHING, top=50)
    assert all(0.0 <= result.scores["fused"] <= 1.0 for result in answer.results)


def test_the_profile_weighs_the_stages(p: Project) -> None:
    manifest, retrieval = p.manifest(), p.retrieval()
    for weight, stage in ((1.0, "dense"), (0.0, "bm25")):
        chosen = Searcher(retrieval, manifest, QueryProfile(dense_weight=weight))
        (answer,) = chosen.search(["page7 okapi"], EVERYTHING, top=1, stages=STAGES)
        best = answer.stages[stage][0]
        tied = [r.chunk_id for r in answer.stages[stage] if r.scores[stage] == best.scores[stage]]
        fused = answer.stages["fused"][0]
        assert fused.chunk_id == best.chunk_id or fused.chunk_id in tied


def test_more_filters_than_masks_are_kept_change_no_answer(searcher: Searcher) -> None:
    for n in range(40):
        filter = Filter(acl=("public", f"group{n}"), tenant=None)
        (answer,) = searcher.search(["zebra"], filter, top=50, stages=("bm25",))
        assert len({r.path for r in answer.results}) == 6
    assert searcher._mask.cache_info().currsize <= 16


def test_the_probe_question_still_has_its_vector(searcher: Searcher) -> None:
    assert searcher.probe_cosine() == pytest.approx(1.0, abs=1e-6)


def test_nothing_serves_before_the_first_release(tmp_path: Path) -> None:
    empty = Project((CountingSource("docs", tmp_path),))
    with pytest.raises(UnknownRelease, match="index docs: nothing serves yet"):
        open_serving(empty.retrieval())


def test_a_point_lost_while_serving_is_left_out_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from ingest.ids import point_id
    from tests.pipelines import project

    q = project(tmp_path, documents=2)
    q.run()
    reader = open_serving(q.retrieval())
    (answer,) = reader.search(["word1x0x0"], EVERYTHING, top=1, stages=("bm25",))
    q.vectors.delete(q.manifest().collection, [point_id(answer.results[0].chunk_id)])
    (without,) = reader.search(["word1x0x0"], EVERYTHING, top=1, stages=("bm25",))
    assert answer.results[0].chunk_id in caplog.text
    assert answer.results[0] not in without.results


@pytest.fixture
def releases() -> Journal[Release]:
    journal = Journal(StoredRecords(InMemoryStore()), "docs/releases/", Release)
    journal.append(1, release(1, "docs__a"))
    journal.append(2, release(2, "docs__b"))
    return journal


@pytest.mark.parametrize(
    ("aliases", "number"),
    [
        ({}, None),
        ({"docs": "docs__a"}, None),
        ({"docs@1": "docs__a"}, None),
        ({"docs": "docs__a", "docs@1": "docs__a"}, 1),
        ({"docs": "docs__a", "docs@2": "docs__a"}, 1),  # renamed, and cut off
        ({"docs": "docs__b", "docs@2": "whatever"}, 2),  # the fence's own target is never used
        ({"docs": "docs__b", "docs@2": "docs__b", "docs.boot-1": "docs__b", "docs2@7": "x", "other@9": "y"}, 2),
    ],
)
def test_a_reader_takes_the_release_that_one_answer_shows(
    releases: Journal[Release], aliases: dict[str, str], number: int | None
) -> None:
    found = release_in_force(aliases, releases, "docs")
    assert (found.number if found else None) == number


def test_a_reader_refuses_an_alias_that_no_record_names(releases: Journal[Release]) -> None:
    with pytest.raises(SchemaMismatch, match="alias docs shows docs__z, but neither release 2 nor 1 names it"):
        release_in_force({"docs": "docs__z", "docs@2": "docs__b"}, releases, "docs")


@pytest.fixture(scope="module")
def quoting(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    """Sixty pages with all words of the question, and one that holds the quoted string among few others."""
    source = CountingSource("a", tmp_path_factory.mktemp("quotations"))
    for n in range(60):
        source.write(
            f"p{n}.md", f"# Nightly job\n\nThe job stops and says denied: {WORDS[n % 4]} lock {n} is not free.\n"
        )
    source.write(
        "exact.md", "# Other\n\nA store may answer:\n\n    Lock  is\n    free: not denied\n\nSo wait for it.\n"
    )
    source.acl_of["exact.md"] = ("staff",)
    made = Project((source,), options=build_options())
    made.run()
    profile = QueryProfile(normalisation="bounds", depth=5, rerank_depth=3, reranker="none")
    return Searcher(made.retrieval(), made.manifest(), profile)


QUOTING = 'our nightly job stops and says "Lock is free: not denied", what does the job say'


def test_a_chunk_that_holds_a_quoted_string_comes_first_though_neither_search_finds_it(quoting: Searcher) -> None:
    plain, quoted = quoting.search([QUOTING.replace('"', ""), QUOTING], EVERYTHING, 6, ("bm25", "fused"))
    assert "exact.md" not in {r.path for r in plain.stages["fused"][:5]}
    first, *others = quoted.results
    assert first.path == "exact.md"
    assert first.scores["quoted"] == 1
    assert first.scores["fused"] > max(r.scores["fused"] for r in others)
    assert all("quoted" not in r.scores for r in others)
    assert [r.scores["fused"] for r in others] == sorted((r.scores["fused"] for r in others), reverse=True)
    assert [r.chunk_id for r in quoted.stages["bm25"]] == [r.chunk_id for r in plain.stages["bm25"]]


def test_a_quoted_string_shows_nothing_that_the_filter_hides(quoting: Searcher) -> None:
    (answer,) = quoting.search([QUOTING], Filter(acl=frozenset({"public"})), 10)
    assert "exact.md" not in {r.path for r in answer.results}
    (answer,) = quoting.search([QUOTING], Filter(acl=frozenset({"staff"})), 10)
    assert answer.results[0].path == "exact.md"
