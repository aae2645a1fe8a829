"""Who may see which point: filters, permissions among them, as Qdrant evaluates them inside its search."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.adapters.vectors.qdrant.collection_layout import Layout
from ingest.records import Filter

if TYPE_CHECKING:
    from qdrant_client import models


def sees_nothing(filter: Filter) -> bool:
    """Tell whether the caller has no group at all: no chunk is visible, and engines differ on "any of none"."""
    return filter.acl is not None and not filter.acl


def filter_of(filter: Filter, layout: Layout) -> "models.Filter | None":
    """Return Qdrant's form of a filter, None when it has no condition."""
    from qdrant_client import models

    def any_of(key: str, values: Sequence[str]) -> models.FieldCondition:
        return models.FieldCondition(key=layout.path(key), match=models.MatchAny(any=list(values)))

    def equal(key: str, value: str | int) -> models.FieldCondition:
        return models.FieldCondition(key=layout.path(key), match=models.MatchValue(value=value))

    must = []
    if filter.tenant is not None:
        must.append(equal("tenant", filter.tenant))
    if filter.acl is not None:
        must.append(any_of("acl", filter.acl))
    if filter.sources:
        must.append(any_of("source", filter.sources))
    if filter.documents:
        must.append(any_of("document_id", filter.documents))
    if filter.shard is not None:
        must.append(equal("shard", filter.shard))
    return models.Filter(must=list(must)) if must else None
