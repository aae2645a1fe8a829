"""Re-ranking: the head is scored anew, the tail follows; what takes too long leaves the fused order, and says so."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.adapters.rerankers.blend import BlendReranker
from ingest.errors import FatalError, InvalidSettings, SchemaMismatch
from ingest.lake.model_files import read_learned
from ingest.ports import Reranker
from ingest.quality.evaluate import untimed
from ingest.records import EVERYTHING, Hit, QueryProfile, Result, StoredPoint
from ingest.search import Searcher, open_serving, ranking
from ingest.wiring.model_opening import open_reranker
from tests.fakes import InMemoryStore
from tests.pipelines import Project, project
from tests.unit.search.test_ranking import WORDING


class ByLength:
    """Longer texts first; counts its calls."""

    def __init__(self, value: float | None = None) -> None:
        self.calls: list[int] = []
        self.value = value

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        self.calls.append(len(candidates))
        return np.array([len(c.text) if self.value is None else self.value for c in candidates], np.float64)


def results(*texts: str) -> list[Result]:
    return [Result(t, "d", "", "", "p", "", (), t, 0, len(t)) for t in texts]


FUSED = [Hit("a", 0.9), Hit("ccc", 0.8), Hit("bb", 0.7), Hit("tail", 0.5)]


UNLIMITED = 0, lambda: 0.0


def reranked(reranker: Reranker) -> list[Hit]:
    found = ranking.reranked(reranker, "q", results("a", "ccc", "bb"), FUSED, UNLIMITED)
    assert found is not None
    return found


def timed(reranker: Reranker, count: int, *seconds: float) -> list[Hit] | None:
    """Re-rank so many texts in at most ten milliseconds, by a clock that tells these seconds one after the other."""
    head = results(*("x" * (n + 1) for n in range(count)))
    fused = [Hit(r.chunk_id, 1.0) for r in head]
    return ranking.reranked(reranker, "q", head, fused, (10, iter(seconds).__next__))


def test_the_tail_follows_the_head_at_its_old_distance() -> None:
    found = reranked(ByLength())
    assert ["ccc", "bb", "a", "tail"] == [hit.chunk_id for hit in found]
    assert pytest.approx([3.0, 2.0, 1.0, 0.8]) == [hit.score for hit in found]


def test_equal_scores_keep_the_fused_order() -> None:
    assert [h.chunk_id for h in FUSED] == [h.chunk_id for h in reranked(ByLength(1.0))]


def test_what_takes_too_long_is_given_up_between_two_slices() -> None:
    reranker = ByLength()
    assert timed(reranker, 40, 0, 0.005, 0.011) is None
    assert [16, 16] == reranker.calls


def test_a_limit_that_is_not_reached_changes_no_ranking() -> None:
    within, without = ByLength(), ByLength()
    assert timed(within, 40, 0, 0.005, 0.009) == ranking.reranked(
        without,
        "q",
        results(*("x" * (n + 1) for n in range(40))),
        [Hit("x" * (n + 1), 1.0) for n in range(40)],
        UNLIMITED,
    )
    assert ([16, 16, 8], [40]) == (within.calls, without.calls)


def test_what_is_finished_counts_however_long_it_took() -> None:
    assert timed(ByLength(), 3, 0, 99) is not None


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(FatalError, match="finite"):
        reranked(ByLength(float("nan")))


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project(tmp_path_factory.mktemp("reranking"))
    made.run()
    return made


def searcher(p: Project, reranker: Reranker, **fields: object) -> Searcher:
    retrieval = replace(p.retrieval(), open_reranker=lambda profile, wording: reranker)
    profile = QueryProfile(**{"reranker": "blend", **fields})
    return Searcher(retrieval, p.manifest(), profile, 1)


def test_the_stage_is_there_when_the_profile_has_a_reranker(p: Project) -> None:
    found = searcher(p, ByLength())
    assert ("bm25", "dense", "fused", "reranked") == found.stages
    (answer,) = found.search(["section 1"], EVERYTHING, 5, found.stages)
    assert answer.results is answer.stages["reranked"]
    lengths = [len(r.text) for r in answer.results]
    assert sorted(lengths, reverse=True) == lengths
    assert all({"dense", "bm25", "fused", "reranked"} >= set(r.scores) for r in answer.results)
    assert not answer.fell_back


def test_a_slow_reranker_leaves_the_fused_order_and_the_answer_says_so(p: Project) -> None:
    late = replace(p.retrieval(), open_reranker=lambda profile, wording: ByLength(), monotonic=count().__next__)
    profile = QueryProfile(reranker="blend", rerank_milliseconds=1)
    answers = Searcher(late, p.manifest(), profile).search(["section", "1"], EVERYTHING, 5, ("fused", "reranked"))
    assert [True, True] == [answer.fell_back for answer in answers]
    assert [a.stages["fused"] for a in answers] == [a.stages["reranked"] for a in answers]


def test_the_gate_has_no_limit_of_time() -> None:
    assert 0 == untimed(QueryProfile(rerank_milliseconds=5)).rerank_milliseconds


def test_no_text_is_asked_for_twice_in_one_search(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked, retrieve = searcher(p, ByLength()), [], p.vectors.retrieve

    def counted(collection: str, ids: Sequence[str]) -> dict[str, StoredPoint]:
        asked.extend(ids)
        return retrieve(collection, ids)

    monkeypatch.setattr(p.vectors, "retrieve", counted)
    answers = found.search(["section 1", "section 2"], EVERYTHING, 5, found.stages)
    assert len(asked) == len(set(asked)) >= len({r.chunk_id for a in answers for r in a.results}) > 0


def test_only_the_depth_is_scored(p: Project) -> None:
    reranker = ByLength()
    searcher(p, reranker, rerank_depth=3).search(["section 1"], EVERYTHING, 5, ("reranked",))
    assert [3] == reranker.calls


@pytest.mark.parametrize("fusion", [{"fusion": "rrf"}, {"dense_weight": 1.0}])
def test_candidates_have_both_scores_whatever_the_fusion(p: Project, fusion: dict[str, object]) -> None:
    seen: list[Result] = []

    class Seeing(ByLength):
        def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
            seen.extend(candidates)
            return super().scores(question, candidates)

    searcher(p, Seeing(), depth=3, **fusion).search(["section 1"], EVERYTHING, 2, ("reranked",))
    assert all({"dense", "bm25", "fused"} == set(c.scores) for c in seen)
    assert seen


def test_a_stage_that_the_profile_has_not_is_refused(p: Project) -> None:
    with pytest.raises(InvalidSettings, match="reranked"):
        open_serving(p.retrieval()).search(["x"], EVERYTHING, 5, ("reranked",))


def test_the_blend_ranks_what_shares_words_first_without_a_word_table(p: Project) -> None:
    profile = QueryProfile(
        reranker="blend",
    )
    opened = replace(p.retrieval(), open_reranker=open_reranker)
    (answer,) = Searcher(opened, p.manifest(), profile).search(["word3x1x2"], EVERYTHING, 5, ("reranked",))
    assert "word3x1x2" in answer.results[0].text


def test_none_opens_nothing_and_unknown_kinds_are_named() -> None:
    assert open_reranker(QueryProfile(), WORDING) is None
    with pytest.raises(InvalidSettings, match="blend, cross_encoder, none"):
        open_reranker(QueryProfile(reranker="magic"), WORDING)


def test_the_name_in_earlier_profiles_opens_the_blend_and_trained_trees_are_refused_by_name() -> None:
    assert isinstance(open_reranker(QueryProfile(reranker="learned"), WORDING), BlendReranker)
    with pytest.raises(InvalidSettings, match="reranker_model is 'abc'; trained trees are no longer"):
        open_reranker(QueryProfile(reranker="learned", reranker_model="abc"), WORDING)


def test_what_is_missing_or_damaged_in_the_lake_is_told() -> None:
    store = InMemoryStore()
    with pytest.raises(SchemaMismatch, match="missing"):
        read_learned(store, "0" * 64)
    store.put(f"models/learned/{'0' * 64}", b"other")
    with pytest.raises(SchemaMismatch, match="its SHA-256 is"):
        read_learned(store, "0" * 64)
