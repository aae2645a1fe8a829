"""What an installation may lack: libraries that come with extras. They are looked up by name, nothing is imported.

A missing one is a fault of the installation, never of a document: it is told where settings or a listing say that it
is needed, and what does not need it goes on.
"""

from importlib.metadata import PackageNotFoundError, version

from ingest.errors import InvalidSettings


def installed_version(distribution: str) -> str:
    """Return the version of a distribution, "" when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def lack(what: str, extra: str, *distributions: str) -> str:
    """Return what is missing and how to install it, "" when all distributions, by pip's names, are there.

    `what` needs them and begins the sentence; `extra` brings them, as pip takes it: `ingest[pdf]`.
    """
    absent = " and ".join(name for name in distributions if not installed_version(name))
    return f"{what} needs {absent}, not installed here: pip install '{extra}'" if absent else ""


def require(what: str, extra: str, *distributions: str) -> None:
    """Raise InvalidSettings unless all distributions are there; arguments as for `lack`."""
    if fault := lack(what, extra, *distributions):
        raise InvalidSettings(fault)
