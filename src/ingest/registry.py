"""Alternatives by file name: one module of a package each. A new file is a new alternative."""

import importlib
import pkgutil
from types import ModuleType

from ingest.errors import InvalidSettings
from ingest.extras import require


def names(package: str) -> list[str]:
    """Return the names of a package's modules, sorted; those with an underscore in front are parts of others."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def module_named(package: str, what: str, name: str) -> ModuleType:
    """Return a package's module by name. Raises: InvalidSettings without the module or the libraries of its extra."""
    if name not in (known := names(package)):
        raise InvalidSettings(f"no kind of {what} is called {name!r}; there are: {', '.join(known)}")
    module = importlib.import_module(f"{package}.{name}")
    if extra := getattr(module, "EXTRA", ""):
        require(f"{what} {name}", extra, *module.LIBRARIES)
    return module
