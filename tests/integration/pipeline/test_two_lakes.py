"""Two lakes with an index of one name on one Qdrant: whose it is, who is told, and how each gets it back."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import ForeignIndex
from ingest.pipeline.collections import releases_of
from ingest.pipeline.promotion import Promotion
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction, Release
from ingest.search import open_serving
from tests.fakes import InMemoryStore
from tests.pipelines import Project, document, project
from tests.vector_indexes import in_memory_index


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantIndex]:
    """The embedded engine, one for all tests of this module; each uses an index name of its own."""
    index = QdrantIndex.embedded(Engine(tmp_path_factory.mktemp("qdrant"), poll_seconds=0.1, grace_seconds=0.3))
    yield index
    index.close()


def two(folder: Path, vectors: VectorIndex, index: str = "docs") -> tuple[Project, Project]:
    """Return two projects with equal settings on one Qdrant: release 2 of the first serves, the second is new."""
    ours, theirs = project(folder / "ours", 4, index=index), project(folder / "theirs", 4, index=index)
    theirs.source.write("theirs.md", document(77))
    ours.vectors = theirs.vectors = vectors
    theirs._tokens = itertools.count(1000)
    ours.run()
    ours.source.write("d01.md", document(1, edition=2))
    ours.run()
    return ours, theirs


def in_memory() -> QdrantIndex:
    return in_memory_index()


def shown(p: Project) -> str:
    """Return the collection behind the index's alias."""
    return p.vectors.aliases()[p.options.index]


def places(p: Project) -> set[str]:
    """Return the paths of all that a search finds."""
    (answer,) = open_serving(p.retrieval()).search(["word1x0x0"], EVERYTHING, top=50)
    return {result.path for result in answer.results}


def roll_back_of(p: Project, take_over: str | None = None) -> Release:
    services = p.services()
    options, retrieval = services.bench.options, services.retrieval
    return Promotion(retrieval, options, releases_of(retrieval, options, services.writer, take_over)).roll_back(
        None, "worse"
    )


def promote_of(p: Project) -> None:
    services = p.services()
    options, retrieval = services.bench.options, services.retrieval
    Promotion(retrieval, options, releases_of(retrieval, options, services.writer)).promote(None, "why", False)


def test_the_rightful_index_is_not_touched_and_each_lake_takes_it_over_and_back(
    tmp_path: Path, engine: QdrantIndex
) -> None:
    ours, theirs = two(tmp_path, engine)
    before = engine.aliases(), engine.collections(), ours.check().points
    with pytest.raises(ForeignIndex, match=r"docs@2 shows docs__0002-.*lake token-0000.*this is lake token-001"):
        theirs.run()
    assert (engine.aliases(), engine.collections(), ours.check().points) == before

    taken = theirs.run(take_over="the archive moved here")
    record = theirs.lake.decision()
    assert record is not None
    assert (taken.decision, record.action, record.why) == ("promoted", "take-over", "the archive moved here")
    assert {"theirs.md"} <= places(theirs)
    for act in (ours.run, lambda: promote_of(ours), lambda: roll_back_of(ours)):
        with pytest.raises(ForeignIndex, match="`ingest run --take-over --why"):
            act()
    with pytest.raises(ForeignIndex, match="belongs to lake token-001"):
        places(ours)
    assert shown(theirs) == theirs.manifest().collection

    back = ours.run(take_over="it was a mistake")
    assert (back.decision, back.release, shown(ours)) == ("unchanged", 3, ours.manifest().collection)
    assert {"d00.md", "d01.md"} <= places(ours)
    assert "theirs.md" not in places(ours)
    assert ours.run().decision == "unchanged"
    with pytest.raises(ForeignIndex):
        theirs.run()


def test_a_lake_with_more_releases_does_not_move_the_alias_of_another(tmp_path: Path) -> None:
    ours, theirs = two(tmp_path, in_memory())
    theirs.vectors = in_memory()
    for edition in range(1, 6):
        theirs.source.write("d00.md", document(0, edition))
        theirs.run()
    theirs.vectors, before = ours.vectors, ours.vectors.aliases()
    with pytest.raises(ForeignIndex, match="the newest release of this lake is 5, more than one ahead"):
        theirs.run()
    assert ours.vectors.aliases() == before
    assert ours.run().decision == "unchanged"


def test_a_lake_whose_next_release_fits_the_fence_does_not_move_the_alias_of_another(tmp_path: Path) -> None:
    ours, theirs = two(tmp_path, in_memory())
    theirs.vectors = in_memory()
    theirs.run()
    theirs.source.write("d00.md", document(0, 2))
    theirs.run()
    theirs.vectors = ours.vectors
    with pytest.raises(ForeignIndex, match="neither release 2 nor the one before names"):
        theirs.run()
    assert shown(ours) == ours.manifest().collection


def test_a_rollback_takes_over_too(tmp_path: Path) -> None:
    ours, theirs = two(tmp_path, in_memory())
    theirs.run(take_over="a mistake")
    release = roll_back_of(ours, take_over="it is ours")
    assert [r.action for _, r in ours.lake.releases.newest_first(2)] == ["rollback", "take-over"]
    assert (release.number, shown(ours)) == (4, release.collection)


def test_collections_of_one_name_from_before_names_told_the_lake_make_room_for_who_takes_over(tmp_path: Path) -> None:
    ours, _ = two(tmp_path, in_memory())
    values = {key: value for key, value in ours.store.values.items() if key != "lake.json"}
    theirs = Project(ours.sources, InMemoryStore(values), in_memory(), options=ours.options)
    theirs._tokens = itertools.count(2000)
    theirs.run()  # it has the same names, in a Qdrant of its own
    assert theirs.vectors.collections()[0] in ours.vectors.collections()
    theirs.vectors = ours.vectors
    with pytest.raises(ForeignIndex, match="belongs to lake token-0000"):
        theirs.run()
    assert ours.run().decision == "unchanged"
    assert theirs.run(take_over="the copy goes on").decision == "unchanged"
    assert {"d01.md"} <= places(theirs)
    with pytest.raises(ForeignIndex):
        ours.run()
    with pytest.raises(ForeignIndex):
        places(ours)
    assert ours.run(take_over="the first one goes on").decision == "unchanged"
    assert {"d01.md"} <= places(ours)


def test_a_copy_of_a_lake_and_a_moved_lake_are_the_same_lake(tmp_path: Path) -> None:
    ours, _ = two(tmp_path, in_memory())
    moved = Project(ours.sources, InMemoryStore(ours.store.values), ours.vectors, options=ours.options)
    assert moved.run().decision == "unchanged"
    identities = [p.lake.known_identity() for p in (ours, moved)]
    assert identities[0] == identities[1]


def test_a_lake_put_back_to_an_older_state_is_told_from_another_one(tmp_path: Path) -> None:
    ours, _ = two(tmp_path, in_memory())
    older = InMemoryStore(ours.store.values)
    ours.source.write("d02.md", document(2, edition=2))
    ours.run()
    restored = Project(ours.sources, older, ours.vectors, options=ours.options)
    restored._tokens = itertools.count(3000)
    with pytest.raises(ForeignIndex, match=r"newest release of this lake is 2.*Both are of lake .* put back"):
        restored.run()
    assert restored.run(take_over="the lake came from the backup").decision == "promoted"
    assert restored.check().faults == ()


def test_an_alias_that_another_tool_made_is_not_taken(tmp_path: Path) -> None:
    p = project(tmp_path, 4)
    p.run()
    other = project(tmp_path, 4, index="other")
    other.vectors, name = p.vectors, shown(p)
    p.vectors.move_aliases([AliasAction("create", "other", name)])
    with pytest.raises(ForeignIndex, match=r"other shows docs__.*this lake has no release"):
        other.run()
    assert p.vectors.aliases()["other"] == name


def test_collections_of_before_are_given_to_the_lake_whose_release_names_them(
    tmp_path: Path, engine: QdrantIndex
) -> None:
    p = project(tmp_path, 4, index="old")
    p.vectors = engine
    p.run()
    collection = p.manifest().collection
    identity = p.lake.known_identity()
    engine.drop_collection(collection)
    engine.create_collection(collection, p.embedder.record.dimension)
    assert engine.lake_of(collection) is None
    assert p.run().decision == "unchanged"
    assert engine.lake_of(collection) == identity
