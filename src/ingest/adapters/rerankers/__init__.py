"""One file per kind of re-ranker: a question and its candidates in, scores out. The file name registers the kind.

Each module has `open_reranker(model, wording, read)`: `model` is the profile's `reranker_model`, `read` gives the bytes
of a file that the lake keeps under its SHA-256. `none` gives None: the fused order stands. `LIBRARIES` and `EXTRA`
name what a kind needs beyond the mandatory libraries, and what brings it.
"""

import importlib
import pkgutil
from types import ModuleType

from ingest.errors import InvalidSettings
from ingest.extras import require


def find(kind: str) -> ModuleType:
    """Return the module of a kind of re-ranker. Raises: InvalidSettings without its file or its libraries."""
    kinds = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    if kind not in kinds:
        raise InvalidSettings(f"no kind of reranker is called {kind!r}; there are: {', '.join(kinds)}")
    module = importlib.import_module(f"{__name__}.{kind}")
    if extra := getattr(module, "EXTRA", ""):
        require(f"reranker {kind}", extra, *module.LIBRARIES)
    return module
