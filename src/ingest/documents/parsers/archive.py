"""ZIP and TAR archives, and single compressed files: containers of documents, with no text of their own.

Everything is checked before it is unpacked (`_reading/archives.py`); nothing is written to disk. Entries that cannot be
read are named in a warning; a bomb is refused as a whole. Whoever parses the children limits how deep archives nest.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator

from ingest.documents.default_excludes import excluded_by_default
from ingest.documents.parsers._reading.alphabets import OF_DOS, told_by_alphabets
from ingest.documents.parsers._reading.archives import BadEntries, open_zip, read_entry, tar_entries, unpack
from ingest.documents.parsers._reading.decoding import probable_encoding
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, UnsupportedFormat
from ingest.records import Child, Document, RawDocument

MEDIA_TYPES = ("application/zip", "application/x-tar", "application/gzip", "application/x-bzip2", "application/x-xz")
VERSION = "4"

_COMPRESSIONS = {"application/gzip": "gz", "application/x-bzip2": "bz2", "application/x-xz": "xz"}
_TAR_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".txz": ".tar"}
_LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_UTF_8 = 0x800  # flag bit of a name
_LETTERS = 2  # beyond ASCII, in all names, at least tell their code page
_PAIRED = ("cp932", "gb18030", "cp949", "big5")  # one or two bytes for a character
_MAGIC = slice(257, 262)  # of a TAR's first header


def parse(raw: RawDocument) -> Document:
    """Return a document without text whose children are the files inside, sorted by name.

    Raises: EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument, UnsupportedFormat.
    """
    excluded = excluded_by_default if raw.options.default_excludes else frozenset[str]().__contains__
    bad = BadEntries(raw.ref.path)
    children = tuple(child for child in _children(_entries(raw, bad)) if not excluded(child.path))
    bad.tell(others=bool(children))
    if not children:
        raise EmptyDocument(f"{raw.ref.path}: an archive without files that hold anything")
    return Document("", (), "", raw.media_type, "archive", children=children)


def _entries(raw: RawDocument, bad: BadEntries) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files inside, in the order of the archive; add those that cannot be read."""
    if raw.media_type == "application/zip":
        archive = open_zip(raw)
        page = _code_page(archive.infolist())
        for info in archive.infolist():
            if not _wanted(info.filename) or not info.file_size:
                continue
            try:
                yield _name(info, page), read_entry(archive, info, raw.options.limits.archive_bytes)
            except (EncryptedDocument, MalformedDocument, UnsupportedFormat) as error:
                bad.add(error)
        return
    compression = _COMPRESSIONS.get(raw.media_type)
    stream = unpack(raw, compression) if compression else io.BytesIO(raw.data)
    if not compression or bytes(stream.getbuffer()[_MAGIC]) == b"ustar":
        for name, data in tar_entries(raw, stream, bad):
            yield _text(name.encode("utf-8", "surrogateescape")), data
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


def _name(info: zipfile.ZipInfo, page: str) -> str:
    """Return an entry's name: in UTF-8, or in the code page of the archive's other names that do not say so."""
    if info.flag_bits & _UTF_8 or info.filename.isascii():
        return info.filename
    try:
        name = info.filename.encode("cp437")
        return name.decode("utf-8") if _is_utf_8(name) else name.decode(page)
    except UnicodeError:
        return info.filename


def _code_page(entries: Iterable[zipfile.ZipInfo]) -> str:
    """Return the encoding of names that do not say that they are UTF-8: that of the computer, which nothing names."""
    names = [entry.filename for entry in entries if not entry.flag_bits & _UTF_8 and not entry.filename.isascii()]
    data = b"\n".join(name for name in (text.encode("cp437", "replace") for text in names) if not _is_utf_8(name))
    told = told_by_alphabets(data, _LETTERS, OF_DOS) or told_by_alphabets(data, _LETTERS) if data else ""
    if not told and data and (found := probable_encoding(data)) in _PAIRED:
        told = found
    return told or "cp437"


def _is_utf_8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode(probable_encoding(name) or "cp1252", "replace")


def _inner_name(path: str) -> str:
    """Return the name of the file inside a compressed one: `a/b.md.gz` → `b.md`."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{_TAR_SUFFIXES.get(dot + suffix.lower(), '')}" if stem else name or "content"
