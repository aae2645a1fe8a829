"""What every source does with its listing: name documents by URI, and select them by pattern."""

import os
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from pydantic import Field, ValidationError

from ingest.errors import InvalidSettings, OversizedDocument, first_fault
from ingest.records import DOCUMENT_BYTES, DocumentRef, SourceOptions

# Of a key or path in a URI: all but letters, digits and "-._~/" is percent-encoded, as UTF-8.
encode, decode = quote, unquote_to_bytes


class Found(NamedTuple):
    """A document as a source finds it."""

    uri: str  # percent-encoded ASCII
    path: str  # relative to the root, as people write it
    version: str
    size: int  # bytes
    modified: str  # ISO 8601, UTC; "" when unknown


def local_folder(uri: str) -> Path:
    """Return the folder of a `file:///…` URI (percent-decoded) or a plain path (as it is), absolute, links kept.

    Raises: InvalidSettings.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(os.path.abspath(Path(uri).expanduser()))  # noqa: PTH100 - keeps links, removes ".."
    host, slash, path = rest.partition("/")
    if scheme.lower() != "file" or host not in ("", "localhost") or not slash:
        raise InvalidSettings(f"{uri!r} is not of the form file:///absolute/folder")
    if "?" in path or "#" in path:
        raise InvalidSettings(f"{uri!r}: write %3F for a question mark and %23 for a number sign in a file:// URI")
    return Path(os.path.abspath(os.fsdecode(decode(f"/{path}"))))  # noqa: PTH100


class Selection(SourceOptions):
    """Which documents of a source count, who may see them, and how large they may be."""

    max_document_bytes: int = Field(default=DOCUMENT_BYTES, ge=1)

    def wants(self, path: str) -> bool:
        """Tell whether the patterns let `path` in: shell patterns with case, in which "*" also covers "/"."""
        matches = partial(fnmatchcase, path)
        return not any(map(matches, self.exclude)) and (not self.include or any(map(matches, self.include)))

    def refs(self, source: str, found: Iterable[Found]) -> Iterator[DocumentRef]:
        """Yield what is wanted of `found`, in the same order."""
        for row in found:
            if self.wants(row.path):
                yield DocumentRef(row.uri, source, *row[1:], acl=self.acl, tenant=self.tenant)

    def check_size(self, ref: DocumentRef, size: int) -> None:
        """Do nothing when the document may be read. Raises: OversizedDocument."""
        if size > self.max_document_bytes:
            limit = f"over the limit of {self.max_document_bytes} (max_document_bytes)"
            raise OversizedDocument(f"{ref.uri}: {size} bytes, {limit}")


def selection(source: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str) -> Selection:
    """Return the selection that the settings of a source ask for. Raises: InvalidSettings, naming the source."""
    known = ("include", "exclude", "max_document_bytes")
    if unknown := sorted(set(options) - set(known)):
        raise InvalidSettings(f"source {source}: unknown option {', '.join(unknown)}; known are {', '.join(known)}")
    try:
        return Selection.model_validate({**options, "acl": acl, "tenant": tenant})
    except ValidationError as error:
        raise InvalidSettings(f"source {source}: {first_fault(error)}") from error
