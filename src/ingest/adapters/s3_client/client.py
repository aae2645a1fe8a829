"""Where S3 is: URIs and the boto3 client."""

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ingest.adapters.s3_client.answers import NO_CREDENTIALS, no_credentials
from ingest.errors import InvalidSettings
from ingest.phrases import shown
from ingest.records import S3Options

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key prefix of `s3://bucket/prefix`; the prefix is decoded and ends with "/" unless empty.

    A prefix names a folder: `s3://b/docs` contains `docs/x`, but neither `docs2/x` nor `docs`.

    Raises: InvalidSettings.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise InvalidSettings("an s3:// URI names bucket and prefix only; credentials come from the environment")
    if scheme.lower() != "s3" or not BUCKET_NAME.fullmatch(bucket):
        raise InvalidSettings(f"{shown(uri)!r} is not of the form s3://bucket/prefix")
    if "?" in prefix or "#" in prefix:
        raise InvalidSettings(f"{shown(uri)!r}: write %3F for a question mark and %23 for a number sign in the prefix")
    prefix = unquote(prefix).rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def open_client(options: S3Options, attempts: int = 1) -> "S3Client":
    """Return a boto3 client that tries each request `attempts` times in all.

    Raises: InvalidSettings; AccessDenied if credentials are incomplete.
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
    try:  # its own session: boto3's default session is not thread-safe
        session = boto3.session.Session()
        return session.client("s3", endpoint_url=options.endpoint_url, region_name=options.region, config=config)
    except (BotoCoreError, ValueError) as error:
        told = f"no S3 client for endpoint {options.endpoint_url or 'AWS'}"
        if type(error).__name__ in NO_CREDENTIALS:
            raise no_credentials(error, told) from error
        raise InvalidSettings(f"{told}: {error}") from error
