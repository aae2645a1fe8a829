"""Where documents come from and are parsed, and where the lake is stored."""

from collections.abc import Iterator, Mapping
from io import RawIOBase
from pathlib import Path
from typing import Protocol, runtime_checkable

from ingest.records import Document, DocumentRef, ParserOptions, RawDocument


class Source(Protocol):
    """A place that holds documents."""

    name: str
    uri: str

    def list(self) -> Iterator[DocumentRef]:
        """Yield every document, in any order. An incomplete listing raises; it never just ends early.

        Raises: SourceUnavailable, UnknownSource, AccessDenied.
        """

    def read(self, ref: DocumentRef) -> RawDocument | None:
        """Return the bytes of exactly the listed version, or None if it is gone (changed during the run).

        Raises: DocumentError (over the size limit, archived); AccessDenied, and SourceUnavailable, also when the place
        is gone: both are taken for the fault of this one document if the source can still be listed.
        """


@runtime_checkable
class Looking(Protocol):
    """What a source may be able to do besides; its `left_out`, if it has one, counts the files left out, by reason."""

    def look(self, uri: str) -> DocumentRef | None:
        """Return one document as `list` would, without listing the others; None when the source does not have it."""


class Sandbox(Protocol):
    """Runs a parser on hostile bytes under limits."""

    kind: str  # which limits it enforces; with the options, this determines which documents are refused
    options: Mapping[str, ParserOptions]  # by source, with the enforced limits
    version: str  # of its changes to a parser's output; "" if it changes nothing

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Thread-safe.

        Raises: DocumentError, which names the parser; SandboxUnavailable or InvalidSettings if this machine or its
        installation, not the document, is at fault.
        """


class Store(Protocol):
    """Keys and bytes: a folder or an `s3://` prefix. A value appears whole or not at all."""

    uri: str

    def get(self, key: str) -> bytes | None:
        """Return the value, or None if there is none. Raises: StoreUnavailable, AccessDenied."""

    def put(self, key: str, data: bytes) -> None:
        """Write the value durably, replacing any other. Writing the same content twice is harmless."""

    def put_file(self, key: str, path: Path, *, read_soon: bool = False) -> None:
        """Write the content of a local file durably, without holding it in memory.

        `read_soon`: the value is immutable and `local_path` will soon be called for it, so a remote store keeps a copy.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Write the value only if the key is new; True for exactly one writer.

        After a conflict the value is read back: equal bytes mean that the response to our write was lost; it is ours.
        Callers put a token unique to the writer into `data` if two writers could write equal bytes.
        """

    def check(self, token: str) -> None:
        """Test once per run that `create` keeps its promise; `token` is unique to the run. Raises: InvalidSettings."""

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the names of the values directly under `prefix` ("a/b/"), without the prefix, in UTF-8 order."""

    def walk(self) -> Iterator[tuple[str, int, float]]:
        """Yield key, size in bytes and time of the last write (by the store's clock) of every value, or raise."""

    def delete(self, key: str) -> None:
        """Remove the value, if there is one."""

    def local_path(self, key: str, *, anew: bool = False) -> Path:
        """Return a local file with the value of an immutable key: itself, or a copy in a bounded cache.

        `anew`: that copy is damaged, so another is fetched. Raises: DamagedFile if there is no such key.
        """

    def ranged(self, key: str, size: int) -> RawIOBase | None:
        """Return a seekable file with the value of an immutable key that fetches only the parts that are read.

        None if `local_path` is better: the value is local, or small. One thread at a time may read. A read raises
        SchemaMismatch if there is no such value of `size` bytes, StoreUnavailable, AccessDenied. The file may have
        `forget()`: everything is then fetched anew, as what came may have been damaged on the way.
        """
