"""What steps are given: the parts of one index, opened once per process."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.lake.lake import Lake
from ingest.ports import Embedder, Observer, Reranker, Sandbox, Source, Tokenizer, VectorIndex, Wording
from ingest.records import BuildOptions, ModelRecord, QueryProfile

OpenReranker = Callable[[QueryProfile, Wording], Reranker | None]


@dataclass(kw_only=True)
class Workbench:
    """What reads, parses and chunks documents: the part that needs neither vectors nor weights."""

    lake: Lake
    sources: tuple[Source, ...]
    sandbox: Sandbox
    tokenizer: Tokenizer
    model: ModelRecord  # of the model in the settings; known without its weights
    options: BuildOptions
    model_folder: tuple[Path, ...] = ()  # of its copy from the lake; () if the model is on this machine
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Close everything opened for it, in reverse order, even if closing one of them fails."""
        with ExitStack() as stack:
            for close in self.closers:
                stack.callback(close)


@dataclass(kw_only=True)
class Retrieval:
    """What answers questions from sealed generations."""

    lake: Lake
    vectors: VectorIndex
    open_embedder: Callable[[ModelRecord], Embedder]  # opened at first use: not every process needs the weights
    open_reranker: OpenReranker = lambda profile, wording: None
    tokenizer: Tokenizer  # of the settings' model: it counts the tokens of passages
    model: ModelRecord
    monotonic: Callable[[], float]  # seconds
    observer: Observer


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Who writes to the lake, and when."""

    who: str
    identified: bool = False  # `who` is signed in at the caller, not only this machine's user
    clock: Callable[[], datetime]  # UTC
    new_token: Callable[[], str]  # unique to this writer; never part of a digest

    def signed(self) -> dict[str, Any]:
        """Return what a record says of who writes it: `who`, `at`, and a token."""
        return {"who": self.who, "at": self.clock().isoformat(), "token": self.new_token()}


@dataclass(kw_only=True)
class Services:
    """All parts of one index, opened by `wiring.open_services`."""

    bench: Workbench
    retrieval: Retrieval
    writer: Writer
    keep_model: Callable[[], None] = lambda: None  # its files into the lake; quick when they are there
