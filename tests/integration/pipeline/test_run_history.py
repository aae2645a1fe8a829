"""After a promotion, the truth: what serves is read back, and the history is kept whatever the end."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ingest.errors import ForeignIndex, IndexUnavailable, InvalidSettings, LeaseHeld, StoreUnavailable
from ingest.pipeline.collections import releases_of
from ingest.pipeline.status import IndexStatus, status_of
from ingest.records import AliasAction, QueryProfile
from ingest.release import Candidate, Releases
from tests.fakes import InMemoryStore, Killed
from tests.pipelines import Listener, Project, document, project


class FailingStore(InMemoryStore):
    """A store that does not answer the calls that `fails` picks, by operation and key."""

    def __init__(self, values: dict[str, bytes] | None = None) -> None:
        super().__init__(values)
        self.fails: Callable[[str, str], bool] = lambda operation, key: False

    def _ask(self, operation: str, key: str) -> None:
        if self.fails(operation, key):
            raise StoreUnavailable(f"{operation} {key}: no answer")

    def get(self, key: str) -> bytes | None:
        self._ask("get", key)
        return super().get(key)

    def put(self, key: str, data: bytes) -> None:
        self._ask("put", key)
        super().put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._ask("create", key)
        return super().create(key, data)

    def list(self, prefix: str) -> Iterator[str]:
        self._ask("list", prefix)
        return super().list(prefix)


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """An index with a release, a change that the next run builds, and a store that can fail."""
    p = project(tmp_path, 4, lease_seconds=0.3)
    p.store = FailingStore()
    p.run()
    p.later(hours=1)
    p.source.write("d01.md", document(1, edition=2))
    return p


def releases(p: Project) -> Releases:
    services = p.services()
    return releases_of(services.retrieval, services.bench.options, services.writer)


def status(p: Project) -> IndexStatus:
    return status_of(p.lake, p.vectors, releases(p), p.options.profile)


class AtRelease(Listener):
    """Acts when a release was put into force, inside the run."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.act = act

    def told(self, kind: str, value: object) -> None:
        super().told(kind, value)
        if kind == "release":
            self.act()


def test_a_lake_that_is_away_once_the_candidate_serves_does_not_fail_the_run(p: Project) -> None:
    def lose() -> None:
        p.store.fails = lambda operation, key: True

    p.observer = AtRelease(lose)
    report = p.run()
    assert (report.decision, report.release) == ("promoted", 2)
    p.store.fails = lambda operation, key: False
    assert releases(p).current().generation == report.generation


@pytest.mark.parametrize("after", range(4))
def test_a_lake_that_dies_with_the_release_record_and_an_alias_call_without_an_answer_is_told_by_what_serves(
    p: Project, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    move = p.vectors.move_aliases

    def unanswered(actions: Sequence[AliasAction]) -> bool:
        move(actions[:after])
        p.store.fails = lambda operation, key: True
        raise IndexUnavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(p.vectors, "move_aliases", unanswered)
        if after == 3:
            report = p.run()
            assert (report.decision, report.release) == ("promoted", 2)
        else:
            with pytest.raises(StoreUnavailable):
                p.run()
    p.store.fails = lambda operation, key: False
    assert p.run().release == 2


@pytest.mark.parametrize("folder", ["history/started/", "history/"])
def test_a_history_that_cannot_be_written_does_not_fail_the_run(p: Project, folder: str) -> None:
    p.store.fails = lambda operation, key: operation == "put" and f"docs/{folder}" in key
    report = p.run()
    assert (report.decision, report.release) == ("promoted", 2)


def test_a_run_whose_release_was_followed_by_another_says_which_one_serves(p: Project) -> None:
    def follow() -> None:
        now = releases(p).current()
        name = p.lake.write_named(QueryProfile(dense_weight=0.1))
        releases(p).promote(Candidate(now.generation, now.collection, name), "tuned")

    p.observer = AtRelease(follow)
    report = p.run()
    assert (report.decision, report.release) == ("overtaken", 3)


def test_a_run_whose_release_was_followed_by_the_same_is_promoted(p: Project) -> None:
    def restored() -> None:
        names = p.vectors.aliases()
        p.vectors.move_aliases([AliasAction("delete", name) for name in names])
        releases(p).heal()

    p.observer = AtRelease(restored)
    report = p.run()
    assert (report.decision, report.release) == ("promoted", 3)


def test_every_run_has_a_start_and_an_end_in_the_history(p: Project) -> None:
    p.run()
    started, ended = p.lake.history("started/"), p.lake.history()
    assert [name.removeprefix("started/") for name in started] == ended
    assert len(ended) == 2
    assert status(p).unfinished is None


@pytest.mark.parametrize(
    ("error", "decision", "said"),
    [
        (InvalidSettings("the model is gone"), "failed", "InvalidSettings: the model is gone"),
        (StoreUnavailable("no answer"), "failed", "StoreUnavailable: no answer"),
        (KeyError("password=hunter2"), "failed", "KeyError"),
        (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
    ],
)
def test_a_run_that_ends_early_is_the_newest_run_with_its_reason(
    p: Project, error: BaseException, decision: str, said: str
) -> None:
    def fail(ref: object) -> None:
        raise error

    p.source.before_read = fail
    with pytest.raises(type(error)):
        p.run()
    found = status(p)
    run = found.newest_run
    assert run is not None
    assert (run.decision, run.error, run.release, found.unfinished) == (decision, said, 1, None)
    assert run.ended >= run.started


def test_a_run_that_was_killed_is_seen_as_one_that_never_ended(p: Project) -> None:
    p.store.fails = lambda operation, key: operation == "put" and key.startswith("docs/history/2")

    def die(ref: object) -> None:
        raise Killed  # the report of it is never written: that is how a real kill looks

    p.source.before_read = die
    with pytest.raises(Killed):
        p.run()
    p.store.fails = lambda operation, key: False
    found = status(p)
    assert found.unfinished is not None
    assert (found.unfinished.who, found.holds_lease) == ("tester@here", False)
    assert found.newest_run is not None
    assert found.newest_run.decision == "promoted"
    p.source.before_read = lambda ref: None
    p.later(hours=1)
    p.run()
    assert status(p).unfinished is None


def test_a_run_at_work_is_seen_behind_those_that_its_lease_refused(p: Project) -> None:
    seen = list[IndexStatus]()
    others = Project(p.sources, p.store, p.vectors, p.embedder, p.options, now=p.now, monotonic=time.monotonic)

    def refuse_two(ref: object) -> None:
        p.source.before_read = lambda ref: None
        for _ in range(2):
            others.later(hours=1)
            with pytest.raises(LeaseHeld):
                others.run()
        seen.append(status(others))

    p.source.before_read = refuse_two
    p.run()
    (found,) = seen
    assert found.unfinished is not None
    assert (found.unfinished.started, found.holds_lease) == (p.now.isoformat(), True)
    assert status(p).unfinished is None


def test_a_run_that_fails_before_it_has_the_lease_is_seen_too(p: Project) -> None:
    p.vectors.move_aliases([AliasAction("create", "docs@9", p.manifest().collection)])
    p.vectors.move_aliases([AliasAction("delete", "docs@1")])
    with pytest.raises(ForeignIndex):
        p.run()
    run = status(p).newest_run
    assert run is not None
    assert (run.decision, run.error.partition(":")[0]) == ("failed", "ForeignIndex")


def test_what_the_newest_run_thought_of_a_candidate_is_told_also_after_a_night_that_failed(p: Project) -> None:
    p.run(decide=lambda verdict: False)
    p.source.before_read = lambda ref: (_ for _ in ()).throw(InvalidSettings("x"))
    p.source.write("d03.md", document(3, edition=2))
    p.later(hours=1)
    with pytest.raises(InvalidSettings):
        p.run()
    found = status(p)
    assert (found.candidate_decision, found.newest_run and found.newest_run.decision) == ("waiting", "failed")
