"""Fusion of rankings: formulas by hand, and what must hold for any input."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Hit
from ingest.search.fusion import convex, rrf


def hits(*pairs: tuple[str, float]) -> list[Hit]:
    return [Hit(chunk, score) for chunk, score in pairs]


def test_rrf_adds_reciprocal_ranks():
    found = rrf([hits(("a", 9), ("b", 8)), hits(("b", 0.3), ("c", 0.2))], k=60)
    assert found == [Hit("b", 1 / 62 + 1 / 61), Hit("a", 1 / 61), Hit("c", 1 / 62)]


def test_rrf_counts_what_the_model_cannot_read_in_both_rankings():
    found = rrf([hits(("a", 9), ("b", 8)), hits(("unread", 3), ("b", 2), ("a", 1))], k=60, unread={"unread"})
    assert [Hit("unread", 2 / 61), Hit("a", 1 / 61 + 1 / 63), Hit("b", 1 / 62 + 1 / 62)] == found


def test_rrf_counts_a_repeated_chunk_at_its_best_rank():
    assert rrf([hits(("a", 2), ("a", 1), ("b", 1))], k=0) == [Hit("a", 1.0), Hit("b", 1 / 3)]


def test_rrf_does_not_depend_on_the_order_of_the_rankings():
    rankings = [hits(*((f"{n}", 0.0) for n in range(rank)), ("a", 0.0)) for rank in (0, 1, 6)]
    assert len({sum(order) for order in permutations([1 / 61, 1 / 62, 1 / 67])}) > 1  # what a plain sum would do
    assert len({tuple(rrf(list(order))) for order in permutations(rankings)}) == 1


def test_equal_scores_stand_in_order_of_the_chunk_id():
    assert [h.chunk_id for h in rrf([hits(("b", 1)), hits(("a", 1))])] == ["a", "b"]
    assert [h.chunk_id for h in convex({"b": 1.0}, {"a": 1.0}, 0.5, 1.0)] == ["a", "b"]


def test_nothing_in_gives_nothing_out():
    assert rrf([]) == rrf([[], []]) == convex({}, {}, 0.5, 0.0) == []


SCORES = st.dictionaries(st.sampled_from("abcdef"), st.floats(-1, 1), max_size=6)


@given(dense=SCORES, keyword=SCORES, weight=st.floats(0, 1))
def test_fusion_holds_the_union_once_within_bounds_and_sorted(dense, keyword, weight):
    keyword = {chunk: abs(score) for chunk, score in keyword.items()}
    rankings = [hits(*sorted(stage.items(), key=lambda pair: -pair[1])) for stage in (dense, keyword)]
    for found in (convex(dense, keyword, weight, 1.0), rrf(rankings)):
        assert sorted(h.chunk_id for h in found) == sorted(dense.keys() | keyword.keys())
        assert all(0 <= h.score <= 1 + 1e-12 for h in found)
        assert found == sorted(found, key=lambda h: (-h.score, h.chunk_id))


def test_convex_adds_cosine_and_the_share_of_the_keyword_bound():
    found = convex({"a": 0.5, "b": 0.25}, {"a": 3.0, "b": 6.0}, 0.5, 12.0)
    assert [(hit.chunk_id, hit.score) for hit in found] == [("a", 0.375), ("b", 0.375)]


def test_convex_does_not_depend_on_what_else_was_found():
    alone = convex({"a": 0.5}, {"a": 3.0}, 0.3, 12.0)[0].score
    among = {hit.chunk_id: hit.score for hit in convex({"a": 0.5, "b": 0.9}, {"a": 3.0, "b": 9.0}, 0.3, 12.0)}
    assert alone == among["a"]


def test_convex_without_a_known_term_ranks_by_the_dense_stage():
    assert ["b", "a"] == [hit.chunk_id for hit in convex({"a": 0.5, "b": 0.9}, {"a": 0.0, "b": 0.0}, 0.3, 0.0)]


def test_convex_counts_a_negative_cosine_as_nothing():
    assert [hit.score for hit in convex({"a": -0.5}, {"a": 6.0}, 0.5, 12.0)] == [0.25]


def test_convex_ranks_what_has_no_cosine_by_its_words_alone():
    found = convex({"a": 0.5, "b": 0.1}, {"a": 3.0, "b": 3.0, "unread": 6.0}, 0.5, 12.0)
    assert [("unread", 0.5), ("a", 0.375), ("b", 0.175)] == [(hit.chunk_id, hit.score) for hit in found]
    assert [("a", 0.25)] == [(hit.chunk_id, hit.score) for hit in convex({}, {"a": 3.0}, 0.5, 12.0)]
    assert [("a", 0.0)] == [(hit.chunk_id, hit.score) for hit in convex({}, {"a": 0.0}, 0.5, 0.0)]
