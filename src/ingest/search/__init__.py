"""One question → answers of one release.

serving      which release is in force, and a searcher on it
searcher     both stages, fused and re-ranked
visibility   filters, evaluated before the cut
"""

from ingest.search.searcher import STAGES, Answer, Searcher
from ingest.search.serving import open_release, open_serving, release_in_force

__all__ = ["STAGES", "Answer", "Searcher", "open_release", "open_serving", "release_in_force"]
