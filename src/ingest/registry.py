"""Alternatives by the name of their module, in a package of ours or at an entry point, such as `ingest.embedders`."""

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType

from ingest.errors import FatalError, InvalidSettings
from ingest.extras import require


def names(package: str) -> list[str]:
    """Return the sorted names of a package's modules, without those with a leading underscore: parts of others."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def module_named(package: str, what: str, name: str, unknown: type[FatalError] = InvalidSettings) -> ModuleType:
    """Return a module by name; one of ours has precedence. Raises: `unknown`; InvalidSettings for a missing extra."""
    known, group = names(package), f"ingest.{package.rpartition('.')[2]}"
    others = {point.name: point for point in entry_points(group=group)}
    if name in known:
        module = importlib.import_module(f"{package}.{name}")
    elif point := others.get(name):
        try:
            module = point.load()
        except (ImportError, AttributeError) as error:
            raise unknown(f"{what} {name}: {point.value} cannot be loaded: {error}") from error
    else:
        told = f"known are {', '.join(sorted({*known, *others}))}; others register under {group}"
        raise unknown(f"unknown kind of {what}: {name!r}; {told}")
    if extra := getattr(module, "EXTRA", ""):
        require(f"{what} {name}", extra, *module.LIBRARIES)
    return module
