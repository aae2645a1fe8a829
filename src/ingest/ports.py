"""What the story needs of the world, as Protocols, and `Services`, which holds one of each.

Adapters (floor 4) implement them; `wiring` alone knows which. Every foreign error is translated into `errors`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.records import (
    LANGCHAIN,
    AliasAction,
    BuildOptions,
    Document,
    DocumentRef,
    Filter,
    Hit,
    ModelRecord,
    ParserOptions,
    Point,
    QueryProfile,
    RawDocument,
    Result,
    Shape,
    StoredPoint,
    Vectors,
)

T = TypeVar("T")
KEPT = 16  # things that steps keep in one `Services`; one more and the longest unused is let go


class Source(Protocol):
    """A place that holds documents."""

    name: str
    uri: str

    def list(self) -> Iterator[DocumentRef]:
        """Yield every document, sorted by `uri`. An incomplete listing raises, it never ends early.

        Raises: SourceUnavailable, UnknownSource, AccessDenied.
        """
        ...

    def read(self, ref: DocumentRef) -> RawDocument | None:
        """Return the bytes of exactly the listed version, or None when it is gone (changed during the run).

        Raises: DocumentError (over the size limit, archived), SourceUnavailable, AccessDenied.
        """
        ...


class Store(Protocol):
    """Keys and bytes: a folder or an `s3://` prefix. A value appears whole or not at all."""

    uri: str

    def get(self, key: str) -> bytes | None:
        """Return the value, None when there is none. Raises: StoreUnavailable, AccessDenied."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write the value durably. Writing the same content twice is harmless."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Write the content of a local file durably, without holding it in memory."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Write the value only if the key is new; True for exactly one writer.

        After a conflict the value is read back: equal bytes mean that our own answer was lost, so it counts as ours.
        Callers put a token unique to the writer into `data` where two writers could write equal bytes.
        """
        ...

    def check(self, token: str) -> None:
        """Test, once a run, that `create` keeps its promise; `token` is unique to the run. Raises: InvalidSettings."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether the key has a value."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the names of the values directly under `prefix` ("a/b/"), without the prefix, sorted by UTF-8."""
        ...

    def delete(self, key: str) -> None:
        """Remove the value; nothing happens when there is none."""
        ...

    def local_path(self, key: str) -> Path:
        """Return a local file with the value of an immutable key: itself, or a copy in a bounded cache.

        Raises: SchemaMismatch when there is no such key.
        """
        ...


class Aliases(Protocol):
    """The part of a vector index that promotion needs."""

    def aliases(self) -> dict[str, str]:
        """Return alias → collection, from one answer. Raises: IndexUnavailable."""
        ...

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        """Apply actions in order in one call; False when one failed. Those before it may be kept.

        Raises: IndexUnavailable when the outcome is unknown; the caller reads the aliases again.
        """
        ...

    def collections(self) -> list[str]:
        """Return the names of all collections."""
        ...


class VectorIndex(Aliases, Protocol):
    """Dense vectors with payloads, one collection per generation. Cosine; a collection knows its own shape."""

    def create_collection(self, collection: str, dimension: int, shape: Shape = LANGCHAIN) -> None:
        """Create the collection with its payload indexes, in bulk mode; nothing happens when it exists.

        Raises: DimensionMismatch when it exists with another dimension, SchemaMismatch with another shape.
        """
        ...

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its aliases; nothing happens when it is missing."""
        ...

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Write points and wait until they are applied. Checked before the call: ids, dimension, finite values."""
        ...

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points by id and wait."""
        ...

    def flush(self, collection: str) -> None:
        """Return when everything written so far survives a power cut."""
        ...

    def optimise(self, collection: str) -> None:
        """Leave bulk mode, build the HNSW graph and wait until the collection is green."""
        ...

    def count(self, collection: str, filter: Filter) -> int:
        """Return the exact number of points that match."""
        ...

    def scroll(self, collection: str, filter: Filter) -> Iterator[StoredPoint]:
        """Yield every matching point with its whole payload, in id order, paged."""
        ...

    def retrieve(self, collection: str, ids: Sequence[str]) -> dict[str, StoredPoint]:
        """Return the points that exist, by id."""
        ...

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        """Return for each row of `vectors` (n, dimension) the best `limit` hits, best first."""
        ...

    def nearest(self, collection: str, vectors: Vectors, limit: int) -> list[list[Hit]]:
        """Return as `search`, over all points, from every vector in full precision: what `search` approximates."""
        ...

    def scores(self, collection: str, vectors: Vectors, ids: Sequence[Sequence[str]]) -> list[dict[str, float]]:
        """Return for each row the exact cosine of those of its points that exist, by chunk id."""
        ...

    def close(self) -> None:
        """Let go of connections and processes that only this object uses."""
        ...


class Tokenizer(Protocol):
    """The embedder's own tokenizer, without its weights."""

    fingerprint: str

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return for each text the spans of its tokens, (tokens, 2) code points, no special tokens, no truncation."""
        ...

    def parts(self, before: str, after: str) -> bool:
        """Return whether a text cut between these two code points has as many tokens as its pieces together, always.

        False where it is not known: the pieces are then counted again.
        """
        ...


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    record: ModelRecord
    backend: str  # library, device and arithmetic, for people: results in bf16 differ by about 1e-3
    forward_passes: int  # since it was opened
    texts_embedded: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dimension) float32, L2-normalised, in input order. Raises rather than truncate a text."""
        ...

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """As `embed`, with the model's question prompt; a question over the limit is cut and a warning is logged."""
        ...


@dataclass(frozen=True)
class WordTable:
    """The embedding model's own vectors of word pieces, without context."""

    vectors: NDArray[np.float16]  # (pieces, dimensions), centred, L2-normalised
    pieces: Callable[[Sequence[str]], list[tuple[int, ...]]]  # rows of `vectors` for each word; threads may call


@dataclass(frozen=True)
class Wording:
    """How one generation sees words. Threads may call."""

    terms: Callable[[Sequence[str]], list[list[str]]]  # the keyword index's analysis
    bound: Callable[[Sequence[str]], float]  # greatest keyword score for these terms; of one term: its idf
    table: WordTable | None = None  # None: the model has no vectors of words


class Reranker(Protocol):
    """Scores candidates anew, together with their question."""

    slice: int  # candidates scored in one call at best: the clock is looked at between calls

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        """Return (n,) float64 in input order, higher is better; comparable within a question.

        A candidate's score does not depend on the other candidates of the call. Candidates carry `dense` and `bm25`.
        """
        ...


class Sandbox(Protocol):
    """Runs a parser on hostile bytes under limits."""

    fingerprint: str  # media-type map, parsers and their libraries, options of sources; decides the text
    refusal_fingerprint: str  # that and the limits; decides which documents are refused

    def parse(self, raw: RawDocument) -> Document:
        """Return the parsed document. Threads may call.

        Raises: DocumentError; SandboxUnavailable when this machine, not the document, is at fault.
        """
        ...


class Execute(Protocol):
    """Runs steps somewhere."""

    def map(self, step: Callable[["Services", Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) for each item, in completion order, with a bounded number in flight.

        A TransientError is tried once more; anything else stops the run. `step.resource` is cpu, gpu or io.
        """
        ...


class Observer(Protocol):
    """Hears how a run goes on. For people and tests; nothing is decided from it."""

    def step_started(self, step: str, total: int) -> None: ...
    def advanced(self, step: str, counts: dict[str, int]) -> None: ...
    def step_finished(self, step: str) -> None: ...

    def told(self, kind: str, value: Any) -> None:
        """Hear of a plan, a conservation table, a verdict or a release, as a record."""
        ...


@dataclass(frozen=True)
class Workbench:
    """What reads and cuts documents: the ports of an index that need neither vectors nor weights."""

    store: Store
    sources: tuple[Source, ...]
    sandbox: Sandbox
    tokenizer: Tokenizer
    model: ModelRecord
    model_folder: tuple[Path, ...]  # where its copy from the lake lies; () for the model of this machine
    options: BuildOptions
    parsing: dict[str, ParserOptions]  # by source; "" for a document of none
    close: Callable[[], None]


@dataclass
class Services:
    """One of each, opened once per process by `wiring.open_services`."""

    store: Store
    sources: tuple[Source, ...]
    sandbox: Sandbox
    tokenizer: Tokenizer
    model: ModelRecord  # of the settings' model, known without its weights
    embedder: Callable[[], Embedder]  # opened at first use: not every process needs the weights
    open_embedder: Callable[[ModelRecord], Embedder]  # the one that a manifest records
    vectors: VectorIndex
    options: BuildOptions
    clock: Callable[[], datetime]  # UTC
    monotonic: Callable[[], float]  # seconds
    who: str
    new_token: Callable[[], str]  # unique to this writer; never part of a digest
    observer: Observer
    closers: list[Callable[[], None]] = field(default_factory=list)
    open_reranker: Callable[[QueryProfile, Wording], Reranker | None] = lambda profile, wording: None
    keep_model: Callable[[], None] = lambda: None  # its files into the lake; quick when they are there
    # Not for `replace`: what was kept belongs to the ports that it was made with.
    _kept: OrderedDict[str, Any] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """Return what steps keep under a name for the life of this process; `make` it at first use. Threads may call.

        At most `KEPT` things are kept, so whoever asks must be able to make it again.
        """
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            kept: T = self._kept[name]
            return kept
