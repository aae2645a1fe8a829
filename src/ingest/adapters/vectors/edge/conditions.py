"""Translates Qdrant's filters into the engine's. Unsupported conditions are refused, never dropped."""

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

from ingest.adapters.vectors.edge.translation import Unsupported


def edge_filter(filter: models.Filter | None) -> Any:
    """Return the engine's filter, or None without one. Raises: Unsupported for conditions that it would not apply."""
    if filter is None:
        return None
    few = filter.min_should
    least = None if few is None else edge.MinShould(_conditions(few.conditions) or [], few.min_count)
    groups = {name: _conditions(getattr(filter, name)) for name in ("must", "should", "must_not")}
    return edge.Filter(**groups, min_should=least)


def _conditions(conditions: Any) -> list[Any] | None:
    if conditions is None:
        return None
    return [_condition(one) for one in (conditions if isinstance(conditions, list) else [conditions])]


def _condition(condition: Any) -> Any:
    match condition:
        case models.Filter():
            return edge_filter(condition)
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition(set(ids))
        case models.IsEmptyCondition(is_empty=field):
            return edge.IsEmptyCondition(field.key)
        case models.IsNullCondition(is_null=field):
            return edge.IsNullCondition(field.key)
        case models.FieldCondition():
            return _field_condition(condition)
    raise Unsupported(f"the embedded engine does not support the condition {type(condition).__name__}")


def _field_condition(condition: models.FieldCondition) -> edge.FieldCondition:
    """Return a condition on a field, which has exactly one test in Qdrant."""
    given = condition.model_dump(exclude_none=True)
    if set(given) not in ({"key", "match"}, {"key", "range"}):
        raise Unsupported(f"the embedded engine does not support FieldCondition with {', '.join(sorted(given))}")
    return edge.FieldCondition(condition.key, match=_match(condition.match), range=_range(condition.range))


MATCHES = (models.MatchValue, models.MatchAny, models.MatchExcept, models.MatchText)  # each has one field


def _match(match: Any) -> Any:
    if match is None:
        return None
    if not isinstance(match, MATCHES):
        raise Unsupported(f"the embedded engine does not support {type(match).__name__}")
    ((_, value),) = match
    return getattr(edge, type(match).__name__)(value)


def _range(span: models.Range | models.DatetimeRange | None) -> Any:
    if isinstance(span, models.DatetimeRange):
        return edge.RangeDateTime(**{name: end.isoformat() for name, end in span if end is not None})
    return None if span is None else edge.RangeFloat(gte=span.gte, gt=span.gt, lte=span.lte, lt=span.lt)
