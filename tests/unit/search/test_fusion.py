"""Fusion of rankings: formulas by hand, and what must hold for any input."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InvalidSettings
from ingest.records import Hit
from ingest.search.fusion import bounded, convex, rrf


def hits(*pairs: tuple[str, float]) -> list[Hit]:
    return [Hit(chunk, score) for chunk, score in pairs]


def test_rrf_adds_reciprocal_ranks():
    found = rrf([hits(("a", 9), ("b", 8)), hits(("b", 0.3), ("c", 0.2))], k=60)
    assert found == [Hit("b", 1 / 62 + 1 / 61), Hit("a", 1 / 61), Hit("c", 1 / 62)]


def test_rrf_counts_a_repeated_chunk_at_its_best_rank():
    assert rrf([hits(("a", 2), ("a", 1), ("b", 1))], k=0) == [Hit("a", 1.0), Hit("b", 1 / 3)]


def test_rrf_does_not_depend_on_the_order_of_the_rankings():
    rankings = [hits(*((f"{n}", 0.0) for n in range(rank)), ("a", 0.0)) for rank in (0, 1, 6)]
    assert len({sum(order) for order in permutations([1 / 61, 1 / 62, 1 / 67])}) > 1  # what a plain sum would do
    assert len({tuple(rrf(list(order))) for order in permutations(rankings)}) == 1


def test_equal_scores_stand_in_order_of_the_chunk_id():
    assert [h.chunk_id for h in rrf([hits(("b", 1)), hits(("a", 1))])] == ["a", "b"]
    assert [h.chunk_id for h in convex(hits(("b", 1)), hits(("a", 1)))] == ["a", "b"]


def test_convex_scales_each_stage_and_weighs_it():
    found = convex(hits(("a", 0.9), ("b", 0.8), ("c", 0.5)), hits(("b", 20.0), ("d", 10.0)), dense_weight=0.25)
    expected = {"a": 0.25, "b": 0.25 * 0.75 + 0.75, "c": 0.0, "d": 0.0}
    assert {h.chunk_id: h.score for h in found} == pytest.approx(expected)
    assert [h.chunk_id for h in found] == ["b", "a", "c", "d"]


def test_convex_keeps_the_only_hit_of_a_stage():
    assert convex(hits(("a", 0.2)), [], 0.5) == [Hit("a", 0.5)]
    assert convex([], hits(("a", 3.0), ("b", 3.0)), 0.5) == [Hit("a", 0.5), Hit("b", 0.5)]


def test_nothing_in_gives_nothing_out():
    assert rrf([]) == rrf([[], []]) == convex([], []) == []


def test_parameters_outside_their_range_are_refused():
    with pytest.raises(InvalidSettings, match=r"dense_weight must be within 0 and 1, not 1\.5"):
        convex([], [], 1.5)
    with pytest.raises(InvalidSettings, match="not -1"):
        rrf([], -1)


STAGE = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.floats(-1e3, 1e3)), unique_by=lambda pair: pair[0], max_size=6
).map(lambda pairs: hits(*sorted(pairs, key=lambda pair: -pair[1])))


@given(dense=STAGE, keyword=STAGE, weight=st.floats(0, 1))
def test_fusion_holds_the_union_once_within_bounds_and_sorted(dense, keyword, weight):
    union = {h.chunk_id for h in (*dense, *keyword)}
    for found in (convex(dense, keyword, weight), rrf([dense, keyword])):
        assert sorted(h.chunk_id for h in found) == sorted(union)
        assert all(0 <= h.score <= 1 + 1e-12 for h in found)
        assert found == sorted(found, key=lambda h: (-h.score, h.chunk_id))


@given(stage=STAGE)
def test_a_weight_of_one_ranks_by_the_dense_stage_alone(stage):
    found = convex(stage, [], 1.0)
    scores = {h.chunk_id: h.score for h in stage}
    ordered = [scores[h.chunk_id] for h in found]
    assert ordered == sorted(ordered, reverse=True) or len(set(h.score for h in found)) < len(found)


def test_bounded_adds_cosine_and_the_share_of_the_keyword_bound():
    found = bounded({"a": 0.5, "b": 0.25}, {"a": 3.0, "b": 6.0}, 0.5, 12.0)
    assert [(hit.chunk_id, hit.score) for hit in found] == [("a", 0.375), ("b", 0.375)]


def test_bounded_does_not_depend_on_what_else_was_found():
    alone = bounded({"a": 0.5}, {"a": 3.0}, 0.3, 12.0)[0].score
    among = {hit.chunk_id: hit.score for hit in bounded({"a": 0.5, "b": 0.9}, {"a": 3.0, "b": 9.0}, 0.3, 12.0)}
    assert alone == among["a"]


def test_bounded_without_a_known_term_ranks_by_the_dense_stage():
    assert ["b", "a"] == [hit.chunk_id for hit in bounded({"a": 0.5, "b": 0.9}, {"a": 0.0, "b": 0.0}, 0.3, 0.0)]


def test_bounded_counts_a_negative_cosine_as_nothing():
    assert [hit.score for hit in bounded({"a": -0.5}, {"a": 6.0}, 0.5, 12.0)] == [0.25]


def test_bounded_refuses_a_weight_outside_of_0_and_1():
    with pytest.raises(InvalidSettings, match=r"1\.5"):
        bounded({}, {}, 1.5, 1.0)
