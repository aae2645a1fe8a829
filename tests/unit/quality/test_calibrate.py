"""What a calibration is fitted to, what its threshold costs, and when it is not worth keeping."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ingest.ports import Observer
from ingest.quality.calibrate import PLAIN, _signals, fit_calibration, outcome, threshold_of
from ingest.records import Asker, Filter, Gold, Question, Result
from ingest.search.confidence import SIGNALS
from tests.unit.search.test_ranking import WORDING


class Numbered:
    """A searcher that finds one chunk, as near as the number in the question, and keeps who asked how often."""

    def __init__(self) -> None:
        self.retrieval = SimpleNamespace(observer=Observer())
        self.wording = WORDING
        self.asked: list[tuple[Filter, int]] = []

    def candidates(self, questions: list[str], filter: Filter, most: int | None) -> list[list[Result]]:
        self.asked.append((filter, len(questions)))
        scores = [{"dense": float(question) / 10} for question in questions]
        return [[Result("c", "d", "", "docs", "a.md", "", (), "x", 0, 1, score)] for score in scores]


def test_signals_come_in_the_order_of_the_questions_whoever_asks_them() -> None:
    gold = (Gold("a.md"),)
    questions = [Question(f"q{n}", str(n), gold=gold, asker=Asker((f"g{n % 3}",), "acme")) for n in range(9)]
    searcher: Any = Numbered()
    rows = _signals(searcher, questions)
    cosine = SIGNALS.index("top_cosine")
    assert [n / 10 for n in range(9)] == [row[cosine] for row in rows]
    assert [n / 10 for n in range(9)] == [row[len(SIGNALS) + PLAIN.index("dense")] for row in rows]
    assert [(Filter((f"g{n}",), "acme"), 3) for n in range(3)] == searcher.asked


def test_what_an_outcome_costs_is_counted_in_wrong_refusals() -> None:
    known, passed = np.array([True, True, True, False, False]), np.array([True, True, False, True, False])
    found = {name: values.mean() for name, values in outcome(known, passed, 4).items()}
    assert {"refused": 2 / 5, "precision": 2 / 3, "wrong_refusals": 1 / 3, "cost": (1 + 4) / 5} == pytest.approx(found)


@pytest.mark.parametrize(
    ("wrong_answer", "expected"),
    [
        (0.4, -math.inf),  # every refusal would cost more than it saves
        (0.5, -math.inf),  # of equal costs, the one that answers most
        (0.6, 0.3),
        (1.5, 0.85),
        (9, 0.85),  # the tie of two at 0.8 passes together or not at all
    ],
)
def test_the_dearer_a_wrong_answer_the_higher_the_threshold(wrong_answer: float, expected: float) -> None:
    scores = np.array([0.9, 0.8, 0.8, 0.6, 0.4, 0.2, 0.1, 0.1])
    known = np.array([True, True, False, False, True, False, False, True])
    assert expected == pytest.approx(threshold_of(scores, known, wrong_answer))


def test_where_every_answer_is_wrong_none_is_given() -> None:
    assert math.inf == threshold_of(np.array([0.9, 0.1]), np.array([False, False]), 1)


def rows_of(*, by_signals: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and answers of 80 questions, which either the signals or the top dense scores tell apart."""
    rng, known = np.random.default_rng(3), np.arange(80) % 2 == 0
    rows = rng.normal(0, 1, (80, len(SIGNALS) + len(PLAIN)))
    rows[:, 0 if by_signals else len(SIGNALS)] += 6 * known
    return rows, known


def test_a_calibration_that_a_threshold_on_the_top_score_beats_is_told_with_its_interval() -> None:
    rows, known = rows_of(by_signals=False)
    fit = fit_calibration(rows, known, 2)
    (dense,) = [d for d in fit.against_top_scores if d.metric == "dense"]
    assert 0 < dense.lower < dense.mean < dense.upper


def test_a_calibration_that_tells_more_than_the_top_scores_is_kept_with_its_whole_trade_off() -> None:
    rows, known = rows_of(by_signals=True)
    fit = fit_calibration(rows, known, 2)
    by_threshold = {row["threshold"]: row for row in fit.trade_off}
    assert all(rival.mean < 0 for rival in fit.against_top_scores)
    assert (0.0, 0.5, 1.0) == tuple(by_threshold[0.0][name] for name in ("refused", "precision", "cost"))
    assert (1.0, 1.0, 0.5) == tuple(by_threshold[1.0][name] for name in ("refused", "wrong_refusals", "cost"))
    assert fit.threshold in by_threshold
    assert fit.figures["cost"][2] < 0.25
