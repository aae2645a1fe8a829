"""One file per format: bytes in, blocks out. The file name registers the format.

A parser is a module with

    MEDIA_TYPES: tuple[str, ...]                the media types that it reads
    VERSION: str                                raised with every change to its output
    LIBRARIES: tuple[str, ...]                  distributions whose version can affect its output (optional)
    EXTRA: str                                  the extra that installs them, as in "ingest[pdf]" (optional)
    variant() -> str                            what else can affect it, such as an installed model (optional)
    LAST_RESORT: bool                           True: it only reads what no other parser claims (optional)
    ALSO: dict[str, tuple[str, ...]]            what else it reads, by the source's option `parser` (optional)
    starts_program(media_type: str) -> bool     whether it runs a program for such a document (optional)
    parse(raw: RawDocument) -> Document         raises DocumentError; any other exception is a crash

and promises: the canonical text is never changed afterwards; blocks are in order, do not overlap, and contain every
character that is not white space (except a leading byte order mark); headings have a level and a plain title. Modules
whose names begin with an underscore are parts of parsers. Third parties register modules under the entry-point group
`ingest.parsers`. Parsers are imported only when one is needed, and their libraries only when they parse: those of an
extra may be missing. What a format of many modules needs is imported with the first document, too: `docx/__init__.py`.
"""

import importlib
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from ingest import registry
from ingest.errors import InvalidSettings, UnsupportedFormat
from ingest.extras import installed_version, lack
from ingest.ids import digest_of

GROUP = "ingest.parsers"


def names() -> tuple[str, ...]:
    """Return the names of all parsers, including those of third parties, sorted."""
    return tuple(sorted(_modules()))


def find(media_type: str, path: str = "", wanted: str = "own") -> ModuleType:
    """Return the parser that reads a media type.

    Args:
        media_type: Without parameters, in lower case.
        path: The document's path, for the message.
        wanted: The source's option `parser`: "own" or "unstructured".

    Raises:
        UnsupportedFormat: No parser reads it.
        InvalidSettings: Two parsers claim one media type, or a registered module is no parser.
    """
    name = owner(media_type, wanted)
    if not name:
        known = ", ".join(sorted(media_types()))
        raise UnsupportedFormat(f"{path}: no parser reads {media_type or 'an unknown media type'}; known: {known}")
    return _modules()[name]


@lru_cache(maxsize=1)
def media_types() -> dict[str, str]:
    """Return media type → name of the parser. Raises: InvalidSettings."""
    owners: dict[str, str] = {}
    for name, module in sorted(_modules().items(), key=lambda item: getattr(item[1], "LAST_RESORT", False)):
        for media_type in module.MEDIA_TYPES:
            if media_type in owners and getattr(module, "LAST_RESORT", False):
                continue
            if media_type in owners:
                raise InvalidSettings(f"parsers {owners[media_type]} and {name} both claim {media_type}")
            owners[media_type] = name
    return owners


def check_installed(needed: Iterable[str], where: str = "", wanted: str = "own") -> None:
    """Check that the parsers of these media types can run; types that no parser reads are ignored.

    Without its extra, media types that only a last resort reads are unsupported, unless a source asks for it.

    Args:
        needed: Media types.
        where: Where they were found, for the message.
        wanted: As in `find`.

    Raises:
        InvalidSettings: Libraries are not installed; the message names the media types and what to install.
    """
    faults = []
    readers: dict[str, list[str]] = {}
    for kind in sorted(set(needed)):
        readers.setdefault(owner(kind, wanted), []).append(kind)
    readers.pop("", None)
    for name, kinds in sorted(readers.items()):
        module = _modules()[name]
        if (extra := getattr(module, "EXTRA", "")) and (wanted != "own" or not hasattr(module, "LAST_RESORT")):
            faults.append(lack(f"{where}{', '.join(kinds)}", extra, *module.LIBRARIES))
    if told := "; ".join(filter(None, faults)):
        raise InvalidSettings(told)


def owner(media_type: str, wanted: str = "own") -> str:
    """Return the name of the parser that reads a media type, "" when none does; `wanted` as in `find`."""
    chosen = (name for name, module in _modules().items() if media_type in getattr(module, "ALSO", {}).get(wanted, ()))
    return next(chosen, "") or media_types().get(media_type, "")


def is_read(media_type: str) -> bool:
    """Return whether a parser reads a media type, with the libraries that are installed."""
    module = _modules().get(owner(media_type))
    extra = getattr(module, "EXTRA", "")
    return module is not None and not (extra and lack(media_type, extra, *module.LIBRARIES))


def starts_program(media_type: str, wanted: str = "own") -> bool:
    """Return whether a program is started to read a media type; `wanted` as in `find`. Raises: InvalidSettings."""
    module = _modules().get(owner(media_type, wanted))
    return module is not None and hasattr(module, "starts_program") and bool(module.starts_program(media_type))


def fingerprint(name: str) -> str:
    """Return the digest of everything that affects one parser's output; it does not depend on other parsers."""
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
    found = {name: importlib.import_module(f"{__name__}.{name}") for name in registry.names(__name__)}
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
