"""How good ranked chunks are: judged sets, relevance independent of the chunker, and metrics by a library."""

from ingest.quality.metrics.judged_sets import distinct_questions, read_judged_set
from ingest.quality.metrics.relevance import relevant
from ingest.quality.metrics.scoring import DEPTH, METRICS, score_questions
