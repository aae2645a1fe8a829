"""No re-ranking: the fused order stands."""

from ingest.ports import Wording


def open_reranker(model: str, wording: Wording) -> None:
    """Return None: nothing is rescored."""
