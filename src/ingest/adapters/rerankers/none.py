"""No re-ranking: the fused order stands."""

from ingest.ports import Wording
from ingest.records import QueryProfile


def open_reranker(profile: QueryProfile, wording: Wording) -> None:
    """Return None: nothing is rescored."""
