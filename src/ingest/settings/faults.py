"""What is wrong with settings, all of it at once, in messages that repeat no value which might be a secret.

Values are shown only of known keys whose values are numbers, switches or one of a few words, and only if they look like
that. Everything else is named by its key, and a key that does not exist by the nearest one that does.
"""

import re
import typing
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Literal

from pydantic import BaseModel, SecretStr, ValidationError

from ingest.phrases import meant, nearest
from ingest.settings.lake_settings import Settings

PREFIX = "INGEST_"
NOT_SETTINGS = ("INGEST_TEST_", "INGEST_HOME", "INGEST_INTEROP_")  # variables of the tests and of examples
SECRET = re.compile(r"(?i)(^|[._-])(api_?key|access_?key(_id)?|secret\w*|password|credentials|token)$")
IN_A_URI = {
    "a signature or a token": re.compile(r"(?i)[?&](x-amz-\w+|x-goog-\w+|sig|signature|\w*token|api[_-]?key)="),
    "a password": re.compile(r"://[^/@\s]*:[^/@\s]+@"),
}
WORD = re.compile(r"[A-Za-z_ -]{1,24}|[-+.,\dEe]{1,24}")  # of a value that is shown
MOST = 20  # faults that are named; the rest are counted
UNION = (typing.Union, UnionType)
Place = tuple[str | int, ...]


def in_file(values: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield where plain values hold a secret, and what to do: they are versioned, and recorded in manifests."""
    if isinstance(values, Mapping | list | tuple):
        for key, value in values.items() if isinstance(values, Mapping) else enumerate(values):
            inner = (*place, key)
            if value is not None and _holds_secret(inner):
                yield inner, f"{_dotted(inner)} is a secret; it belongs in the environment (QDRANT_API_KEY)"
            else:
                yield from in_file(value, inner)
    elif isinstance(values, str):
        for what in (what for what, pattern in IN_A_URI.items() if pattern.search(values)):
            yield place, f"{_dotted(place)} contains {what}; credentials come from the environment"


def in_environment(names: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables with our prefix that name no key."""
    known = Settings.model_fields
    places = [*known, *(f"{name}__{key}" for name in known for key in _keys_at((name, "")))]
    variables = [f"{PREFIX}{place.upper()}" for place in places]
    for name in sorted(names):
        first = name.removeprefix(PREFIX).split("__")[0].lower()
        if name.startswith(PREFIX) and not name.startswith(NOT_SETTINGS) and first not in known:
            yield f"environment variable {name}: no such key{meant(name, variables)}"


def of_validation(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield the places that pydantic refuses and why; a key that is missing because it was mistyped is left out."""
    found = error.errors(include_url=False, include_context=False)
    typed = [e["loc"] for e in found if e["type"] == "extra_forbidden"]
    instead = {(*place[:-1], nearest(str(place[-1]), _keys_at(place))) for place in typed}
    for one in found:
        place, message = one["loc"], one["msg"].removeprefix("Value error, ")
        if one["type"] in ("model_type", "dict_type"):
            message = f"expected a mapping of keys, found {type(one['input']).__name__}"
        if one["type"] == "extra_forbidden":
            yield place, f"{_dotted(place)}: no such key{meant(str(place[-1]), _keys_at(place))}"
        elif one["type"] != "missing" or place not in instead:
            yield place, f"{_dotted(place)}: {message}{_shown(place, one['input'])}" if place else message


def told(where: str, faults: list[str]) -> str:
    """Return the message of all faults."""
    first = list(dict.fromkeys(faults))
    if len(first) == 1:
        return f"{where}: {first[0]}"
    more = [f"and {len(first) - MOST} more"] if len(first) > MOST else []
    return f"{where}: {len(first)} faults: {'; '.join([*first[:MOST], *more])}"


def _holds_secret(place: Place) -> bool:
    """Tell whether a key holds a secret: one of type SecretStr, or one that no section knows and that is named so."""
    key, known = str(place[-1]), _keys_at(place)
    if key in known:
        return SecretStr in _kinds(place)
    if any(map(_is_section, _kinds(place))):  # the name of an index
        return False
    # One letter beside a known key it is a typing error, and then no secret.
    return isinstance(place[-1], str) and SECRET.search(key) is not None and not nearest(key, known)


def _shown(place: Place, value: Any) -> str:
    """Return a wrong value for a message, "" if it might be a secret."""
    kinds = {kind if isinstance(kind, type) else typing.get_origin(kind) for kind in _kinds(place)}
    if not kinds or not kinds <= {int, float, bool, Literal}:
        return ""
    plain = isinstance(value, int | float) or (isinstance(value, str) and WORD.fullmatch(value))
    return f" (found {value!r})" if plain else ""


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))


def _keys_at(place: Place) -> list[str]:
    """Return the keys of the section that a place lies in; none if its keys are free."""
    return [name for section in filter(_is_section, _kinds(place[:-1])) for name in section.model_fields]


def _kinds(place: Place) -> list[Any]:
    """Return the types that a place in the settings may have, but for None; none if nothing is known of it."""
    kinds: list[Any] = [Settings]
    for key in place:
        fields = (kind.model_fields[key] for kind in kinds if _is_section(kind) and key in kind.model_fields)
        below = [field.annotation for field in fields]
        below += [typing.get_args(kind)[1] for kind in kinds if typing.get_origin(kind) is dict]
        below += [typing.get_args(kind)[0] for kind in kinds if typing.get_origin(kind) is tuple]
        unions = [typing.get_args(kind) if typing.get_origin(kind) in UNION else (kind,) for kind in below]
        kinds = [kind for union in unions for kind in union if kind not in (type(None), Any)]
    return kinds


def _is_section(part: Any) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(part, type) and issubclass(part, BaseModel)
