"""Alternatives by the name of their module, in a package of ours or at an entry point, such as `ingest.embedders`."""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from ingest.errors import InvalidSettings
from ingest.extras import require


def names(package: str) -> list[str]:
    """Return the sorted names of a package's modules, without those with a leading underscore: parts of others."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def module_named(package: str, what: str, name: str) -> ModuleType:
    """Return a module by name. Raises: InvalidSettings if it or a library from its extra is missing."""
    known, group = names(package), f"ingest.{package.rpartition('.')[2]}"
    others = {} if name in known else {point.name: point.value for point in entry_points(group=group)}
    if name not in (*known, *others):
        told = f"known are {', '.join(sorted({*known, *others}))}; others register under {group}"
        raise InvalidSettings(f"unknown kind of {what}: {name!r}; {told}")
    module = importlib.import_module(others.get(name, f"{package}.{name}"))
    if extra := getattr(module, "EXTRA", ""):
        require(f"{what} {name}", extra, *module.LIBRARIES)
    return module
