"""Archives, checked before they are unpacked: entries, bytes, ratio, names, links, overlaps.

The central directory of a ZIP is checked as a whole, so a bomb costs nothing; TAR has none, so its stream is limited
while it is read. A header's claims are trusted only within the limits. Nothing is written to disk. What is wrong with
one entry alone costs that entry: a link, a name that leads out, a password, another compression, damage.
"""

import bz2
import gzip
import io
import logging
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from ingest.documents.parsers._reading.sound_entries import LOCAL, SIGNATURE, sound_entry
from ingest.errors import DocumentError, EncryptedDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from ingest.records import ParseLimits, RawDocument

logger = logging.getLogger(__name__)

_SMALL = 2**20  # bytes unpacked, up to which the ratio is ignored
_STEP = 2**20  # bytes unpacked at once
_XZ_MEMORY = 128 * 2**20  # bytes: a dictionary of 64 MiB, the largest of xz's presets, and the decoder's state
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flag bits: an entry, strong encryption, masked headers
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # those that zipfile can unpack in bounded steps
_BLOCK = 512  # bytes of a TAR
_TOLD = 5  # entries that are left out, whose fault is told
_DRIVE = re.compile(r"[A-Za-z]:")
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    gzip.BadGzipFile,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    NotImplementedError,
    RuntimeError,
)


def open_zip(raw: RawDocument) -> zipfile.ZipFile:
    """Return the archive, its central directory checked against `raw.options.limits`; nothing is unpacked.

    Raises:
        OversizedDocument: Too many entries or bytes, or too high a compression ratio.
        MalformedDocument: Not a ZIP, or overlapping entries.
    """
    path, limits = raw.ref.path, raw.options.limits
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw.data))
    except _BROKEN as error:
        raise MalformedDocument(f"{path}: not a ZIP archive: {error}") from error
    archive.filename = path  # for messages
    entries = archive.infolist()
    check_entries(path, len(entries), limits)
    check_bytes(path, sum(entry.file_size for entry in entries), len(raw.data), limits)
    _check_overlap(path, raw.data, entries)
    return archive


def read_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Return the content of an entry of an archive from `open_zip`, at most `limit` bytes.

    Raises:
        OversizedDocument: It is larger.
        EncryptedDocument: It needs a password.
        UnsupportedFormat: It is compressed by a method other than deflate.
        MalformedDocument: It is damaged, larger than its header says, a link or a device, or has a name that leads out.
    """
    where = f"{archive.filename}: entry {info.filename[:200]!r}"
    _check_entry(str(archive.filename), info)
    if info.file_size > limit:
        raise OversizedDocument(f"{where} has {info.file_size} bytes, the limit is {limit}")
    if (sound := sound_entry(archive, info)) is not None:
        return sound
    try:
        with archive.open(info) as entry:
            data = entry.read(info.file_size + 1)
    except _BROKEN as error:
        raise MalformedDocument(f"{where} is damaged: {error}") from error
    if len(data) != info.file_size:
        raise MalformedDocument(f"{where} has {len(data)} bytes, its header says {info.file_size}")
    return data


def unpack(raw: RawDocument, compression: str) -> io.BytesIO:
    """Return the content of a gzip, bzip2 or xz file as a stream; `compression` is "gz", "bz2" or "xz".

    Raises: OversizedDocument, MalformedDocument.
    """
    path, limits = raw.ref.path, raw.options.limits
    unpacked = io.BytesIO()
    try:
        for part in _xz_parts(raw.data) if compression == "xz" else _parts(raw.data, compression):
            unpacked.write(part)
            check_bytes(path, unpacked.tell(), len(raw.data), limits)
    except _BROKEN as error:
        if not (unpacked.tell() and str(error).startswith("Not a gzipped file")):
            raise MalformedDocument(f"{path}: damaged {compression} data: {error}") from error
        logger.warning("%s: left out: what follows the compressed data", path)
    unpacked.seek(0)
    return unpacked


class BadEntries:
    """The entries of an archive that cannot be read, while others can."""

    def __init__(self, path: str) -> None:
        """Start with none."""
        self._path = path
        self._errors: list[DocumentError] = []

    def add(self, error: DocumentError) -> None:
        """Add what is wrong with one; its message begins with the archive's path."""
        self._errors.append(error)

    def tell(self, others: bool) -> None:
        """Name the entries in a warning; without others, raise what is wrong with the first."""
        if not self._errors:
            return
        if not others:
            raise self._errors[0]
        told = [str(error).removeprefix(f"{self._path}: ")[:200] for error in self._errors[:_TOLD]]
        rest = [f"{len(self._errors) - _TOLD} more"] if len(self._errors) > _TOLD else []
        logger.warning("%s: left out: %s", self._path, "; ".join([*told, *rest]))


def tar_entries(raw: RawDocument, stream: io.BytesIO, bad: BadEntries) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each regular file of an unpacked TAR, in archive order.

    A link, a device, a sparse file, or an entry whose name leads out of the archive is added to `bad`, and so is a
    damaged header: what follows is read from the next sound one on.

    Raises:
        OversizedDocument: Too many entries or bytes.
        MalformedDocument: Damage.
    """
    path, limits = raw.ref.path, raw.options.limits
    count = size = 0
    offset = -1
    try:
        for archive, member in _members(path, stream, bad):
            count += 1
            size += max(member.size, 0)
            check_entries(path, count, limits)
            check_bytes(path, size, size, limits)
            if member.size < 0 or member.offset <= offset:  # tarfile would go backwards and never end
                raise MalformedDocument(f"{path}: entry {member.name[:200]!r} has size {member.size}")
            offset = member.offset
            try:
                _check_member(path, member)
            except MalformedDocument as error:
                bad.add(error)
                continue
            if member.isreg() and (entry := archive.extractfile(member)) is not None:
                data = entry.read(member.size)
                if len(data) != member.size:
                    raise MalformedDocument(f"{path}: entry {member.name[:200]!r} ends early")
                yield member.name, data
    except _BROKEN as error:
        raise MalformedDocument(f"{path}: not a TAR archive: {error}") from error


def _members(path: str, stream: io.BytesIO, bad: BadEntries) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Yield the entries of a TAR; behind a damaged header, which `tarfile` takes for the end, go on at the next one."""
    at, size = 0, len(stream.getbuffer())
    while at < size:
        stream.seek(at)
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                yield archive, member
            at = archive.offset
        if _is_sound(stream, at) is not False:
            return
        bad.add(MalformedDocument(f"{path}: the entry at byte {at} is damaged"))
        at = next((block for block in range(at + _BLOCK, size, _BLOCK) if _is_sound(stream, block)), size)


def _is_sound(stream: io.BytesIO, at: int) -> bool | None:
    """Return whether a header of a TAR is there, None for the end of the archive."""
    stream.seek(at)
    block = stream.read(_BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def check_entries(path: str, count: int, limits: ParseLimits) -> None:
    """Raise OversizedDocument when an archive has more entries than the limit."""
    if count > limits.archive_entries:
        raise OversizedDocument(f"{path}: {count} entries, the limit is {limits.archive_entries}")


def check_bytes(path: str, unpacked: int, packed: int, limits: ParseLimits) -> None:
    """Raise OversizedDocument when an archive unpacks to more bytes than the limit, or has too high a ratio."""
    if unpacked > limits.archive_bytes:
        raise OversizedDocument(f"{path}: unpacks to {unpacked} bytes, the limit is {limits.archive_bytes}")
    if unpacked > _SMALL and unpacked > limits.archive_ratio * max(packed, 1):
        raise OversizedDocument(
            f"{path}: {packed} bytes unpack to {unpacked}, over the limit of {limits.archive_ratio:g} to 1"
        )


def check_name(path: str, name: str) -> None:
    """Raise MalformedDocument for a name that leads out of the archive: absolute, with a drive, or with `..`."""
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or _DRIVE.match(name) or "\0" in name:
        raise MalformedDocument(f"{path}: the name {name[:200]!r} leads out of the archive")


def _check_member(path: str, member: tarfile.TarInfo) -> None:
    check_name(path, member.name)
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise MalformedDocument(f"{path}: entry {member.name[:200]!r} is a link, a device or sparse")


def _check_entry(path: str, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    check_name(path, name)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) and entry.create_system == 3:  # Unix
        raise MalformedDocument(f"{path}: entry {name[:200]!r} is a link or a device")
    if entry.flag_bits & _ENCRYPTED:
        raise EncryptedDocument(f"{path}: entry {name[:200]!r} is encrypted")
    if entry.compress_type not in _METHODS and entry.file_size:
        raise UnsupportedFormat(f"{path}: entry {name[:200]!r} is packed by method {entry.compress_type}")


def _check_overlap(path: str, data: bytes, entries: list[zipfile.ZipInfo]) -> None:
    """Raise MalformedDocument unless each entry ends before the next one begins.

    In a bomb without nesting, thousands of entries share the same packed bytes. One that is not where the directory
    says is left to whoever reads it.
    """
    end, before = 0, ""
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        start, name = entry.header_offset, entry.filename[:200]
        if start < end:
            raise MalformedDocument(f"{path}: entry {name!r} at byte {start} overlaps {before!r} up to byte {end}")
        lengths = 0
        if start + LOCAL.size <= len(data):
            signature, *both = LOCAL.unpack_from(data, start)
            lengths = sum(both) if signature == SIGNATURE else 0
        end, before = start + LOCAL.size + lengths + entry.compress_size, name


def _parts(data: bytes, compression: str) -> Iterator[bytes]:
    """Yield the content of gzip or bzip2 data in bounded steps."""
    opened = gzip.GzipFile(fileobj=io.BytesIO(data)) if compression == "gz" else bz2.BZ2File(io.BytesIO(data))
    with opened:
        while part := opened.read1(_STEP):
            yield part


def _xz_parts(data: bytes) -> Iterator[bytes]:
    """Yield the content of xz data in bounded steps and bounded memory, which `LZMAFile` does not offer."""
    while data:
        decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        rest = data
        while not decompressor.eof:
            part = decompressor.decompress(rest, _STEP)
            if not part and decompressor.needs_input:
                raise EOFError("the data end early")
            rest = b""
            yield part
        data = decompressor.unused_data.lstrip(b"\0")  # more streams may follow, and padding
