"""Entries of a ZIP archive that are as its headers say, unpacked without a detour."""

import io
import struct
import zipfile
import zlib

LOCAL = struct.Struct("<4s22xHH")  # of an entry's own header: signature, lengths of name and extra field
SIGNATURE = b"PK\x03\x04"
_PATCHED = 0x20  # flag bit: the entry is a difference to another file


def sound_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """Return the content of an entry that is as its header says, None for any other.

    What `ZipFile.open` does takes longer than to unpack the small parts of which office files consist. Whatever is
    unusual is left to it, as are its messages.
    """
    stream, name = archive.fp, info.orig_filename
    if not isinstance(stream, io.BytesIO) or not name.isascii() or info.flag_bits & _PATCHED:
        return None
    with stream.getbuffer() as data:
        start = info.header_offset
        if not 0 <= start <= len(data) - LOCAL.size:
            return None
        signature, *lengths = LOCAL.unpack_from(data, start)
        named = start + LOCAL.size
        if signature != SIGNATURE or data[named : named + lengths[0]] != name.encode():
            return None
        content = data[named + sum(lengths) : named + sum(lengths) + info.compress_size]
        try:
            found = _inflated(content, info)
        except zlib.error:
            return None
        finally:
            content.release()
    return found if len(found) == info.file_size and zlib.crc32(found) == info.CRC else None


def _inflated(packed: memoryview, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type == zipfile.ZIP_STORED:
        return bytes(packed)
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, info.file_size + 1)
