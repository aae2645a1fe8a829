"""One question → answers of one release.

served_release   which release is in force, and a searcher on it
searcher         both stages, fused and re-ranked; confidence
visibility       filters as masks, applied before the keyword search's cutoff
fusion           two rankings → one
ranking          what question and candidate have in common, for re-ranking and confidence
context          ranked chunks → passages within a token budget
surroundings     the texts around chunks, from the lake
"""

from ingest.search.context import Context, ContextOptions, Passage
from ingest.search.searcher import STAGES, Answer, Searcher
from ingest.search.served_release import open_release, open_serving, release_in_force, serving_release
from ingest.search.surroundings import context_of
