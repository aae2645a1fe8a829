"""URIs of documents and folders: how keys and paths are encoded, and which folder a URI names."""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from ingest.errors import InvalidSettings
from ingest.phrases import shown

# For keys and paths in URIs: everything but letters, digits and "-._~/" is percent-encoded, as UTF-8.
encode, decode = quote, unquote_to_bytes


def local_folder(uri: str) -> Path:
    """Return the folder of a `file:///…` URI (percent-decoded) or a plain path (as is), absolute, links kept.

    Raises: InvalidSettings.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(os.path.abspath(Path(uri).expanduser()))  # noqa: PTH100 - keeps links, removes ".."
    host, slash, path = rest.partition("/")
    if scheme.lower() != "file" or host not in ("", "localhost") or not slash:
        raise InvalidSettings(f"{shown(uri)!r} is not of the form file:///absolute/folder")
    if "?" in path or "#" in path:
        told = f"{shown(uri)!r}: write %3F for a question mark and %23 for a number sign in a file:// URI"
        raise InvalidSettings(told)
    return Path(os.path.abspath(os.fsdecode(decode(f"/{path}"))))  # noqa: PTH100
