"""URIs of documents and folders: how keys and paths are encoded, and which folder or bucket a URI names."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from ingest.errors import InvalidSettings
from ingest.phrases import shown

# For keys and paths in URIs: everything but letters, digits and "-._~/" is percent-encoded, as UTF-8.
encode, decode = quote, unquote_to_bytes
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def local_folder(uri: str) -> Path:
    """Return the absolute folder of a `file:///…` URI or a plain path, links unresolved. Raises: InvalidSettings."""
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(os.path.abspath(Path(uri).expanduser()))  # noqa: PTH100 - keeps links, removes ".."
    host, slash, path = rest.partition("/")
    if scheme.lower() != "file" or host not in ("", "localhost") or not slash:
        raise InvalidSettings(f"{shown(uri)!r} is not of the form file:///absolute/folder")
    _check_marks(uri, path)
    return Path(os.path.abspath(os.fsdecode(decode(f"/{path}"))))  # noqa: PTH100


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
    _check_marks(uri, prefix)
    prefix = unquote(prefix).rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def _check_marks(uri: str, path: str) -> None:
    if "?" in path or "#" in path:
        told = "write %3F for a question mark and %23 for a number sign in a URI"
        raise InvalidSettings(f"{shown(uri)!r}: {told}")
