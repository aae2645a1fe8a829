"""`Content-Encoding` of stored objects: what was packed for the way is unpacked before anybody looks at it."""

import zlib
from gzip import GzipFile
from io import BytesIO

from ingest.errors import MalformedDocument, OversizedDocument, UnsupportedFormat

GZIP, DEFLATE = ("gzip", "x-gzip"), ("deflate",)
NONE = ("", "identity", "aws-chunked")  # the last is how a client sent it; some endpoints keep the word
MAGIC = {GZIP: b"\x1f\x8b"}


def decoded(uri: str, data: bytes, content_encoding: str, limit: int) -> bytes:
    """Return an object's bytes without its encodings, at most `limit` of them.

    Bytes that are not packed, whatever the header says, are returned as they are: some gateways unpack and keep it.

    Raises: OversizedDocument, MalformedDocument, UnsupportedFormat for an encoding that is not read here.
    """
    for name in reversed([one.strip().lower() for one in content_encoding.split(",")]):  # the last was applied last
        if name in NONE:
            continue
        if name not in GZIP + DEFLATE:
            raise UnsupportedFormat(f"{uri}: its Content-Encoding is {name[:40]!r}; gzip and deflate are read")
        if name in DEFLATE or data.startswith(MAGIC[GZIP]):
            data = _unpacked(uri, data, name, limit)
    return data


def _unpacked(uri: str, data: bytes, name: str, limit: int) -> bytes:
    try:
        if name in GZIP:
            with GzipFile(fileobj=BytesIO(data)) as file:  # any number of members, in one pass
                found = file.read(limit + 1)
        else:
            found = _inflated(data, limit)
    except (OSError, EOFError, zlib.error) as error:
        raise MalformedDocument(f"{uri}: its Content-Encoding is {name}, its bytes are not: {error}") from error
    if len(found) > limit:
        raise OversizedDocument(f"{uri}: unpacked over the limit of {limit} bytes (max_document_bytes)")
    return found


def _inflated(data: bytes, limit: int) -> bytes:
    """Return what one stream of deflate holds, with or without zlib's header, at most one byte over the limit."""
    try:
        unpacking = zlib.decompressobj()
        found = unpacking.decompress(data, limit + 1)
    except zlib.error:
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)  # as some servers send it
        found = unpacking.decompress(data, limit + 1)
    if not unpacking.eof and len(found) <= limit:
        raise EOFError("they end early")
    return found
