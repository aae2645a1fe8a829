"""Who may see which chunk: filters as masks over the keyword index's rows, applied before its cut."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.lake.lake import Lake
from ingest.records import EVERYTHING, Filter, Manifest, PartFile

COLUMNS = ["document_id", "source", "acl", "tenant"]  # of an attributes part, that filters look at
MASKS = 16  # filters whose masks are kept, one byte a chunk each


@dataclass
class Visibility:
    """The attributes of one generation's chunks. Safe to share between threads."""

    attributes: pa.Table
    _masks: OrderedDict[Filter, NDArray[np.bool_]] = field(default_factory=OrderedDict)

    def mask(self, filter: Filter) -> NDArray[np.bool_] | None:
        """Return for each chunk, by ordinal, whether the filter lets it through; None when it has no condition."""
        if filter == EVERYTHING:
            return None
        mask = self._masks.get(filter)
        if mask is None:  # other threads may add and remove meanwhile: what was found or made here is what counts
            mask = self._masks[filter] = matches(self.attributes, filter)
            while len(self._masks) > MASKS:
                with suppress(KeyError):
                    self._masks.popitem(last=False)
        return mask


def open_visibility(lake: Lake, manifest: Manifest) -> Visibility:
    """Return the visibility of a generation's chunks, in the order of the keyword index."""
    return Visibility(_attributes(lake, manifest))


def shard_parts(manifest: Manifest, kind: str) -> list[PartFile]:
    """Return a kind's parts of all shards in the order of the shards."""
    parts = [p for p in manifest.parts if p.kind == kind and p.shard is not None]
    return sorted(parts, key=lambda p: p.shard if p.shard is not None else -1)


def _attributes(lake: Lake, manifest: Manifest) -> pa.Table:
    parts = shard_parts(manifest, "attributes")
    return pa.concat_tables([with_shard(lake.read(part, COLUMNS), part.shard) for part in parts])


def with_shard(attributes: pa.Table, shard: int | None) -> pa.Table:
    """Return the rows of one shard's part with the shard as one more column, as `matches` reads them."""
    return attributes.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), len(attributes)))


def matches(attributes: pa.Table, filter: Filter) -> NDArray[np.bool_]:
    """Return for each row of `attributes` whether the filter lets it through."""
    mask = np.ones(len(attributes), np.bool_)
    if filter.tenant is not None:
        mask &= _in(attributes["tenant"], [filter.tenant])
    if filter.sources:
        mask &= _in(attributes["source"], filter.sources)
    if filter.documents:
        mask &= _in(attributes["document_id"], filter.documents)
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
