"""No re-ranking: the fused order stands."""

from collections.abc import Callable

from ingest.ports import Wording


def open_reranker(model: str, wording: Wording, read: Callable[[str], bytes]) -> None:
    """Return None: nothing is rescored."""
