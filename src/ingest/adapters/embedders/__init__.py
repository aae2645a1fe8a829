"""One file per kind of model: texts in, vectors out. The file name registers the kind.

Each module has `describe(name, options)` (the record, without weights), `open_embedder(name, options)`,
`open_tokenizer(name, options)` and `reopen(record, options)`; `canonical(name)`, the name in the record; `files(name)`,
what the lake keeps of a model, by path. Where a kind has files, its functions but `open_embedder` take as last argument
the folder where a copy of them lies. A kind that needs libraries beyond the mandatory ones names them, `LIBRARIES`, and
what brings them, `EXTRA`.
"""

import importlib
import pkgutil
from types import ModuleType

from ingest.errors import InvalidSettings
from ingest.extras import require


def find(kind: str) -> ModuleType:
    """Return the module of a kind of embedder. Raises: InvalidSettings without its file or its libraries."""
    kinds = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    if kind not in kinds:
        raise InvalidSettings(f"no kind of embedder is called {kind!r}; there are: {', '.join(kinds)}")
    module = importlib.import_module(f"{__name__}.{kind}")
    if extra := getattr(module, "EXTRA", ""):
        require(f"embedder {kind}", extra, *module.LIBRARIES)
    return module
