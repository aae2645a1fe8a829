"""Readers pinned to one generation: no answer mixes two releases, wherever a move of the aliases stands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.adapters.stores.folder_store import FolderStore
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.documents.chunking import model_input
from ingest.lake.contents import contents_of
from ingest.lake.rows import chunk_rows
from ingest.pipeline.collections import releases_of
from ingest.pipeline.promotion import Promotion
from ingest.records import EVERYTHING, AliasAction, Manifest, QueryProfile, Release
from ingest.release import Candidate, Releases, releases
from ingest.release.alias_rules import release_actions
from ingest.search import STAGES, Searcher
from ingest_conformance import hashing_embedder as hashing
from tests.pipelines import Project, project
from tests.readers import FAULTS, INDEX, TOP, HeldActions, Place, Readers, Scores, Told, same

pytestmark = pytest.mark.slow

READERS = 3
CYCLES = 25  # of promotion and rollback: 50 moves to another generation
WORDS = ("alpha", "beta")  # the beginnings of all words of the two generations
PROFILES = (QueryProfile(), QueryProfile(fusion="rrf"))
QUESTIONS = ("alpha0x0x1 beta0x0x1 alpha2x1x3 beta2x1x3", "beta1x0x2 alpha1x1x2")


def document(word: str, n: int) -> str:
    """Return a document of two chunks in which every word begins with `word`."""
    sections = [" ".join(f"{word}{n}x{section}x{i}" for i in range(8)) for section in range(2)]
    return "\n\n".join([f"# {word}{n}", *(f"## {word}{n}x{s}\n\n{text}" for s, text in enumerate(sections))])


class World:
    """Two generations of one index in one engine: other texts under the same URIs, other models. The first serves."""

    def __init__(self, folder: Path) -> None:
        self.index = QdrantIndex.embedded(Engine(folder / "engine"))
        self.project: Project = project(folder, 0, max_deleted_share=1.0)
        self.project.store = FolderStore(str(folder / "lake"))
        self.project.vectors = self.index
        self.first, self.second = (self.build(word) for word in WORDS)
        lake = self.project.lake
        self.profiles = tuple(lake.write_named(profile) for profile in PROFILES)
        self.place = Place(
            folder / "engine",
            folder / "lake",
            QUESTIONS,
            {m.generation: word for m, word in zip((self.first, self.second), WORDS, strict=True)},
            {
                (manifest.generation, name, question): scores
                for manifest in (self.first, self.second)
                for profile, name in zip(PROFILES, self.profiles, strict=True)
                for question, scores in self.scores(manifest, profile).items()
            },
        )

    def build(self, word: str) -> Manifest:
        """Build a generation with the model named after the word. Only the first is promoted."""
        for n in range(3):
            self.project.source.write(f"d{n}.md", document(word, n))
        self.project.embedder = hashing.HashingEmbedder("hashing", {"salt": word})
        report = self.project.run(decide=lambda verdict: verdict.serving is None)
        assert report.built
        return self.project.manifest(report.generation)

    def scores(self, manifest: Manifest, profile: QueryProfile) -> dict[str, Scores]:
        """Return what a searcher answers while nothing moves, by question."""
        searcher = Searcher(self.project.retrieval(), manifest, profile)
        answers = searcher.search(QUESTIONS, EVERYTHING, TOP, STAGES)
        return {a.question: {s: {r.chunk_id: r.scores[s] for r in a.stages[s]} for s in STAGES} for a in answers}

    def cosines(self, manifest: Manifest, salt: str) -> dict[str, dict[str, float]]:
        """Return by question and chunk what a model makes of the texts in the lake, without any index."""
        model = hashing.HashingEmbedder("hashing", {"salt": salt})
        contents = contents_of(self.project.lake, manifest)
        rows = [c for s in contents.shards for c in chunk_rows(contents.lake.read(contents.parts(s)["chunks"]))]
        cosines = model.embed_questions(QUESTIONS) @ model.embed([model_input(c.context, c.text) for c in rows]).T
        return {
            question: {c.chunk_id: float(cosine) for c, cosine in zip(rows, row, strict=True)}
            for question, row in zip(QUESTIONS, cosines, strict=True)
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One engine for all tests; each leaves the first generation in force."""
    made = World(tmp_path_factory.mktemp("readers"))
    yield made
    made.index.close()


class Mover:
    """Promotes and rolls back, and holds the aliases after each single action until every reader has answered."""

    def __init__(self, world: World, readers: Readers) -> None:
        self.world, self.readers = world, readers
        self.held: list[tuple[int, list[Told]]] = []  # after each action: the release in force, what readers did
        self.services = world.project.services()
        self.services.retrieval.vectors = HeldActions(world.index, self.hold)
        self.releases: Releases = releases_of(
            self.services.retrieval, self.services.bench.options, self.services.writer
        )
        self.moves = 0  # to another generation

    def hold(self, action: AliasAction) -> None:
        """Let the readers answer while the aliases stay as this action left them."""
        told = self.readers.step()
        newest = self.releases.journal.newest()
        assert newest is not None
        number, record = newest
        before = self.releases.journal.get(number - 1)
        assert before is not None
        decided = action.name == INDEX or record.collection == before.collection
        self.held.append((number if decided else number - 1, told))

    def promote(self, profile: int = 0) -> None:
        """Bring the second generation into force under a profile."""
        second = self.world.second
        candidate = Candidate(second.generation, second.collection, self.world.profiles[profile], base=second.base)
        before = self.releases.current()
        release = self.releases.promote(candidate, "test", lift_hold=True)
        self._moved(before is not None and before.generation, release.generation)

    def roll_back(self) -> None:
        """Bring the first release into force again, as a person would."""
        before = self.releases.current()
        retrieval, options = self.services.retrieval, self.services.bench.options
        opened = Promotion(retrieval, options, self.releases).open
        release = self.releases.rollback(1, "test", opened)
        self._moved(before is not None and before.generation, release.generation)

    def unhold(self) -> None:
        """Make a release of the same generation."""
        self.releases.unhold("test")

    def _moved(self, before: object, after: str) -> None:
        self.moves += before != after


def test_the_two_generations_can_be_told_apart(world: World) -> None:
    for manifest, own, foreign in ((world.first, *WORDS), (world.second, *reversed(WORDS))):
        right, wrong = world.cosines(manifest, own), world.cosines(manifest, foreign)
        for question in QUESTIONS:
            convex, rrf = (world.place.expected[manifest.generation, p, question] for p in world.profiles)
            assert same(right[question], convex["dense"])
            assert not same(wrong[question], convex["dense"])
            assert not same(rrf["fused"], convex["fused"])
            assert convex["bm25"]
            assert max(right[question], key=right[question].__getitem__) != max(
                wrong[question], key=wrong[question].__getitem__
            )


def test_no_answer_mixes_two_releases(world: World) -> None:
    with Readers(READERS, world.place) as readers:
        mover = Mover(world, readers)
        for cycle in range(CYCLES):
            mover.promote()
            if cycle % 8 == 0:
                mover.promote(profile=1)
            mover.roll_back()
            if cycle % 8 == 1:
                mover.unhold()
    assert [] == readers.faults
    assert [0] * READERS == [process.exitcode for process in readers.processes]
    assert 2 * CYCLES == mover.moves
    assert 3 * (2 * CYCLES + 4 + 3) == len(mover.held)
    in_force = [number for number, _ in mover.held]
    for reader in range(READERS):
        told = [each[reader] for _, each in mover.held]
        assert in_force == [t.found for t in told]
        # What was opened before an action still answers after it, as its own release.
        assert in_force[:-1] == [t.bound for t in told[1:]]
        # When the action fell is not known: before it or after it, and nothing else.
        assert [] == [t.free for i, t in enumerate(told) if i and t.free not in in_force[i - 1 : i + 1]]
        assert len({t.found for t in told}) >= 20


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("dense query to the alias", {"mixed", "scores"}),
        ("the fence's number", {"not in force"}),
        ("the fence's target", {"not in force"}),
        ("the fence's number, dense query to the alias", {"not in force", "mixed", "scores"}),
        ("the settings' model", {"scores"}),
    ],
)
def test_a_planted_fault_is_found_out(world: World, fault: str, expected: set[str]) -> None:
    with Readers(1, world.place, fault) as readers:
        mover = Mover(world, readers)
        mover.promote()
        mover.roll_back()
    assert expected == {found.partition(":")[0] for found in readers.faults}


def test_a_move_that_begins_with_the_alias_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def alias_first(index: str, release: Release, guard: str) -> list[AliasAction]:
        *fence, alias = release_actions(index, release, guard)
        return [alias, *fence]

    with Readers(1, world.place) as readers:
        mover = Mover(world, readers)
        mover.promote()
        mover.roll_back()
        assert [] == readers.faults
        monkeypatch.setattr(releases, "release_actions", alias_first)
        mover.promote()  # the alias shows what the release before the one in force shows too
        mover.roll_back()
    assert {"back"} == {fault.partition(":")[0] for fault in readers.faults}


def test_every_planted_fault_has_a_test() -> None:
    (planted,) = (m for m in test_a_planted_fault_is_found_out.pytestmark if m.name == "parametrize")
    assert set(FAULTS) - {"none"} == {fault for fault, _ in planted.args[1]}
