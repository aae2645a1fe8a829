"""The builder's lease: taken after a silent term, handed over at once, and lost loudly."""

import threading
from collections.abc import Callable

import pytest

import ingest.pipeline.lease
from ingest.errors import AccessDenied, LeaseHeld, LeaseLost, StoreUnavailable
from ingest.lake.lake import Lake
from ingest.pipeline.lease import BuilderLease
from ingest.records import Lease
from tests.fakes import InMemoryStore
from tests.pipelines import CountingSource, Project


@pytest.fixture
def p(tmp_path) -> Project:
    project = Project((CountingSource("docs", tmp_path),))
    project.change(lease_seconds=1000.0)
    return project


def lease(p: Project, run: str, monotonic: Callable[[], float] | None = None) -> BuilderLease:
    seconds = p.options.lease_seconds
    return BuilderLease(p.lake, run, "tester@here", seconds, monotonic or p.monotonic, p.observer)


def held_by_another(p: Project, term: float = 0.05) -> None:
    p.lake.leases.append(p.lake.leases.last() + 1, Lease(holder="other@there", term_seconds=term, run="other"))


def records(p: Project, after: int = 0) -> list[tuple[str, str]]:
    return [(record.run, record.holder) for _, record in p.lake.leases.after(after)]


def test_a_lease_is_taken_and_signed_off(p: Project) -> None:
    with lease(p, "run1"):
        assert records(p) == [("run1", "tester@here")]
    assert records(p) == [("run1", "tester@here"), ("run1", "")]


def test_a_lease_is_signed_off_after_an_error(p: Project) -> None:
    with pytest.raises(KeyError), lease(p, "run1"):
        raise KeyError
    assert records(p)[-1] == ("run1", "")


def test_a_lease_that_cannot_be_signed_off_fails_no_run(p: Project) -> None:
    class Expired(InMemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if key.endswith("/2.json"):
                raise AccessDenied("the token has expired")
            return super().create(key, data)

    p.store = Expired()
    with lease(p, "run1"):
        pass
    assert records(p) == [("run1", "tester@here")]


def test_a_signed_off_lease_is_taken_without_waiting(p: Project) -> None:
    def never() -> float:
        raise AssertionError("waited")

    with lease(p, "run1"):
        pass
    with lease(p, "run2", never):
        assert records(p)[-1] == ("run2", "tester@here")


def test_a_silent_holder_is_taken_over_after_its_own_term(p: Project) -> None:
    held_by_another(p, term=3.0)
    asked: list[float] = []

    def clock() -> float:
        asked.append(float(len(asked)))
        return asked[-1]

    patient = lease(p, "run2", clock)
    patient._stop.wait = lambda seconds: False  # type: ignore[method-assign]
    assert patient._free_number() == 2
    assert len(asked) == 4  # the deadline, and until three seconds went by on this clock
    assert [kind for kind, _ in p.observer.heard] == ["waiting_for_lease"]


def test_a_silent_holder_is_followed(p: Project) -> None:
    held_by_another(p)
    with lease(p, "run2"):
        assert records(p) == [("other", "other@there"), ("run2", "tester@here")]


def test_a_holder_that_renews_meanwhile_is_not_disturbed(p: Project) -> None:
    held_by_another(p, term=1000.0)
    waiting = lease(p, "run2")
    waiting._stop.wait = lambda seconds: held_by_another(p)  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(LeaseHeld, match="other@there is building it"):
        waiting.__enter__()


def test_a_holder_that_signs_off_meanwhile_is_followed_at_once(p: Project) -> None:
    held_by_another(p, term=1000.0)
    waiting = lease(p, "run2")

    def sign_off(seconds: float) -> bool:
        return p.lake.leases.append(2, Lease(holder="", term_seconds=1, run="other"))

    waiting._stop.wait = sign_off  # type: ignore[method-assign]
    assert waiting._free_number() == 3


def test_of_two_that_take_over_one_wins(p: Project) -> None:
    held_by_another(p)
    first, second = lease(p, "run1"), lease(p, "run2")
    number = first._free_number()
    assert second._free_number() == number == 2
    assert p.lake.leases.append(number, first._record("a"))
    assert not p.lake.leases.append(number, second._record("a"))


def test_a_step_accepts_renewals_and_finds_a_take_over(p: Project) -> None:
    lake = p.lake
    with lease(p, "run1") as own:
        lake.confirm_lease("run1")
        lake.leases.append(2, own._record("tester@here"))
        lake.confirm_lease("run1")
        held_by_another(p)
        with pytest.raises(LeaseLost, match="run1 lost its lease to other@there"):
            lake.confirm_lease("run1")


def test_a_step_that_wakes_after_a_take_over_is_told(p: Project) -> None:
    held_by_another(p)
    lake = p.lake
    for _ in range(2):  # a step that is tried again is told again
        with pytest.raises(LeaseLost, match="other@there"):
            lake.confirm_lease("run1")


def test_a_lease_is_renewed_by_itself(p: Project) -> None:
    p.change(lease_seconds=0.03)
    renewed = threading.Event()

    class Watching(InMemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            won = super().create(key, data)
            if key.endswith("/3.json"):
                renewed.set()
            return won

    p.store = Watching()
    with lease(p, "run1"):
        assert renewed.wait(20)


def test_the_records_of_a_lease_do_not_grow_for_ever(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest.pipeline.lease, "KEPT", 5)
    for _ in range(20):
        held_by_another(p)
    p.lake.leases.append(21, Lease(holder="", term_seconds=1, run="other"))
    p.change(lease_seconds=0.03)
    renewed = threading.Event()

    class Watching(InMemoryStore):
        def delete(self, key: str) -> None:
            super().delete(key)
            if key.endswith("/30.json"):
                renewed.set()

    p.store = Watching(p.store.values)
    with lease(p, "run1"):
        assert renewed.wait(20)
    left = sorted(n for n in range(1, 99) if p.lake.leases.get(n) is not None)
    assert len(left) <= 7  # those kept, and what was written while the last was removed
    assert ("run1", "") == records(p, left[0] - 1)[-1]


def test_a_store_that_fails_once_does_not_end_the_renewal(p: Project) -> None:
    p.change(lease_seconds=0.03)
    renewed, failures = threading.Event(), iter([True, True])

    class Failing(InMemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if key.endswith("/2.json") and next(failures, False):
                raise StoreUnavailable("no answer")
            won = super().create(key, data)
            if key.endswith("/2.json"):
                renewed.set()
            return won

    p.store = Failing()
    with lease(p, "run1"):
        assert renewed.wait(20)


def test_a_builder_that_lost_its_lease_stops_loading(tmp_path) -> None:
    from tests.pipelines import project

    p = project(tmp_path)
    upsert = p.vectors.upsert
    taken = iter([True])

    def take_over(collection, points) -> None:
        upsert(collection, points)
        if next(taken, False):
            held_by_another(p)

    p.vectors.upsert = take_over  # type: ignore[method-assign]
    with pytest.raises(LeaseLost, match="lost its lease to other@there"):
        p.run()
    assert (Lake(p.store, "docs").releases.last(), p.vectors.aliases()) == (0, {})


def test_a_lease_lost_to_a_run_that_has_signed_off_since_names_that_run() -> None:
    lake = Lake(InMemoryStore(), "docs")
    lake.leases.append(1, Lease(holder="me@here", term_seconds=1.0, run="mine"))
    lake.confirm_lease("mine")
    lake.leases.append(2, Lease(holder="", term_seconds=1.0, run="theirs"))
    with pytest.raises(LeaseLost, match="run mine lost its lease to run theirs, which has ended since; `ingest run` "):
        lake.confirm_lease("mine")
