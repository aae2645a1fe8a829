"""One file per format: bytes in, blocks out. The file name registers the format.

A parser is a module with

    MEDIA_TYPES: tuple[str, ...]                what it reads
    VERSION: str                                raised with every change of its output
    LIBRARIES: tuple[str, ...]                  distributions whose version can change its output (optional)
    EXTRA: str                                  what brings them, as pip takes it: "ingest[pdf]" (optional)
    variant() -> str                            what else can: a model that is installed or not (optional)
    parse(raw: RawDocument) -> Document         raises DocumentError; anything else is a crash

and promises: the text is not changed once it is canonical; blocks are in order, do not overlap, and every character
that is no white space lies in one (a leading byte order mark excepted); headings carry level and plain title. Modules
whose name begins with an underscore are parts of parsers. Third parties register a module under the entry-point group
`ingest.parsers`. No parser is imported before one is looked for, and no library of it before it parses: those of an
extra may be missing.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from ingest.errors import InvalidSettings, UnsupportedFormat
from ingest.extras import installed_version, lack
from ingest.ids import digest_of

GROUP = "ingest.parsers"


def names() -> tuple[str, ...]:
    """Return the names of all parsers, ours and those of third parties, sorted."""
    return tuple(sorted(_modules()))


def find(media_type: str, path: str = "") -> ModuleType:
    """Return the parser that reads a media type.

    Args:
        media_type: Without parameters, in lower case.
        path: The document, for the message.

    Raises:
        UnsupportedFormat: No parser reads it.
        InvalidSettings: Two parsers claim one media type, or a registered module is no parser.
    """
    name = media_types().get(media_type)
    if name is None:
        known = ", ".join(sorted(media_types()))
        raise UnsupportedFormat(f"{path}: no parser reads {media_type or 'an unknown media type'}; known: {known}")
    return _modules()[name]


@lru_cache(maxsize=1)
def media_types() -> dict[str, str]:
    """Return media type → name of the parser. Raises: InvalidSettings."""
    owners: dict[str, str] = {}
    for name, module in _modules().items():
        for media_type in module.MEDIA_TYPES:
            if media_type in owners:
                raise InvalidSettings(f"parsers {owners[media_type]} and {name} both claim {media_type}")
            owners[media_type] = name
    return owners


def check_installed(needed: Iterable[str], where: str = "") -> None:
    """Do nothing when the parsers of these media types can run; types that no parser reads do not count.

    Args:
        needed: Media types.
        where: What they were met in, for the message.

    Raises:
        InvalidSettings: Libraries of some are not installed; it names the media types and what to install.
    """
    faults = []
    kinds = sorted(set(needed) & media_types().keys())
    for name in sorted({media_types()[kind] for kind in kinds}):
        module = _modules()[name]
        if extra := getattr(module, "EXTRA", ""):
            reads = ", ".join(kind for kind in kinds if media_types()[kind] == name)
            faults.append(lack(f"{where}{reads}", extra, *module.LIBRARIES))
    if told := "; ".join(filter(None, faults)):
        raise InvalidSettings(told)


def fingerprint(name: str) -> str:
    """Return the digest of what decides about what one parser makes of bytes; no other parser is part of it."""
    return digest_of(state(name))


def state(name: str) -> list[Any]:
    """Return a parser's name, version, libraries with their versions, and variant; [] when there is no such parser."""
    module = _modules().get(name)
    if module is None:
        return []
    libraries = {library: installed_version(library) for library in getattr(module, "LIBRARIES", ())}
    return [name, module.VERSION, libraries, module.variant() if hasattr(module, "variant") else ""]


@lru_cache(maxsize=1)
def _modules() -> dict[str, ModuleType]:
    """Return name → module of every parser."""
    found = {
        module.name: importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    }
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.name in found:
            raise InvalidSettings(
                f"two parsers are called {entry.name}: {entry.value} and ingest.documents.parsers.{entry.name}"
            )
        module = entry.load()
        missing = [name for name in ("MEDIA_TYPES", "VERSION", "parse") if not hasattr(module, name)]
        if missing:
            raise InvalidSettings(f"{entry.value} is no parser: it lacks {', '.join(missing)}")
        found[entry.name] = module
    return found
