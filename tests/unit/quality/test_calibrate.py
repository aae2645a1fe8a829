"""Signals of the questions that a calibration is fitted to."""

from types import SimpleNamespace
from typing import Any

from ingest.ports import Observer
from ingest.quality.calibrate import _signals
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
    rows = _signals(searcher, questions, leave_out=True)
    cosine = SIGNALS.index("top_cosine")
    assert [n / 10 for n in range(9)] == [row[cosine] for row in rows[:9]]
    assert [[0.0] * len(SIGNALS)] * 9 == [row.tolist() for row in rows[9:]]
    assert [(Filter((f"g{n}",), "acme"), 3) for n in range(3)] == searcher.asked
    assert [n / 10 for n in range(9)] == [row[cosine] for row in _signals(searcher, questions, leave_out=False)]
