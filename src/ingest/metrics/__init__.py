"""How good are ranked chunks? Judged sets, relevance that no chunker can change, and metrics by a library."""

from ingest.metrics.judged import JudgedPlace, JudgedQuestion, read_judged_set
from ingest.metrics.relevance import relevant
from ingest.metrics.relocation import relocate
from ingest.metrics.scoring import METRICS, score_question, score_questions

__all__ = [
    "METRICS", "JudgedPlace", "JudgedQuestion", "read_judged_set", "relevant", "relocate", "score_question",
    "score_questions",
]  # fmt: skip
