"""Where a shard is cut: by documents, bytes and chunks; a small shard is one task, named as ever."""

import pytest

from ingest.pipeline.tasks import SLICE_BYTES, SLICE_DOCUMENTS, ShardTask, bounds, joined
from ingest.records import Marker, PlannedDocument, ShardPlan

WHOLE = ShardTask("0001-a", 3, "hash", "run")


def plan(*sizes: int, change: str = "added") -> ShardPlan:
    """Return a plan of documents of these sizes."""
    told = {"source": "docs", "path": "p", "version": "1", "acl": ("public",), "tenant": "t", "change": change}
    documents = tuple(PlannedDocument(uri=f"u{n:04d}", size=size, **told) for n, size in enumerate(sizes))
    return ShardPlan(shard=3, documents=documents, deleted=(), steps=("chunk",), base_parts=())


@pytest.mark.parametrize("count", [0, 1, SLICE_DOCUMENTS])
def test_a_small_shard_is_not_cut(count: int) -> None:
    assert [] == list(bounds(plan(*[10] * count), recut=False))


def test_a_slice_has_a_bounded_number_of_documents() -> None:
    assert [SLICE_DOCUMENTS, 2 * SLICE_DOCUMENTS] == list(bounds(plan(*[10] * (2 * SLICE_DOCUMENTS + 1)), recut=False))


def test_a_slice_has_a_bounded_number_of_bytes_and_a_large_document_one_of_its_own() -> None:
    half = SLICE_BYTES // 2
    assert [2, 3, 4] == list(bounds(plan(half, half, 1, 3 * SLICE_BYTES, 1), recut=False))


def test_documents_that_are_not_fetched_cost_nothing_unless_they_are_cut_again() -> None:
    carried = plan(*[SLICE_BYTES] * 4, change="unchanged")
    assert [] == list(bounds(carried, recut=False))
    assert [1, 2, 3] == list(bounds(carried, recut=True))


def test_a_joined_marker_adds_up_counts_and_keeps_segments_and_uris_in_order() -> None:
    one = Marker(step="embed", shard=3, plan_hash="hash", rows=(0, 2), counts={"chunks": 2}, segments=("a", "b"))
    other = Marker(
        step="embed", shard=3, plan_hash="hash", rows=(2, 5), counts={"chunks": 3, "gets": 1}, segments=("b", "c")
    )
    made = joined(None, WHOLE, [one, other.model_copy(update={"gone": ("u",)})])  # type: ignore[arg-type]
    assert ({"chunks": 5, "gets": 1}, ("a", "b", "c"), ("u",), None) == (
        made.counts,
        made.segments,
        made.gone,
        made.rows,
    )


def test_a_task_tells_people_its_rows() -> None:
    assert ("3", "3 (64 to 128)") == (WHOLE.name, ShardTask("0001-a", 3, "hash", "run", (64, 128)).name)
