"""The checks find what they look for, and leave nothing behind."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import IndexUnavailable
from ingest.records import EVERYTHING, AliasAction, Point, StoredPoint
from ingest_conformance import alias_checks, conformance, point_checks
from ingest_conformance.cluster_checks import NodeLoss
from ingest_conformance.conformance import CheckResult, check_index
from tests.vector_indexes import DIMENSION, in_memory_index, points

NAME = "ingest-check-abc"


def others(index: QdrantIndex) -> dict[str, Any]:
    """Return what is on a server besides what is checked."""
    held = {name: index.count(name, EVERYTHING) for name in index.collections() if not name.startswith(NAME)}
    return {"aliases": {a: c for a, c in index.aliases().items() if not a.startswith(NAME)}, "collections": held}


def filled(kind: type[QdrantIndex] = QdrantIndex) -> QdrantIndex:
    """Return an index that serves somebody."""
    index = in_memory_index(kind, **conformance.LIMITS)
    index.create_collection("docs__0001", DIMENSION)
    index.upsert("docs__0001", points(3))
    index.move_aliases([AliasAction("create", name, "docs__0001") for name in ("docs", "docs@1", "ingest-check")])
    return index


def results(
    index: QdrantIndex, monkeypatch: pytest.MonkeyPatch, *only: conformance.Check, **how: Any
) -> list[CheckResult]:
    """Return the results of some checks."""
    monkeypatch.setattr(conformance, "CHECKS", only)
    return list(check_index(index, NAME, **how))


def faults(found: list[CheckResult]) -> dict[str, str]:
    return {one.check: one.fault for one in found if one.fault}


def test_an_index_that_keeps_every_promise_is_left_as_it_was() -> None:
    index = filled()
    before = others(index)
    found = list(check_index(index, NAME))
    assert {} == faults(found)
    assert len(conformance.CHECKS) + 1 == len(found)
    assert (before, []) == (others(index), [name for name in index.collections() if name.startswith(NAME)])


class Careless(QdrantIndex):
    """Goes on although the guard is gone."""

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        return all([super(Careless, self).move_aliases([action]) for action in actions])


class Forgetful(QdrantIndex):
    """Loses the last point of every request."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        super().upsert(collection, points[:-1] if len(points) > 1 else points)


class Broken(QdrantIndex):
    """Fails in a way that no port knows."""

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        raise ZeroDivisionError("of its own making")


class Unclean(QdrantIndex):
    """Does not drop collections."""

    def drop_collection(self, collection: str) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "check", "fault"),
    [
        (Careless, alias_checks.a_failing_first_action_changes_nothing, "expected {}, found"),
        (Careless, alias_checks.a_stale_answer_moves_nothing, "after a late writer"),
        (Forgetful, point_checks.points_come_back_as_they_were_written, "expected {"),
        (Broken, point_checks.points_come_back_as_they_were_written, "ZeroDivisionError: of its own making"),
    ],
)
def test_a_promise_that_is_not_kept_is_named_and_nothing_stays(
    kind: type[QdrantIndex], check: conformance.Check, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(kind)
    before = others(index)
    found = faults(results(index, monkeypatch, check))
    assert [check.__name__] == [*found]
    assert fault in found[check.__name__]
    assert (before, {}) == (others(index), alias_checks.mine(index, NAME))
    assert NAME not in index.collections()


def test_what_could_not_be_removed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(results(filled(Unclean), monkeypatch, point_checks.empty_calls_do_nothing))
    assert f"still there: {NAME}; remove them by hand" == found["nothing_stays"]


def test_who_stops_in_between_leaves_nothing() -> None:
    index = filled()
    with closing(check_index(index, NAME)) as found:
        next(found)
        assert NAME in index.collections()
    assert NAME not in index.collections()


class Away(QdrantIndex):
    """Does not answer."""

    def collections(self) -> list[str]:
        raise IndexUnavailable("connection refused")


def test_a_server_that_does_not_answer_is_no_broken_promise() -> None:
    with pytest.raises(IndexUnavailable, match="connection refused"):
        next(check_index(in_memory_index(Away), NAME))


class Node(QdrantIndex):
    """An index of a cluster, one node of which is down when a file is there: it does not answer at first."""

    down: Path
    silent = 3  # calls without an answer after the loss
    loses = 0  # points that were only on that node

    def retrieve(self, collection: str, ids: Sequence[str], *, vectors: bool = False) -> dict[str, StoredPoint]:
        if self.down.exists() and self.silent:
            self.silent -= 1
            raise IndexUnavailable("no leader")
        found = super().retrieve(collection, ids, vectors=vectors)
        return dict([*found.items()][self.loses if self.down.exists() else 0 :])


def test_the_loss_of_a_node_is_waited_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(Node)
    index.down = tmp_path / "down"
    monkeypatch.setattr("ingest_conformance.cluster_checks.PAUSE_SECONDS", 0.0)
    loss = NodeLoss(f"touch '{index.down}'", f"rm '{index.down}'", 20.0)
    assert {} == faults(results(index, monkeypatch, loss=loss))
    assert (0, False) == (index.silent, index.down.exists())


def test_points_that_are_lost_with_a_node_are_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(Node)
    index.down, index.silent, index.loses = tmp_path / "down", 0, 1
    found = faults(results(index, monkeypatch, loss=NodeLoss(f"touch '{index.down}'", seconds=20.0)))
    assert ["nothing_is_lost_with_a_node"] == [*found]
    assert str(index.down) in found["nothing_is_lost_with_a_node"]


def test_a_command_that_fails_is_a_fault_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(results(filled(), monkeypatch, loss=NodeLoss("echo no such node; exit 3", seconds=20.0)))
    assert "exit code 3: no such node" in found["nothing_is_lost_with_a_node"]


def test_other_nodes_must_show_a_move(monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled()
    assert {} == faults(results(index, monkeypatch, nodes=[index], wait=20.0))
    found = faults(results(index, monkeypatch, nodes=[filled()], wait=0.0))
    assert "not within 0 s" in found["other_nodes_follow"]
