"""Who may see which chunk: filters as masks over the keyword index's rows, applied before its cutoff."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.lake.contents import Contents
from ingest.records import EVERYTHING, Filter

COLUMNS = ["document_id", "source", "acl", "tenant"]  # of an attributes part, as filters need them
MASKS = 16  # filters whose masks are kept, each one byte per chunk


@dataclass
class Visibility:
    """The attributes of one generation's chunks. Threads may share it."""

    attributes: pa.Table
    _masks: BoundedCache[Filter, NDArray[np.bool_]] = field(default_factory=partial(BoundedCache, MASKS))

    def mask(self, filter: Filter) -> NDArray[np.bool_] | None:
        """Return for each chunk, by ordinal, whether it passes the filter; None if the filter has no condition."""
        if filter == EVERYTHING:
            return None
        known = self._masks.get(filter)
        return self._masks.put(filter, matches(self.attributes, filter)) if known is None else known


def open_visibility(contents: Contents) -> Visibility:
    """Return the visibility of a generation's chunks, in the order of the keyword index."""
    parts = [(shard, contents.parts(shard)["attributes"]) for shard in contents.shards]
    return Visibility(pa.concat_tables([with_shard(contents.lake.read(part, COLUMNS), shard) for shard, part in parts]))


def with_shard(attributes: pa.Table, shard: int | None) -> pa.Table:
    """Return the rows of one shard's part with the shard as another column, as `matches` expects."""
    return attributes.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), len(attributes)))


def matches(attributes: pa.Table, filter: Filter) -> NDArray[np.bool_]:
    """Return for each row of `attributes` whether it passes the filter."""
    mask = np.ones(len(attributes), np.bool_)
    tenants = () if filter.tenant is None else (filter.tenant,)
    for column, values in {"tenant": tenants, "source": filter.sources, "document_id": filter.documents}.items():
        if values:
            mask &= _in(attributes[column], values)
    for column, values in filter.excluded:
        mask &= ~_in(attributes[column], values)
    if filter.shard is not None:
        mask &= np.asarray(pc.equal(attributes["shard"], filter.shard))
    if filter.acl is not None:
        groups = attributes["acl"].combine_chunks()
        allowed = np.asarray(_in(pc.list_flatten(groups), filter.acl))
        visible = np.zeros(len(mask), np.bool_)
        visible[np.asarray(pc.list_parent_indices(groups))[allowed]] = True
        mask &= visible
    return mask


def _in(column: Any, values: Sequence[str]) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(column, value_set=pa.array(values, pa.string())))
