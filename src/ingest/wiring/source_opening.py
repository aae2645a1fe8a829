"""Opens the sources of an index: none within another, none within the lake or the state, and these in none of them."""

import os
from itertools import combinations
from typing import Any

from ingest.adapters import sources
from ingest.errors import InvalidSettings
from ingest.phrases import shown
from ingest.ports import Source
from ingest.settings import IndexSettings, Settings, SourceSettings

SHARDS_AT_ONCE = 4  # that threads of one process read: as many as a flow has in flight


def open_sources(settings: Settings, index: IndexSettings) -> tuple[Source, ...]:
    """Return the sources of an index; nothing is read yet. Raises: InvalidSettings, UnknownSource."""
    for first, second in combinations(index.sources, 2):
        if sources.overlaps(first.uri, second.uri):
            places = f"{first.name} ({shown(first.uri)}) and {second.name} ({shown(second.uri)})"
            raise InvalidSettings(f"sources {places} overlap")
    return tuple(open_source(source, settings, index.max_document_bytes) for source in index.sources)


def open_source(source: SourceSettings, settings: Settings, max_document_bytes: int) -> Source:
    """Return one source; nothing is read yet. Raises: InvalidSettings, UnknownSource."""
    options: dict[str, Any] = {"include": source.include, "exclude": source.exclude}
    options["max_document_bytes"] = max_document_bytes
    # Only where they say something: a module of another package need not know them.
    options |= {} if source.default_excludes else {"default_excludes": False}
    options |= {"own": own} if (own := _own_folders(source, settings)) else {}
    module = sources.find(source.uri)
    readers = SHARDS_AT_ONCE * max(index.concurrent_reads for index in settings.indexes.values())
    s3 = settings.s3.model_copy(update={"max_connections": max(settings.s3.max_connections, readers)})
    return module.open_source(source.name, source.uri, {**options, **source.options}, source.acl, source.tenant, s3)


def _own_folders(source: SourceSettings, settings: Settings) -> tuple[str, ...]:
    """Return what below the source's root is the lake or the state folder, each with "/" at its end."""
    inside = []
    for key, uri in (("lake", settings.lake), ("state", str(settings.state))):
        below = sources.path_below(source.uri, uri)
        if below == "" or sources.path_below(uri, source.uri):
            places = f"source {source.name} ({shown(source.uri)}) lies in the folder of `{key}` ({shown(uri)})"
            raise InvalidSettings(f"{places}: what a run writes there would be its documents; move one of them")
        inside += [f"{os.fsencode(below).decode(errors='backslashreplace')}/"] if below else []
    return tuple(inside)
