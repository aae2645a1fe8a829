"""Texts and positions of the chunks that one search needs, each fetched once from the vector index."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ingest import payloads
from ingest.ids import point_id
from ingest.ports import VectorIndex
from ingest.records import Hit, Result

log = logging.getLogger(__name__)


@dataclass
class FetchedChunks:
    """Results by chunk id, without scores. For one search only: points never change, but collections may go."""

    vectors: VectorIndex
    collection: str
    lost: set[str] = field(default_factory=set)  # chunks that have no point, or a damaged one
    _held: dict[str, Result] = field(default_factory=dict)

    def of(self, chunk_ids: Iterable[str]) -> Mapping[str, Result]:
        """Return all results fetched so far, including these. A chunk that has lost its point is left out, and said."""
        wanted = {chunk: point_id(chunk) for chunk in sorted(set(chunk_ids) - self._held.keys() - self.lost)}
        points = self.vectors.retrieve(self.collection, list(wanted.values())) if wanted else {}
        for chunk, point in wanted.items():
            if point in points and (result := _result(points[point].payload)) is not None:
                self._held[chunk] = result
        if lost := [chunk for chunk in wanted if chunk not in self._held]:
            told = "%s: answered without %d chunks whose points are lost or damaged, the first is %s; a run mends it"
            log.warning(told, self.collection, len(lost), lost[0])
            self.lost.update(lost)
        return self._held

    def there(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits that are not known to be lost."""
        return [hit for hit in hits if hit.chunk_id not in self.lost]


def _result(payload: Mapping[str, Any]) -> Result | None:
    """Return a point's payload as a result, None when that is not what was once written."""
    found = payloads.fields(payload)
    of_result = {one.name: found[one.name] for one in fields(Result) if one.name in found}
    parent = tuple(found["parent"]) if found.get("parent") else None
    try:
        return Result(**{**of_result, "heading_path": tuple(found["heading_path"]), "parent": parent})
    except (KeyError, TypeError):
        return None
