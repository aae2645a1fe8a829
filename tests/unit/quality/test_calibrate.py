"""Signals of the questions that a calibration is fitted to."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ingest.ports import Observer
from ingest.quality.calibrate import _signals
from ingest.records import Asker, Filter, Gold, Question


class Numbered:
    """A searcher whose signal is the number in the question, and which keeps what it was asked."""

    def __init__(self) -> None:
        self.retrieval = SimpleNamespace(observer=Observer())
        self.asked: list[tuple[Filter, int]] = []

    def signals(self, questions: list[str], filter: Filter, without: list[tuple[Gold, ...]]) -> Any:
        self.asked.append((filter, len(without)))
        return np.array([[float(question)] for question in questions])


def test_signals_come_in_the_order_of_the_questions_whoever_asks_them() -> None:
    questions = [Question(f"q{n}", str(n), asker=Asker((f"g{n % 3}",), "acme")) for n in range(9)]
    searcher: Any = Numbered()
    assert [[float(n)] for n in range(9)] == [row.tolist() for row in _signals(searcher, questions, without_gold=True)]
    assert [(Filter((f"g{n}",), "acme"), 3) for n in range(3)] == searcher.asked
