"""Optional libraries, which come with extras. They are looked up by distribution name; nothing is imported.

A missing one is a fault of the installation, never of a document: it is reported where settings or a listing require
it, and whatever does not need it keeps working.
"""

from importlib.metadata import PackageNotFoundError, version

from ingest.errors import InvalidSettings


def installed_version(distribution: str) -> str:
    """Return the version of a distribution, or "" if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def lack(what: str, extra: str, *distributions: str) -> str:
    """Return what is missing and how to install it, or "" if all distributions (pip's names) are installed.

    `what` needs them and begins the sentence; `extra` provides them and is written as for pip: `ingest[pdf]`.
    """
    absent = " and ".join(name for name in distributions if not installed_version(name))
    return f"{what} needs {absent}, not installed here: pip install '{extra}'" if absent else ""


def require(what: str, extra: str, *distributions: str) -> None:
    """Raise InvalidSettings unless all distributions are installed; arguments as for `lack`."""
    if fault := lack(what, extra, *distributions):
        raise InvalidSettings(fault)
