"""A scope that names what is not there is refused: a typing error would do nothing, as if all were well."""

from collections.abc import Callable, Iterable

from ingest.errors import InvalidSettings
from ingest.phrases import meant, shown
from ingest.pipeline.changes import Listing
from ingest.pipeline.scope import Scope
from ingest.ports import Source

FOLDERS = 5000  # of listed documents, among which the nearest to a mistyped prefix is looked for


def check_sources(scope: Scope, sources: Iterable[Source]) -> None:
    """Refuse names of no source, naming the nearest. Raises: InvalidSettings."""
    known = [source.name for source in sources]
    for name in sorted(set(scope.sources) - set(known)):
        near = f"{meant(name, known)}; the settings have {', '.join(known)}"
        raise InvalidSettings(f"scope: no source is called {name!r}{near}")


def check_places(
    scope: Scope, sources: Iterable[Source], listing: Listing, base_uris: Callable[[], Iterable[str]]
) -> None:
    """Refuse prefixes and URIs that no document has, neither listed nor of the base. Raises: InvalidSettings."""
    prefixes = [prefix for prefix in scope.prefixes if not listing.holds(prefix)]
    uris = {uri for uri in scope.uris if not listing.holds(uri, whole=True)}
    if not prefixes and not uris:
        return
    for uri in base_uris():
        prefixes = [prefix for prefix in prefixes if not uri.startswith(prefix)]
        uris.discard(uri)
    known = [*(source.uri for source in sources), *listing.folders(FOLDERS)]
    for wrong in prefixes:
        raise InvalidSettings(f"scope: no document has a URI that begins with {shown(wrong)!r}{meant(wrong, known)}")
    for wrong in sorted(uris):
        raise InvalidSettings(f"scope: no document has the URI {shown(wrong)!r}{meant(wrong, known)}")
