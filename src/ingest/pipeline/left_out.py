"""What the sources' listings leave out, by reason, as far as they count it."""

from collections import Counter
from collections.abc import Iterable

from ingest.errors import InvalidSettings
from ingest.ports import Source


def left_out(sources: Iterable[Source]) -> dict[str, int]:
    """Return how many files were left out by the newest listings, by reason in words, sorted."""
    found = Counter[str]()
    for source in sources:
        found.update(getattr(source, "left_out", {}))
    return dict(sorted(found.items()))


def nothing_listed(sources: Iterable[Source]) -> InvalidSettings:
    """Return the error for sources without a single document, where nothing serves yet."""
    places = ", ".join(source.uri for source in sources)
    but = ", ".join(f"{reason} {count}" for reason, count in left_out(sources).items())
    told = f"{places} (left out: {but})" if but else places
    return InvalidSettings(f"no documents in {told}, and nothing serves: there is nothing to build")
