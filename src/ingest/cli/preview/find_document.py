"""Finds the document that somebody names, and opens what cuts it."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from ingest.adapters.listing import encode, local_folder
from ingest.cli.invocation import SETTINGS, Common
from ingest.cli.output import printable
from ingest.cli.preview.cut import Cut, Refusal, cut_document
from ingest.errors import AccessDenied, DocumentError, InvalidSettings, OversizedDocument, SourceUnavailable
from ingest.ids import child_uri, sha256_hex
from ingest.ports import Source
from ingest.records import DocumentRef, RawDocument
from ingest.services import Workbench
from ingest.settings import Settings, load_settings, make_settings
from ingest.wiring import services as wiring

INDEX = "preview"  # of the default settings
LISTED = 20  # names shown of those that exist


@dataclass(frozen=True)
class Found:
    """A document and what reads it."""

    ref: DocumentRef
    source: Source | None  # None: a file on this machine that is in no source
    file: Path | None = None

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        if self.source is not None:
            return f"source {self.source.name}"
        return f"local file, as if in source {self.ref.source}" if self.ref.source else "local file, in no source"


@contextmanager
def opened_bench(common: Common) -> Iterator[tuple[Workbench, str]]:
    """Yield the workbench of an index and the index's name; with default settings if there is no settings file.

    Raises: InvalidSettings, also when a settings file was named that does not exist; UnknownSource.
    """
    if common.settings is not None or SETTINGS.exists():
        settings, is_default = load_settings(common.settings_path), False
        index = settings.index(common.index)[0]
    else:
        settings, is_default, index = _default_settings(), True, INDEX
    bench = wiring.open_workbench(settings, index)
    try:
        yield replace(bench, sources=()) if is_default else bench, index
    finally:
        bench.close()


@contextmanager
def opened_other(path: Path, common: Common, index: str) -> Iterator[Workbench]:
    """Yield the workbench of other settings: of the index asked for, of one with the same name, or of the only one.

    Raises: InvalidSettings, UnknownSource.
    """
    settings = load_settings(path)
    same = index if index in settings.indexes else None
    bench = wiring.open_workbench(settings, common.index or same)
    try:
        yield bench
    finally:
        bench.close()


def _default_settings() -> Settings:
    values = {"lake": ".ingest/lake", "indexes": {INDEX: {"sources": [{"name": "none", "uri": "."}]}}}
    return make_settings(values, Path.cwd(), "default settings")


def find_document(bench: Workbench, named: str, source: str | None) -> Found:
    """Return the document that a path or a URI names.

    Args:
        bench: A document in one of its sources is read through that source, so that credentials, limits and version are
            those of a run.
        named: A path on this machine, a URI, or, with `source`, a path below its root.
        source: Name of the only source that may hold it. A file elsewhere on this machine is read as if in it.

    Raises: BadParameter when there is no such document; InvalidSettings, SourceUnavailable, AccessDenied.
    """
    sources = [one for one in bench.sources if source in (None, one.name)]
    if source is not None and not sources:
        known = ", ".join(one.name for one in bench.sources) or "none"
        raise InvalidSettings(f"no source {source!r} in the settings; there are: {known}")
    for one in sources:
        for uri in dict.fromkeys(_uris(one, named, inside=source is not None)):
            if (ref := _look(one, uri)) is not None:
                return Found(ref, one)
    path = local_folder(named) if named.startswith("file://") or "://" not in named else None
    if path is not None and path.exists():
        return Found(_local_ref(path, source or ""), None, path)
    places = ", ".join(f"{one.name} ({one.uri})" for one in sources[:LISTED])
    other = f", and not in {places}, or left out there by include and exclude" if places else ""
    raise typer.BadParameter(f"no document {printable(named)}: no such file here{other}", param_hint="DOCUMENT")


def read_document(bench: Workbench, found: Found) -> tuple[RawDocument, Refusal | None]:
    """Return the document's bytes, or why a run would not read it.

    Raises: SourceUnavailable, AccessDenied.
    """
    try:
        if found.source is None:
            limits = bench.parsing.get(found.ref.source, bench.parsing[""]).limits
            return RawDocument(found.ref, _local_bytes(found, limits.document_bytes)), None
        raw = found.source.read(found.ref)
    except DocumentError as error:
        return RawDocument(found.ref, b""), Refusal("read", type(error).__name__, str(error))
    if raw is None:
        raise SourceUnavailable(f"{found.ref.uri}: changed while it was read")
    return raw, None


def cut_found(bench: Workbench, found: Found, children: Sequence[str]) -> Cut:
    """Return a document, or a child of it, as a run would cut it.

    Args:
        bench: What reads and cuts.
        found: The outermost document.
        children: The way down: a path in the document, a path in the document that this names, ...

    Raises: BadParameter when there is no such child, and what `read_document` and `cut_document` raise.
    """
    raw, refusal = read_document(bench, found)
    if refusal is not None:
        return Cut(raw, refusal=refusal)
    for child in children:
        try:
            raw = _child(bench, raw, child)
        except DocumentError as error:
            return Cut(raw, refusal=Refusal("parse", type(error).__name__, str(error)))
    return cut_document(bench, raw, 1 + len(children))


def cut_again(bench: Workbench, cut: Cut, children: Sequence[str]) -> Cut:
    """Return the same bytes as other settings would cut them; `children` is the way down to them."""
    return cut_document(bench, cut.raw, 1 + len(children))


def _child(bench: Workbench, raw: RawDocument, path: str) -> RawDocument:
    document = bench.sandbox.parse(replace(raw, options=bench.parsing.get(raw.ref.source, bench.parsing[""])))
    for child in document.children:
        if child.path == path:
            ref = replace(
                raw.ref,
                uri=child_uri(raw.ref.uri, path),
                path=path,
                version=sha256_hex(child.data),
                size=len(child.data),
                media_type=child.media_type,
                title="",
            )
            return RawDocument(ref, child.data)
    known = ", ".join(printable(child.path) for child in document.children[:LISTED]) or "nothing"
    raise typer.BadParameter(
        f"no {printable(path)} in {printable(raw.ref.path)}; there are {len(document.children)}: {known}",
        param_hint="--child",
    )


def _uris(source: Source, named: str, *, inside: bool) -> Iterator[str]:
    """Yield the URIs that may be meant, below the root of `source`."""
    if "://" in named:
        scheme, _, rest = named.partition("://")
        candidates = [named, f"{scheme}://{encode(rest)}"]  # as listed, and as people write it
    elif source.uri.startswith("file://"):
        candidates = [f"file://{encode(os.fsencode(os.path.abspath(named)))}"]  # noqa: PTH100 - links are kept
    else:
        candidates = []
    yield from (uri for uri in candidates if uri.startswith(f"{source.uri}/"))
    if inside and "://" not in named:
        yield f"{source.uri}/{encode(named.lstrip('/'))}"


def _look(source: Source, uri: str) -> DocumentRef | None:
    """Return the document as its source lists it. A source without `look` is listed as a whole."""
    look = getattr(source, "look", None)
    if look is not None:
        ref: DocumentRef | None = look(uri)
        return ref
    return next((ref for ref in source.list() if ref.uri == uri), None)


def _local_ref(path: Path, source: str) -> DocumentRef:
    try:
        status = path.stat()
    except OSError as error:
        raise AccessDenied(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise typer.BadParameter(f"{path} is not a file", param_hint="DOCUMENT")
    uri = f"file://{encode(os.fsencode(path))}"
    name = os.fsencode(path.name).decode(errors="backslashreplace")
    return DocumentRef(uri, source, name, f"{status.st_mtime_ns}-{status.st_size}", status.st_size)


def _local_bytes(found: Found, limit: int) -> bytes:
    assert found.file is not None
    if found.ref.size > limit:
        raise OversizedDocument(
            f"{found.ref.path}: {found.ref.size} bytes, over the limit of {limit} (max_document_bytes)"
        )
    try:
        with found.file.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise AccessDenied(f"{found.file}: {error.strerror}") from error
