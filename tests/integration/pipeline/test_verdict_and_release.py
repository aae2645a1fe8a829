"""A verdict holds for the release that it was compared with: what comes in between is judged anew, never reverted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import Overtaken, VerdictOutdated
from ingest.pipeline.collections import releases_of
from ingest.pipeline.promotion import Promotion
from ingest.records import QueryProfile
from ingest.release import Candidate, Releases
from tests.pipelines import Listener, Project, document, project

OTHER = QueryProfile(dense_weight=0.25)


def releases(p: Project) -> Releases:
    services = p.services()
    return releases_of(services.retrieval, services.bench.options, services.writer)


def promote_profile(p: Project, profile: QueryProfile = OTHER) -> None:
    """Put another query profile on the serving generation into force, as `ingest promote` of another process does."""
    now = releases(p).current()
    assert now is not None
    name = p.lake.write_named(profile)
    releases(p).promote(Candidate(now.generation, now.collection, name, compared=now.number), "tuned")


class Meanwhile(Listener):
    """Does something once, when a step begins, a step ends or a record is told."""

    def __init__(self, moment: tuple[str, str], act: Callable[[], None], times: int = 1) -> None:
        super().__init__()
        self.moment, self.act, self.times = moment, act, times

    def _at(self, *moment: str) -> None:
        if moment == self.moment and self.times:
            self.times -= 1
            self.act()

    def step_started(self, step: str, total: int, unit: str) -> None:
        self._at("start", step)

    def step_finished(self, step: str) -> None:
        self._at("end", step)

    def told(self, kind: str, value: Any) -> None:
        super().told(kind, value)
        self._at("told", kind)


def changed(folder: Path) -> Project:
    """Return an index with a release, and a change that the next run builds."""
    p = project(folder, 4)
    p.run()
    p.source.write("d01.md", document(1, edition=2))
    return p


MOMENTS = (
    ("start", "plan"),
    ("start", "check"),
    ("end", "check"),
    ("end", "seal"),
    ("start", "evaluate"),
    ("told", "verdict"),
    ("end", "evaluate"),
    ("start", "release"),
)


@pytest.mark.parametrize("moment", MOMENTS, ids="-".join)
def test_a_profile_that_comes_at_any_moment_of_a_run_is_compared_with_and_never_reverted_unseen(
    tmp_path: Path, moment: tuple[str, str]
) -> None:
    p = changed(tmp_path)
    p.observer = Meanwhile(moment, lambda: promote_profile(p))
    report = p.run()
    record = p.lake.decision()
    assert record is not None
    assert (report.decision, record.number, record.compared) == ("promoted", 3, 2)
    assert record.verdict is not None
    verdict = p.lake.verdict(record.verdict)
    assert (verdict.release, verdict.serving) == (2, report.base)


def test_a_run_judges_a_bounded_number_of_times_and_then_stops(tmp_path: Path) -> None:
    p = changed(tmp_path)
    weights = iter((0.1, 0.2, 0.3, 0.4, 0.6))
    p.observer = Meanwhile(
        ("start", "release"), lambda: promote_profile(p, QueryProfile(dense_weight=next(weights))), times=9
    )
    with pytest.raises(VerdictOutdated, match="compared with release 3, but release 4 is in force: judge it again"):
        p.run()
    assert [kind for kind, _ in p.observer.heard].count("judging_again") == 2


def test_a_person_who_promotes_is_judged_again_too(tmp_path: Path) -> None:
    p = changed(tmp_path)
    p.run(decide=lambda _: False)
    p.observer = Meanwhile(("told", "verdict"), lambda: promote_profile(p))
    services = p.services()
    outcome = Promotion(services.retrieval, services.bench.options, releases(p)).promote(None, "read", False)
    verdicts = [value for kind, value in p.observer.heard if kind == "verdict"]
    assert [verdict.release for verdict in verdicts] == [1, 2]
    assert (outcome.decision, outcome.release and outcome.release.compared) == ("promoted", 2)


def test_a_generation_that_came_in_between_stops_the_run_as_before(tmp_path: Path) -> None:
    p = changed(tmp_path)
    other = Project(p.sources, p.store, p.vectors, options=p.options)

    def overtake() -> None:
        claim = p.lake.claims.newest()
        assert claim is not None
        base = p.lake.manifest(claim[1].id)
        assert base is not None
        name = p.lake.write_named(p.options.profile)
        releases(other).promote(Candidate(base.generation, base.collection, name, base=base.base), "first")

    p.observer = Meanwhile(("start", "release"), overtake)
    assert p.run().decision == "promoted"  # the same generation: what serves is what it wanted
    assert p.lake.releases.last() == 2


def test_records_of_before_have_no_compared_release(tmp_path: Path) -> None:
    p = project(tmp_path, 2)
    p.run()
    record = p.lake.decision()
    assert record is not None
    data = record.model_dump(mode="json", exclude={"compared"})
    assert type(record).model_validate(data).compared is None


def test_what_is_built_on_another_generation_is_overtaken(tmp_path: Path) -> None:
    p = changed(tmp_path)
    p.run(decide=lambda _: False)
    waiting = p.lake.claims.newest()
    assert waiting is not None
    p.source.write("d02.md", document(2, edition=3))
    p.run()
    services = p.services()
    with pytest.raises(Overtaken, match="the next build adopts its work"):
        Promotion(services.retrieval, services.bench.options, releases(p)).promote(waiting[1].id, "late", False)
