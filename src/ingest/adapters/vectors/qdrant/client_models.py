"""`qdrant_client.models`, imported at the first use: the client takes a second."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qdrant_client.models import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        return getattr(importlib.import_module("qdrant_client.models"), name)
