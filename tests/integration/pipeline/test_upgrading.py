"""What a new parser or chunker does to documents that did not change: `on_upgrade` keep, gradual or now."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import chunking, parsers
from ingest.errors import VersionMismatch
from ingest.lake.contents import contents_of
from ingest.lake.rows import document_rows
from ingest.pipeline.tasks import ShardStep, ShardTask
from ingest.records import Marker, PlanSummary, RunReport
from ingest.services import Services
from tests.pipelines import SMALL_CHUNKS, Project, document, project

DOCUMENTS = 6


def built(folder: Path, **options: Any) -> Project:
    made = project(folder, DOCUMENTS, documents_per_shard=3, **options)
    made.run()
    return made


def newer_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsers.find("text/markdown"), "VERSION", "next")


def newer_chunker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "VERSION", "next")


def fingerprints(made: Project) -> dict[str, tuple[str, str]]:
    """Return of each document in the generation that serves which parser and which chunker made it."""
    contents = contents_of(made.lake, made.lake.base())
    rows = (row for s in contents.shards for row in document_rows(made.lake.read(contents.parts(s)["documents"])))
    return {row.path: (row.parser_fingerprint, row.chunker_fingerprint) for row in rows}


def upgraded(made: Project, before: dict[str, tuple[str, str]]) -> set[str]:
    return {path for path, prints in fingerprints(made).items() if prints != before[path]}


Newer = Callable[[pytest.MonkeyPatch], None]
newer = pytest.mark.parametrize("newer", [newer_parser, newer_chunker])


@newer
def test_keep_leaves_unchanged_documents_alone_night_after_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: Newer
) -> None:
    made = built(tmp_path, on_upgrade="keep")
    before = fingerprints(made)
    newer(monkeypatch)
    for _ in range(2):
        report = made.run()
        assert (False, {}, 0) == (report.built, made.gets(), report.embedded)
        assert DOCUMENTS == report.plan.counts["not_upgraded"]
    made.source.write("d01.md", document(1, edition=2))
    report = made.run()
    assert ({"d01.md": 1}, "promoted") == (made.gets(), report.decision)
    assert ({"d01.md"}, ()) == (upgraded(made, before), report.conservation.faults)
    assert DOCUMENTS - 1 == report.plan.counts["not_upgraded"]
    assert not made.run().built


@newer
def test_gradual_makes_a_few_documents_anew_each_night_until_all_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: Newer
) -> None:
    made = built(tmp_path, on_upgrade="gradual", upgrades_per_run=4)
    before = fingerprints(made)
    newer(monkeypatch)
    told = [made.run().plan.counts for _ in range(1)]
    assert 4 == len(upgraded(made, before))
    told.append(made.run().plan.counts)
    assert DOCUMENTS == len(upgraded(made, before))
    assert [(4, 2), (2, 0)] == [(counts["upgraded"], counts.get("not_upgraded", 0)) for counts in told]
    report = made.run()
    assert (False, {}) == (report.built, made.gets())
    assert {"upgraded", "not_upgraded"}.isdisjoint(report.plan.counts)


@newer
def test_now_makes_all_anew_and_the_plan_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: Newer) -> None:
    made = built(tmp_path, on_upgrade="keep")
    before = fingerprints(made)
    newer(monkeypatch)
    made.run()
    made.options = made.options.model_copy(update={"on_upgrade": "now"})
    report = made.run()
    assert (DOCUMENTS, DOCUMENTS) == (report.plan.counts["upgraded"], len(upgraded(made, before)))
    assert not made.run().built


def test_other_options_of_the_chunker_are_no_upgrade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = built(tmp_path, on_upgrade="keep")
    before = fingerprints(made)
    newer_chunker(monkeypatch)
    made.run()
    made.options = made.options.model_copy(update={"chunking": SMALL_CHUNKS.model_copy(update={"min_tokens": 9})})
    assert made.run().built
    assert DOCUMENTS == len(upgraded(made, before))


def test_another_generation_of_a_crashed_gradual_run_has_the_same_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = built(tmp_path, on_upgrade="gradual", upgrades_per_run=4)
    newer_chunker(monkeypatch)

    class Stops:
        workers = 1

        def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.run(execute=Stops())
    assert made.run().resumed


def test_a_deleted_document_and_one_that_is_out_of_scope_use_up_no_upgrades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = built(tmp_path, on_upgrade="gradual", upgrades_per_run=1)
    before = fingerprints(made)
    newer_parser(monkeypatch)
    made.source.delete("d00.md")
    report = made.run()
    assert (1, 1) == (report.plan.counts["upgraded"], len(made.gets()))
    assert {*made.gets()} == upgraded(made, before)


class OtherWorker:
    """Runs steps as a worker does on which another version is installed."""

    workers = 1

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.services, self.monkeypatch = services, monkeypatch

    def map(self, step: ShardStep, items: Iterable[ShardTask]) -> Iterator[Marker]:
        with self.monkeypatch.context() as other:
            newer_parser(other)
            for item in items:
                yield step(self.services, item)


def test_a_worker_of_another_version_is_refused_by_name_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(tmp_path, 3)
    with pytest.raises(VersionMismatch, match=r"chunk of shard 0: the driver's code is .* this worker's"):
        made.run(execute=OtherWorker(made.services(), monkeypatch))
    assert (None, 0) == (made.lake.decision(), sum("/markers/" in key for key in made.store.values))
    report = made.run()
    assert ("promoted", True) == (report.decision, report.resumed)


def test_plans_without_an_upgrade_are_stored_as_before(tmp_path: Path) -> None:
    made = built(tmp_path, on_upgrade="keep")
    claim = made.lake.claims.newest()[1]
    summary: PlanSummary = made.lake.plan(claim.id)
    plan = made.lake.shard_plan(claim.id, 0, summary.shards[0])
    assert "keeps" not in plan.model_dump()
    report: RunReport = made.run()
    assert not report.built
