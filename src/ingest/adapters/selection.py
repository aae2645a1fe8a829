"""What every source does with its listing: select documents by pattern and size."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from ingest.errors import InvalidSettings, OversizedDocument, first_fault
from ingest.records import DOCUMENT_BYTES, DocumentRef, SourceOptions


class ListedDocument(NamedTuple):
    """A document as a source finds it."""

    uri: str  # percent-encoded ASCII
    path: str  # relative to the root, not encoded
    version: str
    size: int  # bytes
    modified: str  # ISO 8601, UTC; "" if unknown


class Selection(SourceOptions):
    """Which documents of a source are included, who may see them, and how large they may be."""

    max_document_bytes: int = Field(default=DOCUMENT_BYTES, ge=1)

    def wants(self, path: str) -> bool:
        """Return whether the patterns include `path`: case-sensitive shell patterns, whose "*" also matches "/"."""
        matches = partial(fnmatchcase, path)
        return not any(map(matches, self.exclude)) and (not self.include or any(map(matches, self.include)))

    def refs(self, source: str, found: Iterable[ListedDocument]) -> Iterator[DocumentRef]:
        """Yield what is wanted of `found`, in the same order."""
        for row in found:
            if self.wants(row.path):
                yield DocumentRef(row.uri, source, *row[1:], acl=self.acl, tenant=self.tenant)

    def check_size(self, ref: DocumentRef, size: int) -> None:
        """Check that the document may be read. Raises: OversizedDocument."""
        if size > self.max_document_bytes:
            limit = f"over the limit of {self.max_document_bytes} (max_document_bytes)"
            raise OversizedDocument(f"{ref.uri}: {size} bytes, {limit}")


def selection(source: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str) -> Selection:
    """Return the selection in the settings of a source. Raises: InvalidSettings, which names the source."""
    known = ("include", "exclude", "max_document_bytes")
    if unknown := sorted(set(options) - set(known)):
        raise InvalidSettings(f"source {source}: unknown option {', '.join(unknown)}; known are {', '.join(known)}")
    try:
        return Selection.model_validate({**options, "acl": acl, "tenant": tenant})
    except ValidationError as error:
        raise InvalidSettings(f"source {source}: {first_fault(error)}") from error
