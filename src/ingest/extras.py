"""Optional libraries, which come with extras, looked up by distribution name; a missing one is no document's fault."""

from functools import lru_cache
from importlib import metadata

from ingest.errors import InvalidSettings

version = lru_cache(256)(metadata.version)  # which parses a whole file; fingerprints ask per task


def installed_version(distribution: str) -> str:
    """Return the version of a distribution, or "" if it is not installed."""
    try:
        return version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def lack(what: str, extra: str, *distributions: str) -> str:
    """Return what `what` lacks and which `extra` (`ingest[pdf]`) has it, or "" if all distributions are installed."""
    absent = " and ".join(name for name in distributions if not installed_version(name))
    return f"{what} needs {absent}, not installed here: pip install '{extra}'" if absent else ""


def require(what: str, extra: str, *distributions: str) -> None:
    """Raise InvalidSettings unless all distributions are installed; arguments as for `lack`."""
    if fault := lack(what, extra, *distributions):
        raise InvalidSettings(fault)
