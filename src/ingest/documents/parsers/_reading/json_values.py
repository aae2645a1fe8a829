"""JSON values of limited depth. Numbers stay as written."""

import json
from typing import Any

from ingest.errors import MalformedDocument, OversizedDocument

EXTRA = "Extra data"  # the decoder's message for a second value after the first


def load(text: str, where: str, nesting: int) -> Any:
    """Return the value of a JSON text: dictionaries, lists, strings, booleans, None; numbers become strings.

    If keys repeat, the last one counts; NaN and Infinity are numbers.

    Raises:
        MalformedDocument: Not JSON, with line and column.
        OversizedDocument: Nested deeper than `nesting`.
    """
    deeper = f"{where}: objects and lists nested deeper than the limit of {nesting}"
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise MalformedDocument(f"{where}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise OversizedDocument(deeper) from error
    level = [value]
    for _ in range(nesting + 1):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return value
    raise OversizedDocument(deeper)


def _children(value: Any) -> Any:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [child for child in children if isinstance(child, (dict, list))]
