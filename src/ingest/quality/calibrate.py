"""Calibrate: ask the release in force the judged questions, fit how to tell answers from non-answers, and keep it.

Nothing is promoted: the settings name a calibration, and the next promotion makes a release with it.
"""

import logging
from collections.abc import Sequence

import numpy as np

from ingest.extras import require
from ingest.lake.model_files import keep_learned
from ingest.lake.stored_records import to_bytes
from ingest.quality.askers import in_batches
from ingest.quality.calibration_fit import check_counts, fit_calibration
from ingest.quality.evaluate import UNCALIBRATED, read_questions, untimed
from ingest.quality.metrics import distinct_questions
from ingest.quality.rankings import live_questions
from ingest.records import BuildOptions, Question
from ingest.search import Searcher, open_serving
from ingest.search.confidence import Calibration, Floats
from ingest.services import Retrieval

log = logging.getLogger(__name__)


def calibrate(
    retrieval: Retrieval, options: BuildOptions, target: float, *, leave_out: bool = False
) -> tuple[str, Calibration]:
    """Return the name (SHA-256) and the record of a calibration, which the lake now keeps.

    Stale questions, whose places the sources have changed or deleted, are left out. `target` is the desired precision
    among the questions that are answered, 0 to 1. With `leave_out`, every answerable question counts a second time,
    without its gold documents, as an unanswerable one; the unanswerable questions of the judged sets are not asked.

    Raises: UnknownRelease when nothing serves, InvalidSettings when there are too few questions of a kind.
    """
    require("a calibration", "ingest[calibrate]", "scikit-learn", "scipy")
    asked = distinct_questions(read_questions(options.judged))[0]
    questions = [q for q in asked if q.answerable or not leave_out]
    profile = untimed(options.profile, **UNCALIBRATED, reranker="none")
    searcher = open_serving(retrieval, profile)  # what the serving profile names may be lost or outdated
    found, stale = live_questions(retrieval.lake, searcher.manifest, [q for q in questions if q.answerable])
    live = {q.query_id: q for q in found}
    if stale:
        log.warning("%d stale questions are left out: their places are in no document of the release", len(stale))
    questions = [live.get(q.query_id, q) for q in questions if q.query_id in live or not q.answerable]
    left_out = list(questions) if leave_out else []
    known, texts = [q.answerable for q in questions] + [False] * len(left_out), [q.text for q in questions + left_out]
    without = {q.text for q in questions if leave_out or not q.answerable}
    check_counts(len({q.text for q in questions if q.answerable}), len(without))
    with retrieval.observer.step("calibrate", len(known), "questions"):
        signals = _signals(searcher, questions, without_gold=False) + _signals(searcher, left_out, without_gold=True)
    calibration, _ = fit_calibration(np.array(signals), np.array(known), target, left_out=leave_out, texts=texts)
    return keep_learned(retrieval.lake.store, to_bytes(calibration)), calibration


def _signals(searcher: Searcher, questions: Sequence[Question], *, without_gold: bool) -> list[Floats]:
    """Return the signals of each question as its asker gets them, in order, with or without its gold documents."""
    rows: dict[str, Floats] = {}
    for asker, batch in in_batches(searcher.retrieval.observer, "calibrate", questions):
        found = searcher.signals([q.text for q in batch], asker, [q.gold for q in batch] if without_gold else ())
        rows |= {q.query_id: row for q, row in zip(batch, found, strict=True)}
    return [rows[q.query_id] for q in questions]
