"""`Content-Encoding` of stored objects: what was packed for the way is unpacked before anybody looks at it."""

import zlib

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
    parts, left = list[bytes](), limit + 1
    while data and left > 0:  # gzip may hold several members
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by the first bytes
        try:
            parts.append(unpacking.decompress(data, left))
        except zlib.error as error:
            raise MalformedDocument(f"{uri}: its Content-Encoding is {name}, its bytes are not: {error}") from error
        left -= len(parts[-1])
        if not unpacking.eof and left > 0:
            raise MalformedDocument(f"{uri}: its Content-Encoding is {name}, and its bytes end early")
        data = unpacking.unused_data
    if left <= 0:
        raise OversizedDocument(f"{uri}: unpacked over the limit of {limit} bytes (max_document_bytes)")
    return b"".join(parts)
