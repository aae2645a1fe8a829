"""What messages to people are made of: the name that was probably meant, and URIs without what is secret in them."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `name`, upper and lower case alike; None if none is."""
    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def meant(name: str, known: Iterable[str]) -> str:
    """Return "; is x meant?" with the nearest known name, "" if there is none."""
    found = nearest(name, known)
    return f"; is {found} meant?" if found else ""


def shown(uri: str) -> str:
    """Return a URI without user, query and fragment, which may hold a password or a signature."""
    scheme, separator, rest = re.split("[?#]", uri, maxsplit=1)[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else uri


def scored(count: int, unscored: Mapping[str, int]) -> str:
    """Return how many questions of how many count in figures, and why the others do not."""
    why = "; ".join(f"{number} {reason}" for reason, number in unscored.items() if number)
    return f"{count} of {count + sum(unscored.values())} questions are scored{why and ': '}{why}"


def stale(carried: Iterable[Any]) -> list[str]:
    """Return a sentence about each source, tenant or prefix (CarriedOrigin) that is carried."""
    return [f"{o.name} is carried from an earlier generation, stale since {o.since}: {o.why}" for o in carried]
