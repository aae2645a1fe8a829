"""Calibrate: ask the release in force the judged questions, fit how to tell answers from non-answers, and keep it.

Nothing is promoted: the settings name a calibration, and the next promotion makes a release with it.
"""

import logging
from collections.abc import Sequence

import numpy as np

from ingest.extras import require
from ingest.lake.model_files import keep_learned
from ingest.lake.stored_records import to_bytes
from ingest.quality.calibration_fit import check_counts, fit_calibration
from ingest.quality.evaluate import read_questions
from ingest.quality.metrics import distinct_questions
from ingest.quality.rankings import candidates_of, live_questions, open_fused
from ingest.records import BuildOptions, Question
from ingest.search import Searcher
from ingest.search.confidence import LOOKED_AT, Calibration, Floats, signals
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
    searcher = open_fused(retrieval, options.profile)
    found, stale = live_questions(searcher, [q for q in questions if q.answerable])
    live = {q.query_id: q for q in found}
    if stale:
        log.warning("%d stale questions are left out: their places are in no document of the release", len(stale))
    questions = [live.get(q.query_id, q) for q in questions if q.query_id in live or not q.answerable]
    copies = questions if leave_out else []
    known, texts = [q.answerable for q in questions] + [False] * len(copies), [q.text for q in questions + copies]
    without = {q.text for q in questions if leave_out or not q.answerable}
    check_counts(len({q.text for q in questions if q.answerable}), len(without))
    rows = np.array(_signals(searcher, questions, leave_out))
    calibration, _ = fit_calibration(rows, np.array(known), target, left_out=leave_out, texts=texts)
    return keep_learned(retrieval.lake.store, to_bytes(calibration)), calibration


def _signals(searcher: Searcher, questions: Sequence[Question], leave_out: bool) -> list[Floats]:
    """Return the signals of each question, in order, as its asker gets them; then those without gold documents."""
    ways, rows = 2 if leave_out else 1, dict[str, list[Floats]]()
    for batch in candidates_of(searcher, "calibrate", questions, None if leave_out else LOOKED_AT):
        for question, found in batch:
            left = [r for r in found if not any(g.is_in(r.source, r.path) for g in question.gold)]
            rows[question.query_id] = [signals(question.text, some, searcher.wording) for some in (found, left)[:ways]]
    return [rows[q.query_id][way] for way in range(ways) for q in questions]
