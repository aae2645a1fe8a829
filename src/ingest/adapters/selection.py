"""What every source does with its listing: select documents by pattern and size, and count what it leaves out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple, Self

from pydantic import Field, ValidationError

from ingest.documents.default_excludes import excluded_by_default
from ingest.errors import InvalidSettings, OversizedDocument, first_fault
from ingest.records import DOCUMENT_BYTES, DocumentRef, SourceOptions

LINKS, SPECIAL = "symbolic links", "neither files nor folders"  # reasons that only folders have


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
    own: tuple[str, ...] = ()  # folders below the root that hold the lake or the state, each with "/" at its end

    @classmethod
    def of(cls, source: str, options: Mapping[str, Any], acl: tuple[str, ...], tenant: str) -> Self:
        """Return the selection in the settings of a source. Raises: InvalidSettings, which names the source."""
        known = [name for name in cls.model_fields if name not in ("acl", "tenant")]
        if unknown := sorted(set(options) - set(known)):
            raise InvalidSettings(f"source {source}: unknown option {', '.join(unknown)}; known are {', '.join(known)}")
        try:
            return cls.model_validate({**options, "acl": acl, "tenant": tenant})
        except ValidationError as error:
            raise InvalidSettings(f"source {source}: {first_fault(error)}") from error

    def why_not(self, path: str) -> str:
        """Return why `path` is left out, in words for people; "" when it counts.

        Shell patterns with case, in which "*" also covers "/". A path that ends with "/" is a folder: the answer then
        holds for everything below it.
        """
        folder = path.endswith("/")
        if path.startswith(self.own):
            return "the lake and the state folder"
        if self.default_excludes and excluded_by_default(path):
            return "default excludes"
        # A pattern that ends with a star covers all that begins with what it covers.
        if any(fnmatchcase(path, pattern) for pattern in self.exclude if not folder or pattern.endswith("*")):
            return "exclude"
        if folder or not self.include or any(map(partial(fnmatchcase, path), self.include)):
            return ""
        return "not in include"

    def refs(
        self, source: str, found: Iterable[ListedDocument], left_out: Counter[str] | None = None
    ) -> Iterator[DocumentRef]:
        """Yield what is wanted of `found`, in the same order; the rest is counted in `left_out`, by reason."""
        for row in found:
            if not (reason := self.why_not(row.path)):
                yield DocumentRef(row.uri, source, *row[1:], acl=self.acl, tenant=self.tenant)
            elif left_out is not None:
                left_out[reason] += 1

    def check_size(self, ref: DocumentRef, size: int) -> None:
        """Check that the document may be read. Raises: OversizedDocument."""
        if size > self.max_document_bytes:
            limit = f"over the limit of {self.max_document_bytes} (max_document_bytes)"
            raise OversizedDocument(f"{ref.uri}: {size} bytes, {limit}")
