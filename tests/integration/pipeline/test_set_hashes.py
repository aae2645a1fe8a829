"""What a manifest says that shards hold, and what is not made or read again because of it."""

from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

from ingest import pipeline
from ingest.ids import set_hash
from ingest.lake.contents import contents_of
from ingest.pipeline import inspection
from ingest.pipeline.collection_points import PointMaker
from ingest.records import EVERYTHING, DuplicateOptions, Filter, Point, RetireOptions
from tests.pipelines import Project, build_options, document, project

RETIRE = RetireOptions(keep=1, minimum_age_hours=1, soak_hours=12)


@pytest.fixture
def p(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An index of several shards, of which a run compares one in full besides those that it touched."""
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    made = project(tmp_path, 12, documents_per_shard=2, retire=RETIRE, scrub_nights=100)
    made.run()
    return made


def held(p: Project, shard: int) -> str:
    points = p.vectors.scroll(p.manifest().collection, Filter(None, None, shard=shard), ("digest",))
    return set_hash(f"{point.id} {point.payload['digest']}" for point in points)


def night(p: Project, edition: int) -> None:
    p.source.write("d01.md", document(1, edition=edition))
    p.later(days=1)
    assert "promoted" == p.run().decision


def untouched(p: Project, turns: Set[int] = frozenset()) -> int:
    """Return a shard with points that is not that of the document that changes, nor one whose turn it was."""
    contents = p.contents()
    changed = {s for s in contents.shards if any(row.uri.endswith("d01.md") for row in contents.documents(s))}
    counts = {s: contents.parts(s)["chunks"].rows for s in contents.shards if s not in changed | turns}
    return max(counts, key=lambda shard: (counts[shard] > 0, shard))


def test_the_hash_of_a_set_depends_on_no_order_and_can_be_updated() -> None:
    assert set_hash(["a", "b", "c"]) == set_hash(["c", "a", "b"]) != set_hash(["a", "b"])
    sum_of_parts = (int(set_hash(["a"]), 16) + int(set_hash(["b", "c"]), 16)) % 2**256
    assert f"{sum_of_parts:064x}" == set_hash(["a", "b", "c"])


def test_a_manifest_has_the_set_hash_of_each_shards_points(p: Project) -> None:
    for edition in (1, 2, 3):
        night(p, edition + 1)
        assert {shard: held(p, shard) for shard in p.contents().shards} == {
            shard: one.points for shard, one in p.manifest().holds.items()
        }


def test_no_payload_is_made_of_a_shard_that_did_not_change(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made, wanted = Counter[int](), PointMaker.wanted
    turns, turn = set[int](), pipeline.turn
    night(p, 2)
    night(p, 3)

    def counted(maker: PointMaker, rows: Any, shard: int) -> Any:
        made[shard] += len(rows)
        return wanted(maker, rows, shard)

    def noted(*of: Any) -> set[int]:
        found = turn(*of)
        turns.update(found)
        return found

    monkeypatch.setattr(PointMaker, "wanted", counted)
    monkeypatch.setattr(pipeline, "turn", noted)
    night(p, 4)
    assert 0 == made[untouched(p, turns)]
    assert () == p.check().faults


def test_a_stale_point_of_an_unchanged_shard_that_was_taken_over_is_mended(p: Project) -> None:
    night(p, 2)
    first = contents_of(p.lake, p.manifest(p.lake.claims.get(1).id))
    shard = untouched(p)
    night(p, 3)
    (one, *_) = p.vectors.scroll(first.collection, Filter(None, None, shard=shard))
    (whole,) = p.vectors.retrieve(first.collection, [one.id], vectors=True).values()
    payload = {**whole.payload, "metadata": whole.payload["metadata"] | {"digest": "0" * 64}}
    p.vectors.upsert(first.collection, [Point(one.id, whole.vector, payload)])
    night(p, 4)
    assert (first.collection, ()) == (p.manifest().collection, p.check().faults)


def test_a_shard_whose_chunks_a_duplicate_elsewhere_stands_for_is_compared_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    p = project(tmp_path, 8, documents_per_shard=2, scrub_nights=100)
    p.options = build_options(duplicates=DuplicateOptions(collapse="exact"), documents_per_shard=2, scrub_nights=100)
    for n in range(1, 8):  # all of them hold the sections of one
        p.source.write(f"d{n:02d}.md", document(0))
    p.run()
    before = p.vectors.count(p.manifest().collection, EVERYTHING)
    for n in range(2):  # the one that stands for the others changes
        p.source.write(f"d{n:02d}.md", document(n + 1))
        p.later(days=1)
        p.run()
        assert () == p.check().faults
    assert before < p.vectors.count(p.manifest().collection, EVERYTHING)
