"""Where S3 is: options, URIs and the boto3 client."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from ingest.adapters.s3_client.answers import NO_CREDENTIALS, no_credentials
from ingest.errors import InvalidSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


@dataclass(frozen=True)
class S3Options:
    """Where S3 is and how long to wait for it. Changes where and how fast, never results.

    The longest wait of one call is about `attempts` x (`connect_timeout` + `read_timeout`) + 10 s; `read_timeout` is
    the longest silence on the line, not the time of a whole body.
    """

    endpoint_url: str | None = None  # None: AWS
    region: str | None = None  # None: from the environment
    max_connections: int = 16  # kept open for each bucket
    connect_timeout: float = 5.0  # seconds
    read_timeout: float = 60.0  # seconds
    attempts: int = 3  # in all, the first one counted
    addressing_style: Literal["auto", "path", "virtual"] = "auto"
    page_size: int = 1000  # keys of one LIST answer, 1000 at most

    def __post_init__(self) -> None:
        if self.endpoint_url is not None:
            parts = urlsplit(self.endpoint_url)
            if "@" in parts.netloc:
                raise InvalidSettings("s3 endpoint_url: must not hold credentials; they come from the environment")
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InvalidSettings(f"s3 endpoint_url: {self.endpoint_url!r} is not an http(s) URL")
        if not 1 <= self.page_size <= 1000:
            raise InvalidSettings(f"s3 page_size: {self.page_size} is not between 1 and 1000")
        if min(self.attempts, self.max_connections, self.connect_timeout, self.read_timeout) <= 0:
            raise InvalidSettings("s3: attempts, max_connections and timeouts must be positive")


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key prefix of `s3://bucket/prefix`; the prefix is decoded and ends with "/" unless empty.

    A prefix names a folder: `s3://b/docs` holds `docs/x` and neither `docs2/x` nor `docs`.

    Raises: InvalidSettings.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise InvalidSettings("an s3:// URI names bucket and prefix only; credentials come from the environment")
    if scheme.lower() != "s3" or not BUCKET_NAME.fullmatch(bucket):
        raise InvalidSettings(f"{uri!r} is not of the form s3://bucket/prefix")
    if "?" in prefix or "#" in prefix:
        raise InvalidSettings(f"{uri!r}: write %3F for a question mark and %23 for a number sign in the prefix")
    prefix = unquote(prefix).rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def open_client(options: S3Options, attempts: int = 1) -> "S3Client":
    """Return a boto3 client that tries each request `attempts` times in all.

    Raises: InvalidSettings; AccessDenied when credentials are half there.
    """
    import boto3.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        max_pool_connections=options.max_connections,
        s3={"addressing_style": options.addressing_style},
    )
    try:  # a session of its own: boto3's default session is not safe between threads
        session = boto3.session.Session()
        return session.client("s3", endpoint_url=options.endpoint_url, region_name=options.region, config=config)
    except (BotoCoreError, ValueError) as error:
        told = f"no S3 client for endpoint {options.endpoint_url or 'AWS'}"
        if isinstance(error, BotoCoreError) and type(error).__name__ in NO_CREDENTIALS:
            raise no_credentials(error, told) from error
        raise InvalidSettings(f"{told}: {error}") from error
