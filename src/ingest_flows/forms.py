"""Makes the fields of a model the parameters of a flow: its form in Prefect's UI is flat, and explains itself."""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")


def flat(model: type[M]) -> Callable[[Callable[[M], R]], Callable[..., R]]:
    """Return a decorator that has a function of one `model` take its fields instead, by keyword.

    Prefect makes the form from the signature and from the docstring's section on arguments; both are made from the
    model here. Types and limits are in the signature, so that Prefect's API enforces them before a run exists; what
    concerns several fields is checked when the flow starts.
    """

    def decorate(function: Callable[[M], R]) -> Callable[..., R]:
        def flattened(**values: Any) -> R:
            return function(model(**values))

        fields = model.model_fields.items()
        told = "".join(f"\n    {name}: {field.description}" for name, field in fields)
        flattened.__name__, flattened.__qualname__ = function.__name__, function.__qualname__
        flattened.__module__, flattened.__doc__ = function.__module__, f"{function.__doc__}\n\nArgs:{told}\n"
        flattened.__signature__ = Signature(  # type: ignore[attr-defined]
            [
                Parameter(
                    name,
                    Parameter.KEYWORD_ONLY,
                    default=Parameter.empty if field.is_required() else field.get_default(call_default_factory=True),
                    annotation=Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation,
                )
                for name, field in fields
            ]
        )
        return flattened

    return decorate
