"""Alternatives by file name: each is one module of a package, so a new file adds an alternative."""

import importlib
import pkgutil
from types import ModuleType

from ingest.errors import InvalidSettings
from ingest.extras import require


def names(package: str) -> list[str]:
    """Return the sorted names of a package's modules, without those with a leading underscore: parts of others."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def module_named(package: str, what: str, name: str) -> ModuleType:
    """Return a package's module by name. Raises: InvalidSettings if it or a library from its extra is missing."""
    if name not in (known := names(package)):
        raise InvalidSettings(f"unknown kind of {what}: {name!r}; known are {', '.join(known)}")
    module = importlib.import_module(f"{package}.{name}")
    if extra := getattr(module, "EXTRA", ""):
        require(f"{what} {name}", extra, *module.LIBRARIES)
    return module
