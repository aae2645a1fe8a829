"""What steps are given: the lake of one index and one of each port, opened once per process; and where steps run."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from ingest.lake.lake import Lake
from ingest.ports import Embedder, Observer, Reranker, Sandbox, Source, Tokenizer, VectorIndex, Wording
from ingest.records import BuildOptions, ModelRecord, ParserOptions, QueryProfile


@dataclass(kw_only=True)
class Workbench:
    """What reads and cuts documents: the part that needs neither vectors nor weights."""

    lake: Lake
    sources: tuple[Source, ...]
    sandbox: Sandbox
    tokenizer: Tokenizer
    model: ModelRecord  # of the settings' model, known without its weights
    options: BuildOptions
    model_folder: tuple[Path, ...] = ()  # where its copy from the lake lies; () for the model of this machine
    parsing: dict[str, ParserOptions] = field(default_factory=dict)  # by source; "" for a document of none
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Close everything that was opened for it, the last first, whatever one of them raises."""
        with ExitStack() as stack:
            for close in self.closers:
                stack.callback(close)


@dataclass(kw_only=True)
class Services(Workbench):
    """One of each, opened by `wiring.open_services`."""

    vectors: VectorIndex
    open_embedder: Callable[[ModelRecord], Embedder]  # opened at first use: not every process needs the weights
    open_reranker: Callable[[QueryProfile, Wording], Reranker | None] = lambda profile, wording: None
    keep_model: Callable[[], None] = lambda: None  # its files into the lake; quick when they are there
    clock: Callable[[], datetime]  # UTC
    monotonic: Callable[[], float]  # seconds
    who: str
    new_token: Callable[[], str]  # unique to this writer; never part of a digest
    observer: Observer


class Execute(Protocol):
    """Runs steps somewhere."""

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) for each item, in completion order, with a bounded number in flight.

        A TransientError is tried once more; anything else stops the run. `step.resource` is cpu, gpu or io.
        """
