"""The vector index and its aliases."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ingest.records import LANGCHAIN, AliasAction, Filter, Hit, LakeIdentity, Point, Shape, StoredPoint, Vectors


class Aliases(Protocol):
    """The part of a vector index that promotion needs."""

    def aliases(self) -> dict[str, str]:
        """Return alias → collection, from a single response. Raises: IndexUnavailable."""

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        """Apply actions in order in one call; False if one failed. Those before it may remain applied.

        Raises: IndexUnavailable if the outcome is unknown; the caller reads the aliases again.
        """

    def collections(self) -> list[str]:
        """Return the names of all collections."""

    def lake_of(self, collection: str) -> LakeIdentity | None:
        """Return the lake whose collection this is; None when it does not say so, or does not exist."""

    def generation_of(self, collection: str) -> str:
        """Return the generation that a collection says it holds, else the one it is named after, else ""."""

    def give(self, collection: str, lake: LakeIdentity, generation: str = "") -> None:
        """Write down whose a collection is, and which generation it holds if given. A server before 1.16 forgets it."""


class VectorIndex(Aliases, Protocol):
    """Dense vectors by cosine, with payloads. A collection holds one generation; it knows which, and its own shape."""

    def create_collection(
        self, collection: str, dimension: int, shape: Shape = LANGCHAIN, lake: LakeIdentity | None = None, *like: str
    ) -> bool:
        """Create the collection of a lake with its payload indexes, in bulk mode, unless it exists.

        It begins with the points and the graph of one that is `like` it where the engine can copy these, else empty.
        Returns whether `optimise` has still to build its graph.
        Raises: DimensionMismatch if it exists with another dimension, SchemaMismatch with another shape, ForeignIndex
            if it is another lake's.
        """

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its aliases, if it exists."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points and wait until they are applied. Checks ids, dimension and finite values first."""

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points by id and wait; missing ids are fine. Durable on the embedded engine."""

    def flush(self, collection: str) -> None:
        """Return once everything written so far would survive a power failure."""

    def optimise(self, collection: str, heard: Callable[[int], None] = ...) -> None:
        """Leave bulk mode, build the HNSW graph and wait for it. `heard` is told how many points it has so far."""

    def count(self, collection: str, filter: Filter) -> int:
        """Return the exact number of points that match."""

    def scroll(self, collection: str, filter: Filter, fields: Sequence[str] = ()) -> Iterator[StoredPoint]:
        """Yield the matching points in id order, with all of the payload or these `fields`, None for absent ones."""

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        """Return the points that exist, by id; with their `vectors`, in full precision, if asked for."""

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        """Return the `limit` best hits for each row of `vectors` (n, dimension), best first; none is UNREAD."""

    def nearest(self, collection: str, vectors: Vectors, limit: int) -> list[list[Hit]]:
        """Search exhaustively, in full precision: what `search` approximates."""

    def scores(self, collection: str, vectors: Vectors, ids: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """Return for each row the exact cosines of those of its `ids` that `search` may find, by chunk id."""

    def close(self) -> None:
        """Close connections, and end processes that only this object uses."""
