"""Opens the re-ranker that a query profile names; the lake stores its files by their SHA-256."""

from functools import partial
from typing import TYPE_CHECKING

from ingest.adapters import rerankers
from ingest.extras import require
from ingest.lake.learned_files import keep_learned, read_learned
from ingest.ports import Reranker, Store, Wording
from ingest.records import QueryProfile

if TYPE_CHECKING:
    from ingest.quality.training import Fit

__all__ = ["keep_learned", "open_fit", "open_reranker", "read_learned"]


def open_reranker(store: Store, profile: QueryProfile, wording: Wording) -> Reranker | None:
    """Return the re-ranker of a profile, or None if the fused order stands. Raises: InvalidSettings, SchemaMismatch."""
    module = rerankers.find(profile.reranker)
    reranker: Reranker | None = module.open_reranker(profile.reranker_model, wording, partial(read_learned, store))
    return reranker


def open_fit() -> "Fit":
    """Return the function that fits trees to judgments. Raises: InvalidSettings if its library is not installed."""
    require("training a re-ranker", "ingest[rerank]", "lightgbm")
    fit: Fit = rerankers.find("learned").fit
    return fit
