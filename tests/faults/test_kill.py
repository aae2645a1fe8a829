"""SIGKILL at each step, then the same command again: the same generation, and nothing fetched twice for nothing."""

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.ids import sha256_hex
from ingest.lake.lake import Lake
from ingest.records import EVERYTHING, RunReport
from tests.faults.crashing import MOMENTS, Place, run
from tests.pipelines import document

pytestmark = pytest.mark.slow

DOCUMENTS = 12
SHARDS = 4


class World:
    """Documents, an engine that outlives the killed processes, and the digest of undisturbed runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents = folder / "documents"
        self.documents.mkdir()
        for n in range(DOCUMENTS):
            (self.documents / f"d{n:02d}.md").write_text(document(n))
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.faults.crashing"])
        self.index = QdrantIndex.embedded(Engine(folder / "engine"))
        self.digest = self.undisturbed("undisturbed")

    def place(self, name: str) -> Place:
        return Place(name, self.documents, self.folder / f"lake-{name}", self.folder / "engine", self.folder / name)

    def undisturbed(self, name: str) -> str:
        """Return the digest of a first run that nothing interrupts."""
        place = self.place(name)
        assert self.run(place) == 0
        digest = report(place).digest
        assert digest is not None
        return digest

    def run(self, place: Place, moment: str | None = None) -> int:
        """Run once in a new process and return its exit code, −9 when it was killed."""
        process = self.context.Process(target=run, args=(place, moment))
        process.start()
        process.join(60)
        assert process.exitcode is not None
        return process.exitcode


def collection_of(place: Place, generation: str) -> str:
    """Return the collection of a sealed generation."""
    manifest = Lake(place.store(), place.index).manifest(generation)
    assert manifest is not None
    return manifest.collection


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One engine for all tests; each test has a lake and an index of its own."""
    made = World(tmp_path_factory.mktemp("kill"))
    yield made
    made.index.close()


@pytest.fixture
def place(world: World, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A new lake; its collections go at the end, for each is a process of the engine."""
    made = world.place(f"i{sha256_hex(request.node.name.encode())[:8]}")
    yield made
    for collection in world.index.collections():
        if collection.startswith(f"{made.index}__"):
            world.index.drop_collection(collection)


def report(place: Place) -> RunReport:
    """Return the newest report."""
    lake = Lake(place.store(), place.index)
    return lake.read_history(RunReport, lake.history()[-1])


def finished_shards(place: Place, generation: str) -> list[set[str]]:
    """Return the paths of the documents of each shard that is fetched, parsed and chunked; a shard may have none."""
    lake = Lake(place.store(), place.index)
    summary = lake.plan(generation)
    assert summary is not None
    assert len(summary.shards) == SHARDS
    done = [s for s, h in summary.shards.items() if lake.marker(generation, "chunk", s, h) is not None]
    return [{d.path for d in lake.shard_plan(generation, s, summary.shards[s]).documents} for s in done]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_in_the_same_generation_when_it_is_started_again(
    world: World, place: Place, moment: str
) -> None:
    assert world.run(place, moment) == -signal.SIGKILL
    (_, claim), *others = Lake(place.store(), place.index).claims.after(0)
    shards = finished_shards(place, claim.id)
    assert bool(shards) == (moment != "plan")
    finished = set[str]().union(*shards)
    assert (place.index in world.index.aliases()) == (moment == "alias")
    assert world.run(place) == 0
    last = report(place)
    assert (last.digest, last.generation, others) == (world.digest, claim.id, [])
    assert world.index.aliases()[place.index] == collection_of(place, claim.id)
    assert last.conservation is not None
    assert (last.conservation.faults, last.conservation.points) == ((), 3 * DOCUMENTS)
    gets = Counter(place.fetched())
    assert {path: gets[path] for path in finished} == dict.fromkeys(finished, 1)
    assert set(gets) == {f"d{n:02d}.md" for n in range(DOCUMENTS)}


@pytest.mark.parametrize("moment", ["load", "record"])
def test_a_killed_update_leaves_what_serves_untouched(world: World, place: Place, moment: str) -> None:
    copy = world.folder / f"documents-{place.index}"
    copy.mkdir()
    for n in range(DOCUMENTS):
        (copy / f"d{n:02d}.md").write_text(document(n))
    place = replace(place, documents=copy)
    assert world.run(place) == 0
    serving = world.index.aliases()[place.index]
    points = world.index.count(serving, EVERYTHING)
    place.gets.unlink()
    (copy / "d03.md").write_text(document(3, edition=2))
    (copy / "d07.md").unlink()
    assert world.run(place, moment) == -signal.SIGKILL
    assert world.index.aliases()[place.index] == serving
    assert world.index.count(serving, EVERYTHING) == points
    assert world.run(place) == 0
    last = report(place)
    assert world.index.aliases()[place.index] == collection_of(place, str(last.generation)) != serving
    assert place.fetched() == ["d03.md"]
    other = replace(place, lake=world.folder / f"fresh-{place.index}", index=f"{place.index}-fresh")
    assert world.run(other) == 0
    assert report(other).digest == last.digest


def test_kills_in_a_row_cost_no_more_than_one(world: World, place: Place) -> None:
    for moment in ("chunk", "embed", "load", "record"):
        assert world.run(place, moment) == -signal.SIGKILL
    assert world.run(place) == 0
    assert report(place).digest == world.digest
    assert max(Counter(place.fetched()).values()) == 1
