"""One of each port, as steps are given them, and where steps run."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ingest.ports.models import Embedder, Reranker, Tokenizer, Wording
from ingest.ports.observer import Observer
from ingest.ports.sandbox import Sandbox
from ingest.ports.storage import Source, Store
from ingest.ports.vectors import VectorIndex
from ingest.records import BuildOptions, ModelRecord, ParserOptions, QueryProfile

T = TypeVar("T")
KEPT = 16  # things that steps keep in one `Services`; one more and the longest unused is let go


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


class Execute(Protocol):
    """Runs steps somewhere."""

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) for each item, in completion order, with a bounded number in flight.

        A TransientError is tried once more; anything else stops the run. `step.resource` is cpu, gpu or io.
        """
        ...
