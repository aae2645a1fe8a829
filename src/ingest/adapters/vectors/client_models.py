"""`qdrant_client.models`, imported at the first use. Pydantic builds each class when it is used, for half the time."""

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from qdrant_client.models import *  # noqa: F403


def __getattr__(name: str) -> Any:
    return getattr(client().http.models, name)


@cache
def client(build: Any = BaseModel.__dict__["model_rebuild"]) -> Any:
    """Return the package `qdrant_client`, of which nothing is imported before. `build`: what builds a class."""
    try:
        BaseModel.model_config = ConfigDict(defer_build=True)
        BaseModel.model_rebuild = classmethod(lambda *_, **__: None)  # type: ignore[assignment, method-assign]
        return importlib.import_module("qdrant_client")
    finally:
        BaseModel.model_config, BaseModel.model_rebuild = ConfigDict(), build  # type: ignore[method-assign]
