"""The vector index and its aliases."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ingest.records import LANGCHAIN, AliasAction, Filter, Hit, Point, Shape, StoredPoint, Vectors


class Aliases(Protocol):
    """The part of a vector index that promotion needs."""

    def aliases(self) -> dict[str, str]:
        """Return alias → collection, from one answer. Raises: IndexUnavailable."""

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        """Apply actions in order in one call; False when one failed. Those before it may be kept.

        Raises: IndexUnavailable when the outcome is unknown; the caller reads the aliases again.
        """

    def collections(self) -> list[str]:
        """Return the names of all collections."""


class VectorIndex(Aliases, Protocol):
    """Dense vectors with payloads, one collection per generation. Cosine; a collection knows its own shape."""

    def create_collection(self, collection: str, dimension: int, shape: Shape = LANGCHAIN) -> None:
        """Create the collection with its payload indexes, in bulk mode; nothing happens when it exists.

        Raises: DimensionMismatch when it exists with another dimension, SchemaMismatch with another shape.
        """

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its aliases; nothing happens when it is missing."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points and wait until they are applied. Checked before the call: ids, dimension, finite values."""

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points by id and wait."""

    def flush(self, collection: str) -> None:
        """Return when everything written so far survives a power cut."""

    def optimise(self, collection: str) -> None:
        """Leave bulk mode, build the HNSW graph and wait until the collection is green."""

    def count(self, collection: str, filter: Filter) -> int:
        """Return the exact number of points that match."""

    def scroll(self, collection: str, filter: Filter) -> Iterator[StoredPoint]:
        """Yield every matching point with its whole payload, in id order, paged."""

    def retrieve(self, collection: str, ids: Sequence[str]) -> dict[str, StoredPoint]:
        """Return the points that exist, by id."""

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        """Return for each row of `vectors` (n, dimension) the best `limit` hits, best first."""

    def nearest(self, collection: str, vectors: Vectors, limit: int) -> list[list[Hit]]:
        """Return as `search`, over all points, from every vector in full precision: what `search` approximates."""

    def scores(self, collection: str, vectors: Vectors, ids: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """Return for each row the exact cosine of those of its points that exist, by chunk id."""

    def close(self) -> None:
        """Close connections, and end processes that only this object uses."""
