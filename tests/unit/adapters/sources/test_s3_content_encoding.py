import gzip
import zlib

import pytest

from ingest.adapters.sources.s3 import decoded
from ingest.errors import MalformedDocument, OversizedDocument, UnsupportedFormat

TEXT = b"# Title\n\nWords.\n" * 10
URI = "s3://bucket/a.md"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, "aws-chunked"),
        (gzip.compress(TEXT, mtime=0), "gzip"),
        (gzip.compress(TEXT, mtime=0), "aws-chunked, GZIP"),
        (gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0), "gzip"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "gzip, gzip"),
        (gzip.compress(TEXT, mtime=0) + b"\0" * 8, "gzip"),  # padded
        (gzip.compress(b"", mtime=0) * 50_000 + gzip.compress(TEXT, mtime=0), "gzip"),  # in one pass
        (zlib.compress(TEXT), "deflate"),
        (zlib.compress(TEXT)[2:-4], "deflate"),  # without zlib's header, as some servers send it
        (TEXT, "gzip"),  # a gateway has unpacked it and kept the header
    ],
)
def test_what_was_packed_for_the_way_is_unpacked(data, encoding):
    assert TEXT == decoded(URI, data, encoding, len(TEXT))


@pytest.mark.parametrize(
    "data", [gzip.compress(TEXT, mtime=0), gzip.compress(TEXT, mtime=0) * 2, gzip.compress(b"\0" * 10**7, mtime=0)]
)
def test_no_more_is_unpacked_than_a_document_may_have(data):
    with pytest.raises(OversizedDocument, match=r"s3://bucket/a\.md: unpacked over the limit of 159 bytes"):
        decoded(URI, data, "gzip", len(TEXT) - 1)


@pytest.mark.parametrize("data", [gzip.compress(TEXT, mtime=0)[:-12], gzip.compress(TEXT, mtime=0)[:20] + b"x" * 40])
def test_broken_bytes_are_malformed(data):
    with pytest.raises(MalformedDocument, match="Content-Encoding is gzip"):
        decoded(URI, data, "gzip", 1000)


def test_an_encoding_that_is_not_read_is_named():
    with pytest.raises(UnsupportedFormat, match="Content-Encoding is 'br'; gzip and deflate are read"):
        decoded(URI, TEXT, "br", 1000)
