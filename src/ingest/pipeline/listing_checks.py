"""What a listing lacks: a scope that names what is not there is refused, for a typing error would do nothing."""

from collections import Counter
from collections.abc import Iterable

from ingest.errors import InvalidSettings
from ingest.phrases import meant, shown
from ingest.pipeline.changes import Listing
from ingest.pipeline.scope import Scope
from ingest.ports import Selecting, Source

FOLDERS = 5000  # of listed documents, among which the nearest to a mistyped prefix is looked for


def check_sources(scope: Scope, sources: Iterable[Source]) -> None:
    """Refuse names of no source, naming the nearest. Raises: InvalidSettings."""
    known = [source.name for source in sources]
    for name in sorted(set(scope.sources) - set(known)):
        near = f"{meant(name, known)}; the settings have {', '.join(known)}"
        raise InvalidSettings(f"scope: no source is called {name!r}{near}")


def check_places(scope: Scope, sources: Iterable[Source], listing: Listing, base_uris: Iterable[str]) -> None:
    """Refuse prefixes and URIs that no document has, neither listed nor of the base. Raises: InvalidSettings."""
    prefixes = [prefix for prefix in scope.prefixes if not listing.holds(prefix)]
    uris = {uri for uri in scope.uris if not listing.holds(uri, whole=True)}
    if not prefixes and not uris:
        return
    for uri in base_uris:
        prefixes = [prefix for prefix in prefixes if not uri.startswith(prefix)]
        uris.discard(uri)
    known = [*(source.uri for source in sources), *listing.folders(FOLDERS)]
    for wrong in prefixes:
        raise InvalidSettings(f"scope: no document has a URI that begins with {shown(wrong)!r}{meant(wrong, known)}")
    for wrong in sorted(uris):
        raise InvalidSettings(f"scope: no document has the URI {shown(wrong)!r}{meant(wrong, known)}")


def left_out(sources: Iterable[Source]) -> dict[str, int]:
    """Return how many files were left out by the newest listings, by reason in words, sorted."""
    found = Counter[str]()
    for source in sources:
        found.update(source.left_out if isinstance(source, Selecting) else {})
    return dict(sorted(found.items()))


def nothing_listed(sources: Iterable[Source]) -> InvalidSettings:
    """Return the error for sources without a single document, where nothing serves yet."""
    places = ", ".join(source.uri for source in sources)
    but = ", ".join(f"{reason} {count}" for reason, count in left_out(sources).items())
    told = f"{places} (left out: {but})" if but else places
    return InvalidSettings(f"no documents in {told}, and nothing serves: there is nothing to build")
