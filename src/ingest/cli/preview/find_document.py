"""Finds the document that the user names, and opens what chunks it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from typer import BadParameter

from ingest.adapters.selection import Selection
from ingest.adapters.sources.file import FileSource
from ingest.adapters.uris import encode, local_folder
from ingest.cli.invocation import SETTINGS, Invocation
from ingest.cli.output import printable
from ingest.cli.preview.document_preview import DocumentPreview, Refusal, parsed, preview_document
from ingest.errors import DocumentError, InvalidSettings, SourceUnavailable
from ingest.ids import uris_meant
from ingest.pipeline.changes import looked_up
from ingest.pipeline.shard_builder import child_ref
from ingest.ports import Source
from ingest.records import DocumentRef, RawDocument
from ingest.services import Workbench
from ingest.settings import default_settings, load_settings
from ingest.wiring import service_opening as wiring

LISTED = 20  # existing names shown
FoundDocument = tuple[Source, DocumentRef, str]  # what reads it, as what it is listed, where it comes from, for people


def open_bench(invocation: Invocation) -> Workbench:
    """Return the workbench of an index, or of default settings if there is no settings file.

    Raises: InvalidSettings, also if the named settings file does not exist; UnknownSource.
    """
    if invocation.settings is not None or SETTINGS.exists():
        return wiring.open_workbench(invocation.load(), invocation.index)
    return replace(wiring.open_workbench(default_settings()), sources=())


def open_other(path: Path, invocation: Invocation, index: str) -> Workbench:
    """Return other settings' workbench: the index asked for, its namesake, or the only one. Raises: InvalidSettings."""
    settings = load_settings(path)
    return wiring.open_workbench(settings, invocation.index or (index if index in settings.indexes else None))


def find_document(bench: Workbench, named: str, source: str | None) -> FoundDocument:
    """Return the document that the user names: a path on this machine, a URI, or a path below a source's root.

    A document in a source is read through it, so that credentials, limits and version are those of a run. With `source`
    only this one is searched, and a file elsewhere on this machine is read as if it were in it.

    Raises: BadParameter if there is no such document; InvalidSettings, SourceUnavailable, AccessDenied.
    """
    sources = [one for one in bench.sources if source in (None, one.name)]
    if source is not None and not sources:
        known = ", ".join(one.name for one in bench.sources) or "none"
        raise InvalidSettings(f"no source {source!r} in the settings; there are: {known}")
    reasons = list[str]()
    for one in sources:
        for uri in dict.fromkeys(uris_meant(one.uri, named, inside=source is not None)):
            ref, why_not = looked_up(one, uri)
            if ref is not None:
                return one, ref, f"source {one.name}"
            reasons += [f"left out of source {one.name}: {reason}" for reason in why_not]
    path = local_folder(named) if named.startswith("file://") or "://" not in named else None
    if path is not None and path.exists():
        folder, ref = _local(path, source or "", bench.options.limits.document_bytes)
        origin = f"local file, {f'as if in source {source}' if source else 'in no source'}"
        return folder, ref, "; ".join([origin, *reasons])
    places = ", ".join(f"{one.name} ({one.uri})" for one in sources[:LISTED])
    other = f", and not in {places}{''.join(f', {reason}' for reason in reasons)}" if places else ""
    raise BadParameter(f"no document {printable(named)}: no such file here{other}", param_hint="DOCUMENT")


def preview_found(bench: Workbench, found: FoundDocument, children: Sequence[str]) -> DocumentPreview:
    """Return a document, or one inside it, as a run would split it.

    `children` leads down: a path inside the document, a path inside the one found there, ...

    Raises: BadParameter if there is no such child; SourceUnavailable, AccessDenied, SandboxUnavailable.
    """
    source, ref, origin = found
    stage, raw = "read", RawDocument(ref, b"")
    try:
        if (read := source.read(ref)) is None:
            raise SourceUnavailable(f"{ref.uri}: changed while it was read")
        stage, raw = "parse", read
        for child in children:
            raw = _child(bench, raw, child)
    except DocumentError as error:
        return DocumentPreview(raw, refusal=Refusal(stage, error), origin=origin)
    return replace(preview_document(bench, raw, 1 + len(children)), origin=origin)


def _child(bench: Workbench, raw: RawDocument, path: str) -> RawDocument:
    document = parsed(bench, raw)
    for child in document.children:
        if child.path == path:
            return RawDocument(child_ref(raw.ref, child), child.data)
    known = ", ".join(printable(child.path) for child in document.children[:LISTED]) or "nothing"
    there = f"in {printable(raw.ref.path)}; there are {len(document.children)}: {known}"
    raise BadParameter(f"no {printable(path)} {there}", param_hint="--child")


def _local(path: Path, source: str, limit: int) -> tuple[Source, DocumentRef]:
    """Return a file of this machine that is in no source, to be read as if in `source`, up to `limit` bytes."""
    if not path.is_file():
        raise BadParameter(f"{path} is not a file", param_hint="DOCUMENT")
    folder, uri = (f"file://{encode(os.fsencode(one))}" for one in (path.resolve().parent, path.resolve()))
    alone = FileSource(source, folder, Selection(default_excludes=False, max_document_bytes=limit))
    if (ref := alone.look(uri)) is None:
        raise SourceUnavailable(f"{path}: changed while it was looked at")
    return alone, ref
