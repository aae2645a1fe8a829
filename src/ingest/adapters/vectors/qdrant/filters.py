"""Who may see which point: filters, permissions among them, as Qdrant evaluates them inside its search."""

from typing import TYPE_CHECKING, Any

from ingest.adapters.vectors.qdrant.collection_layout import CollectionLayout
from ingest.records import Filter

if TYPE_CHECKING:
    from qdrant_client import models


def sees_nothing(filter: Filter) -> bool:
    """Tell whether the caller has no group at all: no chunk is visible, and engines differ on "any of none"."""
    return filter.acl is not None and not filter.acl


def qdrant_filter(filter: Filter, layout: CollectionLayout) -> "models.Filter | None":
    """Return Qdrant's form of a filter, None when it has no condition."""
    from qdrant_client import models

    fields: dict[str, Any] = {
        "tenant": filter.tenant,
        "acl": filter.acl,
        "source": filter.sources or None,
        "document_id": filter.documents or None,
        "shard": filter.shard,
    }
    must: list[models.Condition] = []
    for field, value in fields.items():
        if value is not None:
            one = isinstance(value, str | int)
            match = models.MatchValue(value=value) if one else models.MatchAny(any=list(value))
            must.append(models.FieldCondition(key=layout.path(field), match=match))
    return models.Filter(must=must) if must else None
