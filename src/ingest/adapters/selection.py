"""What every source does with its listing: select documents by pattern and size, and tell who may see each.

Whom a document is for may depend on the document (`acl_from`). What does not tell it, or cannot be read, hides the
document from everybody: it has no groups then. That is counted, and the first ones are named.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError

from ingest.documents.default_excludes import excluded_by_default
from ingest.errors import AccessDenied, InvalidSettings, OversizedDocument, SourceUnavailable, first_fault
from ingest.records import DOCUMENT_BYTES, DocumentRef, Options, SourceOptions

LINKS, SPECIAL = "symbolic links", "neither files nor folders"  # reasons that only folders have
SIDECAR = ".acl.json"  # the end of the name of the file beside a document that tells who may see it
SIDECAR_BYTES = 2**16
HIDDEN = "hidden: nothing tells who may see them"  # listed all the same
NAMED = 20  # of these
READERS, BATCH = 16, 512  # documents whose permissions are read at once, and that wait for it
Name = Annotated[str, Field(min_length=1)]
log = logging.getLogger(__name__)


class Permissions(Options):
    """Who may see a document; without a tenant, its source's owns it."""

    acl: tuple[Name, ...] = Field(min_length=1)
    tenant: Name | None = None


Ask = Callable[[DocumentRef], bytes | dict[str, Any] | None]  # what a source has about a document, None: nothing


class Selection(SourceOptions):
    """Which documents of a source are included, who may see them, and how large they may be."""

    max_document_bytes: int = Field(default=DOCUMENT_BYTES, ge=1)
    # Where it stands who may see a document: in the file beside it, in its tags in S3, or here, by prefix of its path;
    # None: in the settings of its source.
    acl_from: Literal["sidecar", "tags"] | dict[str, Permissions] | None = None
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
        if self.acl_from == "sidecar" and path.endswith(SIDECAR):
            return "permissions of other files"
        if path.startswith(self.own):
            return "the lake and the state folder"
        if self.default_excludes and excluded_by_default(path):
            return "default excludes"
        # A pattern that ends with a star covers all that begins with what it covers.
        for pattern in self.exclude:
            if (not folder or pattern.endswith("*")) and fnmatchcase(path, pattern):
                return f"exclude {pattern}"
        if folder or not self.include or any(map(partial(fnmatchcase, path), self.include)):
            return ""
        return "not in include"

    def refs(
        self, found: Iterable[DocumentRef], left_out: Counter[str] | None = None, ask: Ask | None = None
    ) -> Iterator[DocumentRef]:
        """Yield what is wanted of `found`, in order, with who may see it; count the rest in `left_out`, by reason."""
        left_out, asks = Counter() if left_out is None else left_out, isinstance(self.acl_from, str)
        rows = (row for row in found if not self._leaves_out(row, left_out))
        with ThreadPoolExecutor(READERS) as pool:  # it starts threads only for what is submitted
            while batch := [*islice(rows, BATCH if asks else 1)]:
                seen_by = (pool.map if asks else map)(partial(self._seen_by, ask), batch)
                for row, (acl, tenant, fault) in zip(batch, seen_by, strict=True):
                    left_out.update([HIDDEN] if fault else ())
                    if fault and left_out[HIDDEN] <= NAMED:
                        log.warning("%s: nobody will see it, as it cannot be told who may: %s", row.uri, fault)
                    yield replace(row, acl=acl, tenant=tenant)

    def _leaves_out(self, row: DocumentRef, left_out: Counter[str]) -> bool:
        if reason := self.why_not(row.path):
            left_out[reason] += 1
        return bool(reason)

    def _seen_by(self, ask: Ask | None, row: DocumentRef) -> tuple[tuple[str, ...], str, str]:
        """Return the groups and the tenant of a document; no groups, and why, when they cannot be told."""
        if self.acl_from is None:
            return self.acl, self.tenant, ""
        try:
            told: Any = ask(row) if isinstance(self.acl_from, str) and ask is not None else None
            if isinstance(self.acl_from, dict):
                prefixes = (one for one in self.acl_from if row.path.startswith(one))
                told = self.acl_from.get(max(prefixes, key=len, default="\0"))
            as_json = isinstance(told, bytes)
            found = Permissions.model_validate_json(told) if as_json else Permissions.model_validate(told or {})
        except (AccessDenied, InvalidSettings, SourceUnavailable, ValidationError) as error:
            return (), self.tenant, first_fault(error) if isinstance(error, ValidationError) else str(error)
        return found.acl, found.tenant or self.tenant, ""

    def check_size(self, ref: DocumentRef, size: int) -> None:
        """Check that the document may be read. Raises: OversizedDocument."""
        if size > self.max_document_bytes:
            limit = f"over the limit of {self.max_document_bytes} (max_document_bytes)"
            raise OversizedDocument(f"{ref.uri}: {size} bytes, {limit}")
