"""Where the engine can copy a collection, a night writes only the points that differ, also when nothing has soaked."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import ForeignIndex, LeaseLost
from ingest.lake.lake import Lake
from ingest.pipeline import collections
from ingest.records import EVERYTHING, LakeIdentity, Point, Recall
from tests.fakes import Killed
from tests.integration.pipeline.test_leapfrog import (
    DOCUMENTS,
    CountingIndex,
    is_fresh,
    made,
    nights,
    rankings,
    releases,
)
from tests.pipelines import Project, document
from tests.vector_indexes import in_memory_index


class CopyingIndex(CountingIndex):
    """An engine that copies."""

    copied = 0

    def create_collection(self, collection: str, *how: Any) -> bool:
        unfinished = super().create_collection(collection, *how[:3])
        if how[3:] and not self.count(collection, EVERYTHING):
            self._change()
            self.copied += 1
            held = self.retrieve(how[3], [point.id for point in self.scroll(how[3], EVERYTHING)], vectors=True)
            copied = [Point(point.id, point.vector, point.payload, point.sparse) for point in held.values()]
            QdrantIndex.upsert(self, collection, copied)
        return unfinished


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """The first night is over."""
    p = made(tmp_path)
    p = replace(p, vectors=in_memory_index(CopyingIndex))
    p.run()
    p.later(days=1)
    p.vectors.forget()
    return p


def test_a_night_writes_the_points_that_differ_into_a_copy_of_what_serves(p: Project) -> None:
    first = p.manifest()
    (second,) = nights(p, 1)
    assert is_fresh(second)
    assert second.generation == p.vectors.generation_of(second.collection)
    assert (3, 3) == (p.vectors.written, p.vectors.deleted)  # a document of three chunks
    assert p.contents().rows("chunks") == p.vectors.count(second.collection, EVERYTHING)
    assert (first.generation, ()) == (p.vectors.generation_of(first.collection), p.check().faults)


@pytest.mark.parametrize("changes", [1, 2, 3])  # the copy, what is new in it, what is gone from it
def test_a_run_after_a_crash_completes_the_copy(changes: int, p: Project) -> None:
    served = p.manifest()
    p.source.write("d01.md", document(1, edition=2))
    p.vectors.killed_after = changes
    with pytest.raises(Killed):
        p.run()
    p.vectors.killed_after = None
    assert served.collection == p.vectors.aliases()["docs"]
    assert "promoted" == p.run().decision
    now = p.manifest()
    assert (now.collection, served.generation) == (p.vectors.aliases()["docs"], now.base)
    assert p.contents().rows("chunks") == p.vectors.count(now.collection, EVERYTHING)
    assert () == p.check().faults


def test_the_base_is_as_it_was_and_a_rollback_to_it_serves_it(p: Project) -> None:
    first = p.manifest()
    before = rankings(p, first)
    (second,) = nights(p, 1)
    releases(p).rollback(None, "a drill")
    assert first.collection == p.vectors.aliases()["docs"] != second.collection
    assert before == rankings(p, first)
    assert 3 * DOCUMENTS == p.vectors.count(first.collection, EVERYTHING)


def test_the_copy_outlives_what_it_was_copied_from(p: Project) -> None:
    first = p.manifest()
    (second,) = nights(p, 1)
    p.vectors.drop_collection(first.collection)
    assert p.contents().rows("chunks") == p.vectors.count(second.collection, EVERYTHING)
    assert () == p.check().faults


def test_a_collection_of_another_lake_is_not_copied(p: Project) -> None:
    theirs = LakeIdentity(id="theirs", uri="file:///theirs")
    QdrantIndex.give(p.vectors, p.manifest().collection, theirs)
    copied = p.vectors.copied
    with suppress(ForeignIndex):
        nights(p, 1)
    assert copied == p.vectors.copied


def test_a_run_that_lost_its_lease_drops_no_copy(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any) -> None:
        raise LeaseLost("another builder has taken over")

    def poor(*_: Any) -> Recall:
        monkeypatch.setattr(Lake, "confirm_lease", lost)
        return Recall(at=10, questions=64, mean=0.9, least=0.1)

    served = p.manifest()
    monkeypatch.setattr(collections, "measure_recall", poor)
    p.source.write("d01.md", document(1, edition=2))
    with pytest.raises(LeaseLost):
        p.run()
    assert 2 == len(p.vectors.collections())
    assert served.collection == p.vectors.aliases()["docs"]


def test_too_many_changes_make_a_fresh_load(p: Project) -> None:
    for n in range(4):
        p.source.write(f"d{n:02d}.md", document(n, edition=77))
    p.run()
    assert p.contents().rows("chunks") == p.vectors.written
    assert () == p.check().faults


def test_a_copied_graph_below_the_floor_is_left_for_a_fresh_load(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = Recall(at=10, questions=64, mean=0.9, least=0.1)
    monkeypatch.setattr(collections, "measure_recall", lambda *_: poor)
    nights(p, 1)
    assert 3 + p.contents().rows("chunks") == p.vectors.written
    assert () == p.check().faults
