"""Readers in processes of their own that judge each of their answers, and an index that holds the aliases half moved.

The mover (the test's process) and its readers go in step: after each single alias action every reader answers once with
the searcher that it opened before the action, and once with what it finds now; only then comes the next action. Between
two actions each reader also answers on its own, and the next action falls somewhere into that.
"""

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pyarrow.parquet  # noqa: F401 - imported once by the fork server, not once by every reader
import qdrant_client  # noqa: F401
import scipy.stats  # noqa: F401

from ingest import search
from ingest.adapters.stores.folder_store import FolderStore
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import IngestError
from ingest.lake.journal import Journal
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction, Hit, Release, Result, StoredPoint, Vectors
from ingest.release import fence_number
from ingest.search import STAGES, Answer, Searcher
from ingest.search import served_release as serving
from ingest.services import Retrieval, Services
from ingest_conformance import hashing_embedder as hashing
from tests.pipelines import Project

INDEX = "docs"
TOGETHER: tuple[Sequence[str], ...] = (STAGES,)  # stages of each call
ALONE: tuple[Sequence[str], ...] = (STAGES, ("dense",))  # the dense stage alone, which no keyword hit can contradict
TOP = 50  # more than a generation has: no cut, so no ties at the cut
PATIENCE = 60.0  # seconds until a reader must have answered
TOLERANCE = 1e-4  # of scores: the engine computes in float32 from vectors that it normalised again
FAULTS_KEPT = 50  # of one step

Scores = dict[str, dict[str, float]]  # stage → chunk id → score


@dataclass(frozen=True)
class Place:
    """Where readers find everything, and what each release must answer."""

    engine: Path
    lake: Path
    questions: tuple[str, ...]
    words: Mapping[str, str]  # generation → the beginning of every word of its texts
    expected: Mapping[tuple[str, str, str], Scores]  # generation, profile, question

    def services(self, vectors: VectorIndex) -> Services:
        """Return services whose settings name neither generation's model."""
        return Project((), FolderStore(str(self.lake)), vectors, hashing.HashingEmbedder("hashing", {})).services()


@dataclass
class Told:
    """What a reader did since the action before: releases by number, None where the answer failed."""

    free: int | None = None  # looked for and asked while the action may come
    bound: int | None = None  # opened before the action, asked after it
    found: int | None = None  # looked for and asked while the aliases are held
    faults: list[str] = field(default_factory=list)


class Watched:
    """A vector index that keeps the last answer to `aliases`."""

    def __init__(self, inner: VectorIndex) -> None:
        self.inner = inner
        self.shown: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def aliases(self) -> dict[str, str]:
        self.shown = self.inner.aliases()
        return self.shown


class HeldActions:
    """A vector index that sends each alias action in a call of its own, and calls `hold` after each."""

    def __init__(self, inner: VectorIndex, hold: Callable[[AliasAction], None]) -> None:
        self.inner, self.hold = inner, hold

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        for action in actions:
            if not self.inner.move_aliases([action]):
                return False
            self.hold(action)
        return True


class ToTheAlias:
    """Planted fault: points are asked of whatever the alias shows by now."""

    def __init__(self, inner: VectorIndex) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def search(self, collection: str, vectors: Vectors, filter: Any, limit: int) -> list[list[Hit]]:
        return self.inner.search(INDEX, vectors, filter, limit)

    def retrieve(self, collection: str, ids: Sequence[str]) -> dict[str, StoredPoint]:
        return self.inner.retrieve(INDEX, ids)


def number_of_the_fence(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Planted fault: believe the fence's number."""
    number = fence_number(aliases, index)
    return None if number is None else releases.get(number)


def target_of_the_fence(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Planted fault: believe the fence's target."""
    number = fence_number(aliases, index)
    target = aliases.get(f"{index}@{number}")
    records = [releases.get(n) for n in ((number or 0), (number or 0) - 1) if n > 0]
    return next((record for record in records if record is not None and record.collection == target), None)


def _model_of_the_settings(own: Retrieval) -> Retrieval:
    return replace(own, open_embedder=lambda record: own.open_embedder(own.model))


FAULTS: dict[str, tuple[Callable[[Retrieval], Retrieval], Callable[..., Release | None]]] = {
    # changed retrieval, the rule by which the release in force is found
    "none": (lambda own: own, search.release_in_force),
    "dense query to the alias": (lambda s: replace(s, vectors=ToTheAlias(s.vectors)), search.release_in_force),
    "the fence's number": (lambda own: own, number_of_the_fence),
    "the fence's target": (lambda own: own, target_of_the_fence),
    "the fence's number, dense query to the alias": (
        lambda s: replace(s, vectors=ToTheAlias(s.vectors)),
        number_of_the_fence,
    ),
    "the settings' model": (_model_of_the_settings, search.release_in_force),
}


class Reader:
    """Finds the release in force again and again, and judges what it answers."""

    def __init__(self, place: Place, vectors: VectorIndex, fault: str = "none") -> None:
        change, rule = FAULTS[fault]
        serving.release_in_force = rule  # of this process
        self.place = place
        self.watched = Watched(vectors)
        self.retrieval = change(place.services(self.watched).retrieval)
        self.releases = self.retrieval.lake.releases
        self.last = 0

    def look(self, told: Told) -> Searcher | None:
        """Return a searcher on the release in force, after a look at whether it is."""
        try:
            searcher = search.open_serving(self.retrieval)
        except IngestError as error:
            told.faults.append(f"refused: {error!r}")
            return None
        number, shown = searcher.release or 0, self.watched.shown[INDEX]
        if searcher.manifest.collection != shown:
            told.faults.append(f"not in force: release {number} of {searcher.manifest.collection}, docs shows {shown}")
        if number < self.last:
            told.faults.append(f"back: release {number} after {self.last}")
        self.last = number
        return searcher

    def ask(self, searcher: Searcher | None, told: Told, asks: Sequence[Sequence[str]] = TOGETHER) -> int | None:
        """Return the number of the release that answered, None when something is wrong with an answer."""
        if searcher is None:
            return None
        before = len(told.faults)
        for stages in asks:
            try:
                answers = searcher.search(self.place.questions, EVERYTHING, TOP, stages)
            except IngestError as error:
                told.faults.append(f"refused: {stages}: {error!r}")
                continue
            for answer in answers:
                told.faults += [f"{fault}: {answer.question}" for fault in self.judged(answer)]
        return searcher.release if len(told.faults) == before else None

    def judged(self, answer: Answer) -> list[str]:
        """Return what is wrong with an answer of the release that it names."""
        record = self.releases.get(answer.release or 0)
        if record is None or record.generation != answer.generation:
            return [f"mixed: release {answer.release} and generation {answer.generation}"]
        expected = self.place.expected[record.generation, record.profile, answer.question]
        faults = []
        for stage, results in answer.stages.items():
            if foreign := [r.text for r in results if not self.belongs(r, record.generation)]:
                faults.append(f"mixed: {stage} of release {record.number} holds {foreign[0]!r}")
            elif not same(expected[stage], {r.chunk_id: r.scores[stage] for r in results}):
                faults.append(f"scores: {stage} of release {record.number} has not those of its model and profile")
        return faults

    def belongs(self, result: Result, generation: str) -> bool:
        """Tell whether every word of a text is a word of the generation."""
        words = result.text.replace("#", " ").split()
        return bool(words) and all(word.startswith(self.place.words[generation]) for word in words)


def same(expected: Mapping[str, float], scores: Mapping[str, float]) -> bool:
    """Tell whether both hold the same chunks with nearly the same scores."""
    near = all(abs(score - scores.get(chunk, 9e9)) <= TOLERANCE for chunk, score in expected.items())
    return expected.keys() == scores.keys() and near


def read(place: Place, fault: str, mover: Connection) -> None:
    """Read until the mover hangs up. The main function of a reader's process."""
    index = QdrantIndex.embedded(Engine(place.engine))
    try:
        reader = Reader(place, index, fault)
        told = Told()
        bound = reader.look(told)
        mover.send(told)
        while True:
            told = Told()
            told.free = reader.ask(reader.look(told), told)
            mover.recv()  # the next action is done
            told.bound = reader.ask(bound, told, ALONE)
            bound = reader.look(told)
            told.found = reader.ask(bound, told)
            del told.faults[FAULTS_KEPT:]
            mover.send(told)
    except (EOFError, ConnectionError):  # the mover hung up
        pass
    finally:
        index.close()


class Readers:
    """Reader processes that go in step with a mover. Ended with the context, whatever happens in it."""

    def __init__(self, count: int, place: Place, fault: str = "none") -> None:
        self.count, self.place, self.fault = count, place, fault
        self.processes: list[ForkServerProcess] = []
        self.ends: list[Connection] = []
        self.faults: list[str] = []
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.readers"])

    def __enter__(self) -> "Readers":
        for _ in range(self.count):
            ours, theirs = self.context.Pipe()
            process = self.context.Process(target=read, args=(self.place, self.fault, theirs))
            process.start()
            theirs.close()
            self.processes.append(process)
            self.ends.append(ours)
        self._told()
        return self

    def __exit__(self, *_: object) -> None:
        for end in self.ends:
            end.close()
        for process in self.processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()

    def step(self) -> list[Told]:
        """Tell the readers that an action is done, and return what each did since the one before."""
        for end in self.ends:
            with suppress(BrokenPipeError):  # it ended: told when its answer is waited for
                end.send(None)
        return self._told()

    def _told(self) -> list[Told]:
        answers = []
        for number, end in enumerate(self.ends):
            if not end.poll(PATIENCE):
                raise TimeoutError(f"reader {number} did not answer in {PATIENCE} s")
            try:
                answers.append(end.recv())
            except EOFError:
                raise ChildProcessError(f"reader {number} ended; its traceback is on stderr") from None
        self.faults += [fault for told in answers for fault in told.faults]
        return answers
