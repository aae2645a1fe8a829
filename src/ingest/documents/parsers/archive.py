"""ZIP and TAR archives, and single compressed files: containers of documents, with no text of their own.

Everything is checked before it is unpacked (`_reading/archives.py`); nothing is written to disk. Whoever parses the
children limits how deep archives are nested.
"""

import io
from collections.abc import Iterable, Iterator

from ingest.documents.default_excludes import excluded_by_default
from ingest.documents.parsers._reading.archives import open_zip, read_entry, tar_entries, unpack
from ingest.errors import EmptyDocument
from ingest.records import Child, Document, RawDocument

MEDIA_TYPES = ("application/zip", "application/x-tar", "application/gzip", "application/x-bzip2", "application/x-xz")
VERSION = "1"

_COMPRESSIONS = {"application/gzip": "gz", "application/x-bzip2": "bz2", "application/x-xz": "xz"}
_TAR_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".txz": ".tar"}
_LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_MAGIC = slice(257, 262)  # of a TAR's first header


def parse(raw: RawDocument) -> Document:
    """Return a document without text whose children are the files inside, sorted by name.

    Raises: EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument, UnsupportedFormat.
    """
    excluded = excluded_by_default if raw.options.default_excludes else frozenset[str]().__contains__
    children = tuple(child for child in _children(_entries(raw)) if not excluded(child.path))
    if not children:
        raise EmptyDocument(f"{raw.ref.path}: an archive without files that hold anything")
    return Document("", (), "", raw.media_type, "archive", children=children)


def _entries(raw: RawDocument) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files inside, in the order of the archive."""
    if raw.media_type == "application/zip":
        archive = open_zip(raw)
        for info in archive.infolist():
            if _wanted(info.filename) and info.file_size:
                yield info.filename, read_entry(archive, info, raw.options.limits.archive_bytes)
        return
    compression = _COMPRESSIONS.get(raw.media_type)
    stream = unpack(raw, compression) if compression else io.BytesIO(raw.data)
    if not compression or bytes(stream.getbuffer()[_MAGIC]) == b"ustar":
        yield from tar_entries(raw, stream)
    else:
        yield _inner_name(raw.ref.path), stream.getvalue()


def _children(entries: Iterable[tuple[str, bytes]]) -> Iterator[Child]:
    """Yield the files worth reading, sorted by name; of entries with the same name, the last."""
    found = {name.replace("\\", "/").removeprefix("./"): data for name, data in entries if _wanted(name)}
    for name in sorted(found):
        if found[name]:
            yield Child(name, found[name])


def _wanted(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return parts[-1] != "" and _LITTER.isdisjoint(parts) and not parts[-1].startswith("._")


def _inner_name(path: str) -> str:
    """Return the name of the file inside a compressed one: `a/b.md.gz` → `b.md`."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{_TAR_SUFFIXES.get(dot + suffix.lower(), '')}" if stem else name or "content"
