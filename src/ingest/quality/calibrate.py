"""Calibrate: put the judged questions to the release in force, and keep in the lake what tells answers from no answers.

Nothing is promoted: the settings name a calibration, and the next promotion makes a release with it.
"""

import logging
from collections.abc import Sequence

import numpy as np

from ingest.extras import require
from ingest.lake.contents import contents_of
from ingest.lake.learned_files import keep_learned
from ingest.lake.stored_records import to_bytes
from ingest.quality.anchors import anchored, side_of
from ingest.quality.calibration_fit import check_counts, fit
from ingest.quality.evaluate import BATCH, read_questions, uncalibrated
from ingest.records import EVERYTHING, Gold, Question
from ingest.search import Searcher, open_serving
from ingest.search.confidence import Calibration, Floats
from ingest.services import Services

log = logging.getLogger(__name__)


def calibrate(services: Services, target: float, *, leave_out: bool = False) -> tuple[str, Calibration]:
    """Return the name (SHA-256) and the record of a calibration, which the lake now keeps.

    Stale questions, whose places the sources have changed or deleted, are left out.

    Args:
        services: With judged sets, and a release in force.
        target: Wanted precision among the questions that are answered, 0 to 1.
        leave_out: Every answerable question counts a second time, without its gold documents, as an unanswerable one;
            the unanswerable questions of the judged sets are not asked.

    Raises: UnknownRelease when nothing serves, InvalidSettings when there are too few questions of a kind.
    """
    require("a calibration", "ingest[calibrate]", "scikit-learn", "scipy")
    questions = [q for q in read_questions(services) if q.answerable or not leave_out]
    profile = uncalibrated(services.options.profile).model_copy(update={"reranker": "none"})
    searcher = open_serving(services, profile)  # what the serving profile names may be lost or outdated
    contents = contents_of(services.lake, searcher.manifest)
    anchors = anchored(questions, side_of(contents, questions), None)
    live = {q.query_id: q for q in anchors[0]}
    if anchors[2]:
        log.warning("%d stale questions are left out: their places are in no document of the release", len(anchors[2]))
    questions = [live.get(q.query_id, q) for q in questions if q.query_id in live or not q.answerable]
    left_out = list(questions) if leave_out else []
    known, texts = [q.answerable for q in questions] + [False] * len(left_out), [q.text for q in questions + left_out]
    without = {q.text for q in questions if leave_out or not q.answerable}
    check_counts(len({q.text for q in questions if q.answerable}), len(without))
    with services.observer.step("calibrate", len(known)):
        found = [_signals(services, searcher, questions, leave_out=False)]
        if left_out:
            found.append(_signals(services, searcher, left_out, leave_out=True))
    calibration, _ = fit(np.concatenate(found), np.array(known), target, left_out=leave_out, texts=texts)
    return keep_learned(services.lake.store, to_bytes(calibration)), calibration


def _signals(services: Services, searcher: Searcher, questions: Sequence[Question], *, leave_out: bool) -> Floats:
    found = []
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        without: list[tuple[Gold, ...]] = [q.gold for q in batch] if leave_out else []
        found.append(searcher.signals([q.text for q in batch], EVERYTHING, without))
        services.observer.advanced("calibrate", {"questions": len(batch)})
    return np.concatenate(found)
