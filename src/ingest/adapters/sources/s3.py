"""Documents in an S3 bucket: `s3://bucket/prefix`.

Everything under the prefix is included, except what the selection leaves out and the empty objects ending with "/"
that consoles write as folders. In a versioned bucket a document is pinned by its version, and can be read until that
version is purged; in other buckets, and for objects older than versioning, by its ETag.

`Content-Encoding` is undone: what was packed for the way is unpacked before anybody looks at it.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from gzip import GzipFile
from io import BytesIO
from itertools import islice
from typing import Any

from ingest import errors
from ingest.adapters.s3_client import Archived, Bucket, Unmet
from ingest.adapters.selection import SIDECAR, SIDECAR_BYTES, Permissions, Selection
from ingest.adapters.uris import decode, encode, split_uri
from ingest.documents import media_types
from ingest.ports import Source
from ingest.records import DocumentRef, RawDocument, S3Options

logger = logging.getLogger(__name__)
VERSION, ETAG = "id:", "etag:"  # how a ref's version is pinned
GZIP, DEFLATE = ("gzip", "x-gzip"), "deflate"
NOT_PACKED = ("", "identity", "aws-chunked")  # the last is how a client sent it; some endpoints keep the word


def open_source(
    name: str, uri: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str, s3: S3Options
) -> Source:
    """Return the source, see `ingest.adapters.sources.SourceModule`."""
    chosen = S3Selection.of(name, options, acl, tenant)
    own = {} if chosen.check_md5 is None else {"check_md5": chosen.check_md5}
    return S3Source(name, uri, chosen, s3.model_copy(update=own))


class S3Selection(Selection):
    """A selection with the option that only a bucket has."""

    check_md5: bool | None = None  # False for gateways whose ETags look like MD5 sums and are not; None: as under s3


class S3Source:
    """A bucket, or the part of it under a prefix."""

    def __init__(self, name: str, uri: str, chosen: Selection, options: S3Options) -> None:
        bucket, self.prefix = split_uri(uri)
        self.name = name
        self.uri = f"s3://{bucket}/{encode(self.prefix)}".rstrip("/")
        self.selection = chosen
        self.left_out = Counter[str]()  # by the newest listing or look, by reason
        self.bucket = Bucket(bucket, options, errors.SourceUnavailable)

    def list(self) -> Iterator[DocumentRef]:
        self.left_out.clear()
        return self.selection.refs(self._found(self.prefix), self.left_out, self._permissions)

    def look(self, uri: str) -> DocumentRef | None:
        self.left_out.clear()
        first = islice(self._found(self._key(uri)), 1)  # of all keys with this prefix, the key itself is first
        found = (one for one in first if one.uri == uri)
        return next(self.selection.refs(found, self.left_out, self._permissions), None)

    def read(self, ref: DocumentRef) -> RawDocument | None:
        """Raises: OversizedDocument before anything is read, ArchivedDocument, SourceUnavailable if the bucket is gone,
        UnreadableDocument for what S3 refuses to serve as it is asked for (a key of the customer is needed).
        """
        self.selection.check_size(ref, ref.size)
        key, (kind, _, pin) = self._key(ref.uri), ref.version.partition(":")
        which = {"VersionId": pin} if f"{kind}:" == VERSION else {}

        def check(answer: Mapping[str, Any]) -> None:
            # Compared here, not by If-Match: some endpoints misread a quoted ETag and always answer 412.
            if not which and answer["ETag"] != pin:
                raise Unmet(ref.uri)
            self.selection.check_size(ref, answer["ContentLength"])

        try:
            found = self.bucket.copy(key, data := BytesIO(), check, **which)
        except Archived as error:
            told = f"{ref.uri}: archived by S3; restore it in S3: one of the next runs tries it again"
            raise errors.ArchivedDocument(told) from error
        except errors.InvalidSettings as error:  # of this object: the settings were good enough to list it
            raise errors.UnreadableDocument(str(error)) from error
        except errors.UnknownSource as error:
            raise errors.SourceUnavailable(f"{self.uri}: gone since it was listed: {error}") from error
        if found is None:
            return None
        told, packed = found.get("ContentType", ""), found.get("ContentEncoding", "")
        if "charset" in told:  # its parser looks at it
            ref = replace(ref, media_type=told)
        content = decoded(ref.uri, data.getvalue(), packed, self.selection.max_document_bytes)
        return RawDocument(ref, content, media_types.claim(told))

    def _permissions(self, row: DocumentRef) -> bytes | dict[str, Any] | None:
        key, name = self._key(row.uri), self.bucket.name

        def check(answer: Mapping[str, Any]) -> None:
            if answer["ContentLength"] > SIDECAR_BYTES:
                raise Unmet(key)

        if self.selection.acl_from == "sidecar":
            return self.bucket.get(f"{key}{SIDECAR}", check)
        try:
            answer = self.bucket.ask("read the tags of", key, lambda s3: s3.get_object_tagging(Bucket=name, Key=key))
        except Unmet:  # deleted since it was listed
            return None
        tags = {tag["Key"]: tag["Value"] for tag in answer["TagSet"] if tag["Key"] in Permissions.model_fields}
        return {**tags, "acl": tags.get("acl", "").split()}

    def _key(self, uri: str) -> str:
        root = f"s3://{self.bucket.name}/"
        key = decode(uri.removeprefix(root)).decode(errors="replace")
        if not uri.startswith(root) or not key.startswith(self.prefix):
            raise errors.InvalidSettings(f"source {self.name}: {uri} is not under {self.uri}")
        return key

    def _found(self, prefix: str) -> Iterator[DocumentRef]:
        for item in self.bucket.versions(prefix) if self._is_versioned() else self.bucket.objects(prefix):
            key, size, pin = item["Key"], item["Size"], item.get("VersionId") or "null"
            if key.endswith("/") and size == 0:
                continue
            version = f"{ETAG}{item['ETag']}" if pin == "null" else f"{VERSION}{pin}"  # "null" is overwritten in place
            uri, modified = f"s3://{self.bucket.name}/{encode(key)}", item["LastModified"].isoformat(timespec="seconds")
            yield DocumentRef(uri, self.name, key.removeprefix(self.prefix), version, size, modified)

    def _is_versioned(self) -> bool:
        ask, name = self.bucket.ask, self.bucket.name
        try:
            answer = ask("see versioning of", "", lambda s3: s3.get_bucket_versioning(Bucket=name), may_lack=False)
        except (errors.AccessDenied, errors.InvalidSettings) as error:  # then the listing decides
            logger.warning("source %s: documents are pinned by ETag, not by version: %s", self.name, error)
            return False
        return answer.get("Status") in ("Enabled", "Suspended")


def decoded(uri: str, data: bytes, content_encoding: str, limit: int) -> bytes:
    """Return an object's bytes without its encodings, at most `limit` of them.

    Bytes that are not packed, whatever the header says, are returned as they are: some gateways unpack and keep it.

    Raises: OversizedDocument, MalformedDocument, UnsupportedFormat for an encoding that is not read here.
    """
    for name in reversed([one.strip().lower() for one in content_encoding.split(",")]):  # the last was applied last
        if name in NOT_PACKED:
            continue
        if name not in (*GZIP, DEFLATE):
            raise errors.UnsupportedFormat(f"{uri}: its Content-Encoding is {name[:40]!r}; gzip and deflate are read")
        if name == DEFLATE or data.startswith(b"\x1f\x8b"):
            data = _unpacked(uri, data, name, limit)
    return data


def _unpacked(uri: str, data: bytes, name: str, limit: int) -> bytes:
    try:
        if name in GZIP:
            with GzipFile(fileobj=BytesIO(data)) as file:  # any number of members, in one pass
                found = file.read(limit + 1)
        else:
            try:
                unpacking = zlib.decompressobj()
                found = unpacking.decompress(data, limit + 1)
            except zlib.error:  # as some servers send it, without zlib's header
                unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
                found = unpacking.decompress(data, limit + 1)
            if not unpacking.eof and len(found) <= limit:
                raise EOFError("they end early")
    except (OSError, EOFError, zlib.error) as error:
        raise errors.MalformedDocument(f"{uri}: its Content-Encoding is {name}, its bytes are not: {error}") from error
    if len(found) > limit:
        raise errors.OversizedDocument(f"{uri}: unpacked over the limit of {limit} bytes (max_document_bytes)")
    return found
