"""300 steps over documents, settings, processes and points; `make faults ARGS="--steps 10000"` takes more."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.pipeline import changes
from ingest.pipeline.changes import BaseDocument, ShardChanges, classify
from ingest.records import DocumentRef
from tests.faults import searchable
from tests.faults.searchable import PATHS, SOURCES, Searchable, explore

pytestmark = pytest.mark.slow

STEPS, LENGTH, SEED = 300, 25, 4
HAPPENED = ("run promoted", "run unchanged", "run killed", "rolled back", "digest compared", "points mended")


def test_what_must_be_searchable_is_searchable_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Counter[str]()
    monkeypatch.setattr(Searchable, "done", done)
    explore(STEPS, SEED, length=LENGTH)
    assert [] == [name for name in HAPPENED if not done[name]]


def test_a_deleted_document_that_stays_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(listed: Sequence[DocumentRef], base: Mapping[str, BaseDocument], *rest: Any) -> ShardChanges:
        there = {ref.uri for ref in listed}
        *others, carried, revocations = rest
        absent = {held.ref.source for u, held in base.items() if u not in there}
        return classify(listed, base, *others, carried | absent, revocations)

    monkeypatch.setattr(changes, "classify", kept)
    with pytest.raises(AssertionError):
        explore(STEPS, SEED, length=LENGTH)


def served(documents: int = 6) -> Searchable:
    """Return a machine with documents that serve."""
    machine = Searchable()
    for n in range(documents):
        machine.files.write(SOURCES[n % 2], PATHS[n // 2], machine.files.text())
    if documents:
        machine.run()
    return machine


def all_go_bad_twice() -> Searchable:
    machine = served()
    for _ in range(2):
        for n in range(6):
            machine.empty(n)
        machine.run()
        machine.let_time_pass()
    return machine


def all_are_renamed() -> Searchable:
    machine = served(3)
    for source, path in sorted(machine.files.held):
        machine.files.move((source, path), (source, f"z{path}"))
    machine.run()
    return machine


def nothing_is_readable() -> Searchable:
    machine = served(0)
    machine.files.write(SOURCES[0], PATHS[0], None)
    machine.run()
    return machine


def serving_loses_points_under_a_hold() -> Searchable:
    machine = served()
    machine.change(0, False)
    machine.run()
    machine.roll_back()
    machine.lose_points(0)
    machine.run()
    return machine


def what_served_before_is_changed() -> Searchable:
    machine = served()
    machine.change_payloads(0, "acl")
    machine.change(0, False)
    machine.run()
    machine.roll_back()
    return machine


def vectors_are_replaced() -> Searchable:
    machine = served()
    machine.change_vectors(0)
    machine.run()
    return machine


@pytest.mark.parametrize(
    ("promise", "story"),
    [
        ("LOSSES_COUNT_WHATEVER_THE_CAUSE", all_go_bad_twice),
        ("MOVES_ARE_NO_DELETIONS", all_are_renamed),
        ("AN_EMPTY_GENERATION_IS_REFUSED", nothing_is_readable),
        ("SERVING_IS_MENDED_FIRST", serving_loses_points_under_a_hold),
        ("A_TARGET_IS_MENDED", what_served_before_is_changed),
        ("VECTORS_ARE_LOOKED_AT", vectors_are_replaced),
    ],
)
def test_a_promise_that_is_not_kept_yet_is_found_out(
    monkeypatch: pytest.MonkeyPatch, promise: str, story: Callable[[], Searchable]
) -> None:
    kept = getattr(searchable, promise)
    monkeypatch.setattr(searchable, promise, True)
    with nullcontext() if kept else pytest.raises((AssertionError, IngestError)):
        story().teardown()
