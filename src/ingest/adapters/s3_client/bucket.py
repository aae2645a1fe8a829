"""One bucket: requests with bounded retries of request and body."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from ingest.adapters.s3_client.answers import NO_CREDENTIALS, S3Place, Unmet, no_credentials
from ingest.errors import InvalidSettings
from ingest.records import S3Options

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

T = TypeVar("T")
Check = Callable[["GetObjectOutputTypeDef"], None]
PIECE = 2**18  # bytes per read
PART = 16 * 2**20  # bytes; larger files are sent in parts of this size
PARTS_AT_ONCE = 4
WAIT_SECONDS = 5.0  # longest pause between two attempts; pauses grow
MD5 = re.compile('"?[0-9a-f]{32}"?')


class Bucket(S3Place):
    """One bucket. Thread-safe. Raises: AccessDenied, UnknownSource, InvalidSettings (another region), `unavailable`."""

    @cached_property
    def client(self) -> "S3Client":
        """The client behind `ask`, whose requests are tried once."""
        return self._open(1)

    @cached_property
    def _uploads(self) -> "S3Client":
        # A file is uploaded in many requests: botocore retries each; the upload as a whole is not retried.
        return self._open(self.options.attempts)

    def _open(self, attempts: int) -> "S3Client":
        client = open_client(self.options, attempts)
        refuse, region = self.refuse_other_region, client.meta.region_name
        # The first handler: botocore's own would follow the redirect, and traffic between regions costs money.
        client.meta.events.register_first("needs-retry.s3", lambda response, **_: refuse(response, region))
        return client

    def ask(self, action: str, key: str, request: Callable[["S3Client"], T], *, may_lack: bool = True) -> T:
        """Return request(client), retried after `unavailable`. Raises: Unmet, if what it asks for `may_lack`."""
        import stamina

        again = stamina.RetryingCaller(attempts=self.options.attempts, timeout=None, wait_max=WAIT_SECONDS)
        return again(self.unavailable, self.once, action, key, request, self.client, may_lack)

    def get(self, key: str, check: Check = lambda _: None, **which: Any) -> bytes | None:
        """Return what `copy` writes."""
        found = self.copy(key, data := BytesIO(), check, **which)
        return None if found is None else data.getvalue()

    def copy(
        self, key: str, target: BinaryIO, check: Check = lambda _: None, **which: Any
    ) -> "GetObjectOutputTypeDef | None":
        """Write an object to `target` and return its headers, None without it.

        `check` gets the headers before the body is read. It may raise Unmet: this is not the object that is wanted.
        """

        def request(s3: "S3Client") -> "GetObjectOutputTypeDef":
            answer = s3.get_object(Bucket=self.name, Key=key, **which)
            with closing(answer["Body"]):
                check(answer)
                target.seek(0)  # an attempt before this one may have written a part
                target.truncate()
                self._copy(answer, key, target)
            return answer

        try:
            return self.ask("read", key, request)
        except Unmet:
            return None

    def get_range(self, key: str, first: int, last: int, size: int) -> bytes | None:
        """Return bytes [first, last) of an object, or None if it is missing or does not have this size."""

        def check(answer: "GetObjectOutputTypeDef") -> None:
            if answer["ETag"] and "ContentRange" not in answer:  # without an ETag it is no answer at all
                raise InvalidSettings(
                    f"{self.where(key)}: {self.endpoint} ignores Range; set `ranges_above` to "
                    f"{size} or more to copy the whole file"
                )
            if answer["ContentRange"].rpartition("/")[2] != str(size):
                raise Unmet(key)

        return self.get(key, check, Range=f"bytes={first}-{last - 1}")

    def put(self, key: str, data: bytes, **conditions: Any) -> None:
        """Write an object in one request. Raises: Unmet if a condition (`IfNoneMatch`) does not hold."""
        where = {"Bucket": self.name, "Key": key, **conditions}
        self.ask("write", key, lambda s3: s3.put_object(Body=data, **where), may_lack=bool(conditions))

    def upload(self, key: str, path: Path) -> None:
        """Write a local file, in parts if it is large. A kill leaves parts that only a lifecycle rule aborts."""
        from boto3.exceptions import S3UploadFailedError
        from boto3.s3.transfer import TransferConfig

        transfer = TransferConfig(PART, min(PARTS_AT_ONCE, self.options.max_connections), PART)

        def request(s3: "S3Client") -> None:
            try:
                s3.upload_file(str(path), self.name, key, Config=transfer)
            except S3UploadFailedError as error:  # boto3 hides the response in the context
                raise error.__context__ or error from error

        try:
            self.once("write", key, request, self._uploads)
        except Unmet as error:  # the response to "complete" was lost, and the upload is closed already
            there: set[int] = {item["Size"] for item in self.objects(key) if item["Key"] == key}
            if there != {path.stat().st_size}:
                raise self.unavailable(f"{self.where(key)}: the upload was aborted midway") from error

    def delete(self, key: str) -> None:
        """Remove an object, if it exists."""
        with suppress(Unmet):  # some endpoints say so of a missing key
            self.ask("delete", key, lambda s3: s3.delete_object(Bucket=self.name, Key=key))

    def objects(self, prefix: str, delimiter: str = "") -> Iterator[dict[str, Any]]:
        """Yield the objects under `prefix` in S3's order, in the form of its listing (Key, Size, ETag, ...)."""
        more = {"Delimiter": delimiter} if delimiter else {}
        for page in self._pages("list", "list_objects_v2", prefix, ("ContinuationToken",), **more):
            yield from page.get("Contents", ())

    def versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the newest versions of the objects under `prefix`; those that were deleted are left out."""
        action = "list versions (needs s3:ListBucketVersions)"
        for page in self._pages(action, "list_object_versions", prefix, ("KeyMarker", "VersionIdMarker")):
            yield from (item for item in page.get("Versions", ()) if item["IsLatest"])

    def _pages(self, action: str, method: str, prefix: str, markers: tuple[str, ...], **more: str) -> Iterator[Any]:
        """Yield the pages of a listing, each retried by itself. Raises: `unavailable` if one is repeated."""
        where = {"Bucket": self.name, "Prefix": prefix, **more}
        while True:
            page, more_follow = self.ask(action, prefix, partial(_page, method, where), may_lack=False)
            yield page
            if not more_follow:
                return
            before, after = [where.get(name) for name in markers], [page.get(f"Next{name}", "") for name in markers]
            if not after[0] or before == after:
                raise self.unavailable(f"{self.where(prefix)}: the listing does not advance, at {self.endpoint}")
            where |= zip(markers, after, strict=True)

    def _copy(self, answer: "GetObjectOutputTypeDef", key: str, target: BinaryIO) -> None:
        # botocore has checked length and checksum when the last read returns; older objects have no checksum.
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        while piece := answer["Body"].read(PIECE):
            digest.update(piece)
            size += len(piece)
            target.write(piece)
        if size != answer["ContentLength"]:
            raise self.unavailable(f"{self.where(key)}: {size} bytes of {answer['ContentLength']} arrived")
        if self._etag_is_md5(answer) and answer["ETag"].strip('"') != digest.hexdigest():
            raise self.unavailable(
                f"{self.where(key)}: MD5 {digest.hexdigest()} is not the ETag {answer['ETag']}; where ETags "
                "are no MD5 sums, as behind some gateways, set check_md5: false in the source's options, or under s3"
            )

    def _etag_is_md5(self, answer: "GetObjectOutputTypeDef") -> bool:
        # Not for ranges and parts, for KMS and customer keys, in directory buckets, and beside another checksum.
        encrypted = answer.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in answer
        checked = any(name.startswith("Checksum") and name != "ChecksumType" for name in answer)
        other = encrypted or checked or self.is_directory_bucket or "ContentRange" in answer
        return self.options.check_md5 and not other and bool(MD5.fullmatch(answer["ETag"]))


def _page(method: str, where: dict[str, Any], s3: "S3Client") -> tuple[Any, bool]:
    """Return a page of a listing, and whether more follow. An answer that does not say so is no listing."""
    page = getattr(s3, method)(**where)
    return page, page["IsTruncated"]


def open_client(options: S3Options, attempts: int = 1) -> "S3Client":
    """Return a boto3 client that tries each request `attempts` times. Raises: InvalidSettings, AccessDenied."""
    import boto3.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.utils import parse_timestamp

    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        max_pool_connections=options.max_connections,
        s3={"addressing_style": options.addressing_style},
    )
    try:  # its own session: boto3's default session is not thread-safe
        session = boto3.session.Session()
        session._session.get_component("response_parser_factory").set_parser_defaults(
            # What listings have, ISO 8601, botocore reads two thousand times more slowly.
            timestamp_parser=lambda t: datetime.fromisoformat(t) if str(t).endswith("Z") else parse_timestamp(t)
        )
        return session.client("s3", endpoint_url=options.endpoint_url, region_name=options.region, config=config)
    except (BotoCoreError, ValueError) as error:
        told = f"no S3 client for endpoint {options.endpoint_url or 'AWS'}"
        if type(error).__name__ in NO_CREDENTIALS:
            raise no_credentials(error, told) from error
        raise InvalidSettings(f"{told}: {error}") from error
