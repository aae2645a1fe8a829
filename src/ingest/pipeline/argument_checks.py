"""The check of a call of the library: its arguments have the types that it states, and a reason is given."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydantic import ConfigDict, ValidationError, validate_call

from ingest.errors import InvalidSettings, first_fault
from ingest.pipeline.scope import checked_choice

ONE_TEXT = ("'str' instances are not allowed as a Sequence value", "Input should be a list of texts")
P = ParamSpec("P")
T = TypeVar("T")


def checked(method: Callable[P, T]) -> Callable[P, T]:
    """Make a method raise InvalidSettings for arguments of other types than it states, without converting any."""
    config = ConfigDict(strict=True, arbitrary_types_allowed=True, defer_build=True)
    takes, stub = inspect.signature(method), wraps(method)(lambda **_: None)
    stub.__annotations__ = {**stub.__annotations__, "choice": Any}  # which has a check of its own
    check = validate_call(config=config)(stub)

    @wraps(method)
    def checked(*args: P.args, **named: P.kwargs) -> T:
        given = takes.bind(*args, **named).arguments
        chosen = given.pop("choice", {})  # the options of a scope
        try:
            check(**given)
            checked_choice()(**chosen)
        except ValidationError as error:
            fault, value = first_fault(error).replace(*ONE_TEXT), error.errors()[0]["input"]
            found = value if isinstance(value, int | float) else type(value).__name__  # a text may be a secret
            raise InvalidSettings(f"{method.__name__}: {fault}, found {found}") from None  # pydantic's repeats it
        return method(*args, **named)

    return checked


def check_why(what: str, why: str | None, record: str = "for the record") -> None:
    """Raise InvalidSettings where something is to be done without a reason."""
    if not (why or "").strip():
        raise InvalidSettings(f"{what}: one line that says why is needed, {record}")
