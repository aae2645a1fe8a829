"""Scores the best of the fused ranking again, within a time limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.errors import FatalError
from ingest.ports import Reranker
from ingest.records import Hit, Result


@dataclass(frozen=True)
class Reranking:
    """Rescores the head of a ranking; the tail follows in its old order."""

    reranker: Reranker
    milliseconds: int  # per question; 0: no limit
    monotonic: Callable[[], float]  # seconds

    def ranked(self, question: str, candidates: Sequence[Result], fused: Sequence[Hit]) -> list[Hit] | None:
        """Return the new ranking, best first, equal scores in fused order; None if there is not enough time.

        Candidates are scored in slices of the re-ranker's size. After each slice, the time for all of them is
        extrapolated; above the limit, scoring stops. A finished ranking counts, however long it took. The candidates
        are the first of `fused`; its tail follows below the lowest new score, at the old distances.

        Raises: FatalError for a score that is not finite.
        """
        started = self.monotonic()
        scores: list[float] = []
        while len(scores) < len(candidates):
            part = candidates[len(scores) : len(scores) + self.reranker.slice]
            found = self.reranker.scores(question, part)
            if len(found) != len(part) or not np.isfinite(found).all():
                raise FatalError(f"reranker: {len(part)} finite scores expected, found {found.tolist()[:5]}")
            scores += found.tolist()
            spent = (self.monotonic() - started) * 1000
            if 0 < self.milliseconds < spent * len(candidates) / len(scores) and len(scores) < len(candidates):
                return None
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        ranked = [Hit(candidates[i].chunk_id, scores[i]) for i in order]
        if not ranked:
            return list(fused)
        last = fused[len(scores) - 1].score
        return ranked + [Hit(h.chunk_id, ranked[-1].score + h.score - last) for h in fused[len(scores) :]]
