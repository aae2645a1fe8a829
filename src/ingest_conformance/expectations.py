"""How a check says that something does not hold."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

SHOWN = 300  # characters of a value in a message


class Violation(Exception):
    """The index does not do what a check asks for."""


def agree(expected: Any, found: Any, what: str = "") -> None:
    """Raise Violation unless two plain values are equal."""
    if expected != found:
        raise Violation(f"{what}{': ' if what else ''}expected {_shown(expected)}, found {_shown(found)}")


def near(expected: Any, found: Any, within: float, what: str = "") -> None:
    """Raise Violation unless numbers, or arrays of one shape, differ by at most `within`."""
    one, other = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    if one.shape != other.shape or not np.allclose(one, other, rtol=0, atol=within):
        raise Violation(f"{what}{': ' if what else ''}expected about {_shown(expected)}, found {_shown(found)}")


def refused(kind: type[Exception], pattern: str, call: Callable[..., Any], *arguments: Any) -> None:
    """Raise Violation unless a call raises an error of a kind whose message matches a pattern."""
    try:
        found = call(*arguments)
    except kind as error:
        if re.search(pattern, str(error)) is None:
            raise Violation(f"{kind.__name__} should say {pattern!r}, it says: {error}") from error
        return
    raise Violation(f"{kind.__name__} expected, found the answer {_shown(found)}")


def _shown(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= SHOWN else f"{told[:SHOWN]}…"
