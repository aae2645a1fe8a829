"""Confidence: what the signals are, that a calibration is a rising curve within 0 and 1, and that fitting repeats."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InvalidSettings
from ingest.lake.stored_records import to_bytes
from ingest.quality.calibrate import LEAST, PLAIN, fit_calibration, outcome, threshold_of, unseen_figures
from ingest.records import Result
from ingest.search.confidence import LOOKED_AT, SIGNALS, Calibration, read_calibration, signals
from tests.unit.search.test_ranking import WORDING

N = len(SIGNALS)


def chunk(text: str, document: str, title: str = "", **scores: float) -> Result:
    return Result(text, document, "", "", "p", title, (), text, 0, len(text), scores)


def named(*candidates: Result, question: str = "red fox den") -> dict[str, float]:
    return dict(zip(SIGNALS, signals(question, candidates, WORDING).tolist(), strict=True))


def calibration(**changes: object) -> Calibration:
    values = {
        "features": SIGNALS,
        "means": (0.0,) * N,
        "scales": (1.0,) * N,
        "weights": (1.0, *(0.0,) * (N - 1)),
        "intercept": 0.0,
        "slope": 2.0,
        "offset": -1.0,
        "threshold": 0.5,
        "answerable": 20,
        "unanswerable": 20,
        "wrong_answer": 2.0,
        "figures": {"auc": (0.5, 0.4, 0.6)},
        "trade_off": (),
        "against_top_scores": (),
    }
    return Calibration.model_validate({**values, **changes})


def judged(questions: int = 60, apart: float = 1.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Signals of questions, the answerable half first and further up in three of them."""
    rng = np.random.default_rng(seed)
    known = np.arange(questions) < questions // 2
    found = rng.normal(size=(questions, N + len(PLAIN)))
    found[known, :3] += apart
    return found, known


def test_the_top_leads_the_best_candidate_of_another_document() -> None:
    found = named(
        chunk("red fox", "a", dense=0.8, bm25=3.0), chunk("den", "a", dense=0.7), chunk("x", "b", dense=0.5, bm25=1.5)
    )
    assert pytest.approx((0.8, 0.3, 0.5, 0.25)) == tuple(
        found[name] for name in ("top_cosine", "lead_cosine", "top_keyword", "lead_keyword")
    )
    assert pytest.approx((0.7, 2.0)) == (found["second"], found["chunks"])
    assert pytest.approx((0.3, 0.3)) == (found["gap_5"], found["gap_10"])


def test_the_document_holds_what_its_candidates_hold_together() -> None:
    found = named(chunk("red", "a", dense=0.9), chunk("den", "a", dense=0.1), chunk("fox", "b", dense=0.2))
    assert pytest.approx((4 / 6, 1.0, 2 / 3)) == (found["document"], found["rarest_1"], found["rarest_3"])


def test_titles_are_compared_both_ways() -> None:
    found = named(chunk("x", "a", title="den of bears", dense=0.9))
    assert pytest.approx((3 / 6, 1 / 3)) == (found["title"], found["title_named"])


def test_agreement_is_of_documents() -> None:
    pair = chunk("x", "a", dense=0.9), chunk("y", "a", dense=0.1, bm25=3.0)
    assert 1.0 == named(*pair)["agree_keyword"]
    assert 0.0 == named(pair[0], chunk("y", "b", dense=0.1, bm25=3.0))["agree_keyword"]


def test_no_candidate_and_no_word_are_finite() -> None:
    assert [0.0] * N == signals("red", [], WORDING).tolist()
    assert np.isfinite(signals("", [chunk("", "a")], WORDING)).all()


def test_candidates_beyond_those_looked_at_change_nothing() -> None:
    many = [chunk(f"red {n}", f"d{n}", dense=0.5 - n / 100) for n in range(LOOKED_AT + 5)]
    assert signals("red", many, WORDING).tolist() == signals("red", many[:LOOKED_AT], WORDING).tolist()


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_confidence_rises_with_the_score_within_0_and_1(values: list[float]) -> None:
    rows = np.zeros((len(values), N))
    rows[:, 0] = sorted(values)
    found = calibration().confidences(rows)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


def test_confidence_is_the_logistic_function_of_the_standardised_sum() -> None:
    row = np.zeros((1, N))
    row[0, 0] = 3.0
    found = calibration(means=(1.0, *(0.0,) * (N - 1)), scales=(2.0, *(1.0,) * (N - 1))).confidences(row)
    assert pytest.approx(1 / (1 + math.exp(-(2.0 * 1.0 - 1.0)))) == found[0]


def test_the_same_judgments_are_the_same_bytes() -> None:
    first, second = (to_bytes(fit_calibration(*judged(), 2)) for _ in range(2))
    assert first == second
    assert calibration() == read_calibration("c", to_bytes(calibration()))


def test_judgments_without_a_difference_do_not_look_like_one() -> None:
    """A cross-validation that leaked would find an AUC far above one half here: there are as many signals as rows."""
    fitted = fit_calibration(*judged(100, apart=0.0), 2)
    assert fitted.figures["auc"][0] < 0.65


def test_judgments_that_differ_are_told_apart() -> None:
    found, known = judged(120, apart=3.0)
    fitted = fit_calibration(found, known, 2)
    assert fitted.figures["auc"][0] > 0.95
    assert all(lower <= value <= upper for value, lower, upper in fitted.figures.values())
    assert (fitted.answerable, fitted.unanswerable) == (60, 60)


def test_precision_is_of_those_that_passed_and_wrong_refusals_of_those_that_have_an_answer() -> None:
    known, passed = np.array([True, True, True, False, False]), np.array([True, True, False, True, False])
    found = unseen_figures(np.array([0.9, 0.8, 0.2, 0.7, 0.1]), known, outcome(known, passed, 2))
    assert (2 / 3, 1 / 3, 5 / 6) == pytest.approx(
        tuple(found[name][0] for name in ("precision", "wrong_refusals", "auc"))
    )
    nothing = unseen_figures(np.array([0.9, 0.8, 0.2, 0.7, 0.1]), known, outcome(known, passed & False, 2))
    assert ((1.0, 0.0, 1.0), 1.0) == (nothing["precision"], nothing["wrong_refusals"][0])


def test_a_question_and_its_copy_without_gold_share_a_fold() -> None:
    """Each copy is nearly its question with the other label: seen from another fold it would be told wrongly."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(40, N + len(PLAIN))) * 10
    both = np.concatenate([rows, rows + rng.normal(size=rows.shape) * 0.01])
    texts = [f"question {n % 40}" for n in range(80)]
    fitted = fit_calibration(both, np.arange(80) < 40, 2, texts=texts)
    assert 0.3 < fitted.figures["auc"][0] < 0.7


def test_too_few_questions_of_a_kind_are_refused_with_both_numbers() -> None:
    rows, known = judged(60)
    keep = known | (np.cumsum(~known) < LEAST)
    with pytest.raises(InvalidSettings, match=rf"found 30 and {LEAST - 1}"):
        fit_calibration(rows[keep], known[keep], 2)


def test_a_signal_that_is_no_number_is_refused() -> None:
    rows, known = judged()
    rows[3, 4] = np.nan
    with pytest.raises(InvalidSettings, match="1 are not"):
        fit_calibration(rows, known, 2)


def test_a_threshold_lies_in_the_middle_of_the_gap() -> None:
    assert pytest.approx(0.5) == threshold_of(np.array([0.9, 0.1]), np.array([True, False]), 2)
    close = np.array([1.0, np.nextafter(1.0, 0.0)])
    assert 1.0 == threshold_of(close, np.array([True, False]), 2)


def test_a_calibration_of_other_signals_is_refused_by_name() -> None:
    other = calibration(features=("charm", *SIGNALS[1:]))
    with pytest.raises(InvalidSettings, match=r"calibration abc: .*charm.*ingest calibrate"):
        read_calibration("abc", to_bytes(other))


@pytest.mark.parametrize("data", [b"", b"tree\nversion=v4\n", b"{}"])
def test_bytes_that_are_no_calibration_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidSettings, match="calibration abc"):
        read_calibration("abc", data)


def test_scales_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="positive scale"):
        calibration(scales=(0.0,) * N)


def test_equal_questions_share_a_fold() -> None:
    rng = np.random.default_rng(0)
    signals, known = np.tile(rng.normal(size=(40, N + len(PLAIN))), (3, 1)), np.tile(rng.random(40) < 0.5, 3)
    plain = fit_calibration(signals, known, 2)
    assert plain.figures["auc"][0] > 0.9  # learned by heart
    assert fit_calibration(signals, known, 2, texts=[f"question {n % 40}" for n in range(120)]).figures["auc"][0] < 0.8
    assert fit_calibration(signals, known, 2, texts=[f"question {n}" for n in range(120)]) == plain
