"""Features: what each one counts, and that a candidate's row does not depend on the others."""

import math

import numpy as np
import pytest

from ingest.ports import Wording, WordTable
from ingest.records import Result
from ingest.search.ranking import FEATURES, blend, features

IDF = {"red": 1.0, "fox": 2.0, "den": 3.0}
WORDS = ("red", "fox", "den", "vixen")
VECTORS = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0.8, 0.6]], np.float16)
TABLE = WordTable(VECTORS, lambda words: [(WORDS.index(w),) if w in WORDS else () for w in words])
SPLIT = lambda texts: [t.lower().split() for t in texts]  # noqa: E731
WORDING = Wording(SPLIT, SPLIT, lambda terms: sum(IDF.get(t, 4.0) for t in terms), TABLE)


def chunk(text: str, title: str = "", **scores: float) -> Result:
    return Result(text, "d", "", "", "p", title, (), text, 0, len(text), scores)


def row(
    text: str, title: str = "", question: str = "red fox den", wording: Wording = WORDING, **scores: float
) -> dict[str, float]:
    found = features(question, [chunk(text, title, **scores)], wording)
    return dict(zip(FEATURES, found[0].tolist(), strict=True))


def test_scores_are_shares_of_what_is_possible() -> None:
    found = row("a", dense=-0.2, bm25=3.0)
    assert (0.0, 0.5) == (found["cosine"], found["keyword"])


def test_coverage_counts_idf_and_headings_only_in_context() -> None:
    found = row("the fox ran", title="den")
    assert pytest.approx((2 / 6, 5 / 6, 3 / 6)) == (found["coverage"], found["context"], found["heading"])


def test_pairs_count_by_the_lesser_idf() -> None:
    assert pytest.approx(1 / 3) == row("a red fox")["bigrams"]
    assert row("fox red den fox")["bigrams"] == 0.0


def test_proximity_sees_terms_within_twenty_and_not_beyond() -> None:
    assert pytest.approx(1.0) == row("red " + "x " * 9 + "fox " + "x " * 9 + "den")["proximity"]
    assert pytest.approx(5 / 6) == row("red " + "x " * 10 + "fox " + "x " * 9 + "den")["proximity"]


def test_the_first_common_term_and_the_length() -> None:
    found = row("x x fox x")
    assert pytest.approx(math.log(5)) == found["length"]


def test_near_takes_the_nearest_piece_of_the_text_and_none_of_the_headings() -> None:
    assert pytest.approx((0.8 * 2 + 0.6 * 3) / 6, abs=1e-3) == row("vixen", title="red")["near"]


def test_near_does_not_join_places_far_apart() -> None:
    far = " ".join(["red", *["vixen"] * 31, "den"])
    assert pytest.approx(1.0 * 3 / 6 + 0.8 * 2 / 6, abs=1e-3) == row(far)["near"]


def test_a_row_is_the_same_alone_and_among_others() -> None:
    chunks = [
        chunk("red fox", "den", dense=0.3, bm25=2.0),
        chunk(""),
        chunk("vixen den " * 40),
        chunk("none here", "x"),
    ]
    together = features("red fox den", chunks, WORDING)
    alone = np.concatenate([features("red fox den", [c], WORDING) for c in chunks])
    np.testing.assert_array_equal(alone, together)
    assert np.isfinite(together).all()


def test_the_blend_is_the_fused_score_and_a_sixteenth_of_near() -> None:
    chunks = [chunk("red fox", dense=0.3, bm25=2.0), chunk("vixen den", "den", dense=-0.1), chunk("")]
    rows = features("red fox den", chunks, WORDING)
    expected = 0.35 * rows[:, 0] + 0.65 * rows[:, 1] + rows[:, 2] / 16
    np.testing.assert_allclose(expected, blend("red fox den", chunks, WORDING, 0.35))
    assert (0,) == blend("red fox den", [], WORDING, 0.35).shape


def test_the_blend_follows_the_weight_of_the_dense_stage() -> None:
    chunks = [chunk("red fox", dense=0.9, bm25=0.0), chunk("red fox", dense=0.1, bm25=3.0)]
    best = [int(blend("red fox", chunks, WORDING, weight).argmax()) for weight in (0.9, 0.1)]
    assert [0, 1] == best


@pytest.mark.parametrize("question", ["", "?!", "unheard"])
def test_any_question_has_finite_features(question: str) -> None:
    assert np.isfinite(features(question, [chunk("red"), chunk("")], WORDING)).all()
    assert features(question, [], WORDING).shape == (0, len(FEATURES))


def test_without_a_table_of_words_the_rest_works() -> None:
    found = row("red fox den", wording=Wording(WORDING.terms, WORDING.asked, WORDING.bound), dense=0.5, bm25=6.0)
    assert found["near"] == 0.0


def test_terms_that_weigh_nothing_are_finite() -> None:
    weightless = Wording(WORDING.terms, WORDING.asked, lambda terms: 0.0, TABLE)
    found = row("red fox den", wording=weightless, dense=0.5)
    assert all(map(math.isfinite, found.values()))
    assert (found["coverage"], found["bigrams"], found["proximity"]) == (0.0, 0.0, 0.0)
