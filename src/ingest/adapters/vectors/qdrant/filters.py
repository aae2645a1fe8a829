"""Who may see which point: filters, including permissions, which Qdrant evaluates inside its search."""

from collections.abc import Callable
from typing import Any

from ingest.adapters.vectors.qdrant import client_models as models
from ingest.records import Filter


def sees_nothing(filter: Filter) -> bool:
    """Return whether the caller has no groups: no chunk is visible then, and engines differ on "any of none"."""
    return filter.acl is not None and not filter.acl


def qdrant_filter(filter: Filter, path: Callable[[str], str]) -> "models.Filter | None":
    """Return Qdrant's form of a filter, or None if it has no conditions. `path` of a field: where payloads have it."""
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
            must.append(models.FieldCondition(key=path(field), match=match))
    return models.Filter(must=must) if must else None
