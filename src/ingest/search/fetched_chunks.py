"""Texts and positions of the chunks that one search needs, each fetched once from the vector index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ingest import payloads
from ingest.errors import SchemaMismatch
from ingest.ids import point_id
from ingest.ports import VectorIndex
from ingest.records import Result


@dataclass
class FetchedChunks:
    """Results by chunk id, without scores. For one search only: points never change, but collections may go."""

    vectors: VectorIndex
    collection: str
    _held: dict[str, Result] = field(default_factory=dict)

    def of(self, chunk_ids: Iterable[str]) -> Mapping[str, Result]:
        """Return all results fetched so far, including these. Raises: SchemaMismatch when one of these has no point."""
        missing = {chunk: point_id(chunk) for chunk in sorted(set(chunk_ids) - self._held.keys())}
        points = self.vectors.retrieve(self.collection, list(missing.values())) if missing else {}
        for chunk, point in missing.items():
            if point not in points:
                raise SchemaMismatch(f"{self.collection}: chunk {chunk} is only in the keyword index")
            self._held[chunk] = _result(points[point].payload)
        return self._held


def _result(payload: Mapping[str, Any]) -> Result:
    found = payloads.fields(payload)
    of_result = {one.name: found[one.name] for one in fields(Result) if one.name in found}
    parent = tuple(found["parent"]) if found.get("parent") else None
    return Result(**{**of_result, "heading_path": tuple(found["heading_path"]), "parent": parent})
