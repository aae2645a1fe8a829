"""The nightly flow on a real Prefect server: what it decides, what people see of it, what it leaves behind."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_UI_URL
from prefect.task_runners import ThreadPoolTaskRunner

import ingest_flows.nightly
import ingest_flows.opening
from ingest import pipeline
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.adapters.vectors.edge import engine, locks
from ingest.pipeline.changes import Scope
from ingest.records import ExecutorOptions
from ingest.services import Services
from ingest.settings import Settings
from ingest.wiring import service_opening as wiring
from ingest_flows.backfill import backfill
from ingest_flows.executor import PrefectExecutor
from ingest_flows.nightly import nightly
from tests.fakes import inline_executor
from tests.integration.ingest_flows.conftest import Site, by_step, eventually, flow_run_of, new_site
from tests.vector_indexes import in_memory_index

STEPS = ("chunk_shard", "embed_shard", "load_shard", "keyword_shard")
First = tuple[Site, State[Any], set[Path]]  # a site, the state of its first run, what Prefect persisted


def persisted() -> set[Path]:
    """Return the files in Prefect's result storage."""
    return {path for path in Path(os.environ["PREFECT_HOME"], "storage").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, state_folder: Path, client: SyncPrefectClient) -> First:
    """A site after its first nightly run, with that run's state and what Prefect persisted meanwhile.

    Its steps overlap as they do with two workers; what these would do is done by threads, which start sooner.
    """
    site = new_site(tmp_path_factory.mktemp("first"), state_folder, client)
    site.settings({"workers": 2})
    (site.folder / "documents" / "page.html").write_text("<h1>Beams</h1><p>The beam lies beside the gate.</p>")
    (site.folder / "documents" / "notes.txt").write_text("Plain words about a beam.")
    before = persisted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrefectExecutor, "_runner", lambda self, needs, window: ThreadPoolTaskRunner(window))
        state = site.nightly()
    return site, state, persisted() - before


def shards(site: Site, generation: str) -> int:
    with site.opened() as services:
        summary = services.bench.lake.plan(generation)
    assert summary is not None
    return len(summary.shards)


def test_a_first_run_promotes(first: First) -> None:
    site, state, _ = first
    report = state.result()
    collection = site.aliases()[site.index]
    assert collection.startswith(f"{site.index}__{report['generation']}-")
    assert ("promoted", 1, "Completed") == (report["decision"], report["release"], state.name)
    assert {site.index: collection, f"{site.index}@1": collection} == site.aliases()


def test_each_shard_has_one_task_run_a_step_and_documents_have_none(first: First) -> None:
    site, state, _ = first
    count = shards(site, state.result()["generation"])
    runs = site.task_runs(state, count * len(STEPS))
    assert 1 < count < 8
    assert Counter(dict.fromkeys(STEPS, count)) == by_step(runs)
    assert {f"{step} {shard}" for step in STEPS for shard in range(count)} == {run.name for run in runs}


def test_prefect_persists_no_result(first: First) -> None:
    site, state, written = first
    runs = site.task_runs(state, shards(site, state.result()["generation"]) * len(STEPS))
    stored = [run.state for run in [*runs, site.client.read_flow_run(flow_run_of(state))] if run.state]
    assert set() == written
    assert [] == [s.data.storage_key for s in stored if getattr(s.data, "storage_key", None)]


def test_people_see_steps_and_records_as_log_lines(first: First) -> None:
    site, state, _ = first
    generation = state.result()["generation"]
    text = "\n".join(site.logs(state, f"release: release 1 serves generation {generation}"))
    assert [] == [line for line in text.splitlines() if line.endswith((": done", ": "))]
    (chunked,) = [line for line in text.splitlines() if line.startswith("chunk: done")]
    assert "documents 8" in chunked.replace("chunk: done ", "").split(", ")
    for promised in (
        f"plan of {generation} on None: added 8",
        "0 faults",
        f"verdict on {generation}: yes",
        f"release 1 (promote) serves generation {generation}",
        "guard: 8 documents would serve, 0 of the base would not any more; within the limits: 20% gone (max_del",
        "seal: 8 chunks compared, of 8 documents",
        "model: the lake has the files of the model",
    ):
        assert promised in text


def test_people_see_the_run_as_an_artifact(first: First) -> None:
    site, state, _ = first
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]))
    found = {artifact.key: str(artifact.data) for artifact in site.client.read_artifacts(artifact_filter=only)}
    kinds = ("conservation", "plan", "progress", "run", "verdict")
    assert [f"{site.index}-{kind}" for kind in kinds] == sorted(map(str, found))
    assert "| evaluate | done questions 12 |" in found[f"{site.index}-progress"]
    assert f"# For generation `{state.result()['generation']}`" in found[f"{site.index}-verdict"]
    assert "| added | 8 |" in found[f"{site.index}-plan"]
    shown = found[f"{site.index}-run"]
    report, address, run = state.result(), PREFECT_UI_URL.value(), flow_run_of(state)
    for promised in (
        f"[{site.client.read_flow_run(run).name}]({address}/runs/flow-run/{run})",
        f"[`{site.index}-verdict`]({address}/artifacts/key/{site.index}-verdict)",
        f"`verdicts/{report['verdict']}.json`",
        f"Generation `{report['generation']}`, release 1, ",
        f"# Run of `{site.index}`: promoted",
        "| listed: added | 8 |",
        "| points | 8 |",
        "| chunk |",
        "| GPU-minutes, by the plan |",
        f"/{site.index}/plots/history.svg`.",
        "![The newest generations](data:image/svg+xml;base64,",
    ):
        assert promised in shown


def test_the_digest_is_that_of_a_run_without_prefect(first: First, tmp_path: Path) -> None:
    site, state, _ = first
    other = Site(site.folder, site.state, site.client, site.index)
    lake = site.loaded.model_copy(update={"lake": str(tmp_path / "other lake")})
    services = wiring.open_services(lake, other.index)
    services.retrieval.vectors = in_memory_index()
    try:
        inline = pipeline.run(services, Scope(), inline_executor(services), lambda _: True)
    finally:
        services.bench.close()
    assert inline.digest == state.result()["digest"]


def test_a_run_without_changes_builds_nothing_and_starts_no_task(site: Site) -> None:
    before = site.run_inline()
    state = site.nightly()
    report = state.result()
    assert ("unchanged", False, before.generation) == (report["decision"], report["built"], report["generation"])
    assert [] == site.task_runs(state, 0)
    assert "Completed" == state.name


def test_ray_runs_the_steps_where_the_settings_say_so_and_prefect_has_no_task_runs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_ray = site.loaded.model_copy(update={"executor": ExecutorOptions(kind="ray")})
    opened: list[Any] = []

    def inline(settings: Settings, index: str | None, services: Services) -> ProcessExecutor:
        opened.append((settings.executor.kind, index))
        return inline_executor(services)

    monkeypatch.setattr(ingest_flows.nightly, "settings_of", lambda parameters: on_ray)
    monkeypatch.setattr(ingest_flows.nightly, "open_executor", inline)
    state = site.nightly()
    assert (True, [("ray", None)], []) == (state.is_completed(), opened, site.task_runs(state, 0))


def test_a_refused_candidate_leaves_the_alias_alone_and_the_run_is_completed_and_named_refused(site: Site) -> None:
    site.run_inline()
    before = site.aliases()
    for topic in ("copper", "granite", "walnut"):
        site.write(topic, f"# Something else\n\nNothing here is about {topic[::-1]} any more.\n")
    state = site.nightly()
    stored = site.client.read_flow_run(flow_run_of(state)).state
    assert stored is not None
    assert ("refused", "Refused", True) == (state.result()["decision"], stored.name, stored.is_completed())
    assert "3 of 6 judged questions are stale" in str(stored.message)
    assert before == site.aliases()


def test_a_manual_index_waits_for_a_person(site: Site) -> None:
    site.settings(decide="manual")
    state = site.nightly()
    assert ("waiting", "Waiting", True) == (state.result()["decision"], state.name, state.is_completed())
    assert {} == site.aliases()


def test_a_run_that_may_not_promote_waits_for_a_person(site: Site) -> None:
    assert "Waiting" == site.nightly(promote=False).name
    assert {} == site.aliases()


def test_a_fatal_error_fails_the_flow_run_with_its_message_and_is_kept_as_json(site: Site) -> None:
    site.run_inline()
    aliases, files = site.aliases(), persisted()
    for path in (site.folder / "documents").iterdir():
        path.unlink()
    site.write("copper")
    state = site.nightly()
    stored = site.client.read_flow_run(flow_run_of(state)).state
    assert stored is not None
    assert stored.is_failed()
    assert "DeleteGuardTripped" in str(stored.message)
    assert aliases == site.aliases()
    kept = [json.loads(path.read_text()) for path in persisted() - files]  # never a pickle
    assert ["ingest.errors.DeleteGuardTripped"] == [record["__exc_type__"] for record in kept]
    key = ArtifactFilterKey(any_=[f"{site.index}-run"])  # Prefect keeps the result of a failed run as one, too
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]), key=key)
    shown = str(eventually(lambda: site.client.read_artifacts(artifact_filter=only))[0].data)
    assert f"# Run of `{site.index}`: failed" in shown
    assert "- ended by: `DeleteGuardTripped: " in shown
    assert "In quarantine, generation `" in shown


@pytest.mark.parametrize("breaks", [False, True])
def test_services_are_opened_and_closed_once_and_no_engine_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    own = tmp_path / "state"
    if not breaks:
        site.settings({"state": str(own)})
    told: list[str] = []

    def counted(*arguments: Any) -> Services:
        told.append("opened")
        services = wiring.open_services(*arguments)
        services.bench.closers.append(lambda: told.append("closed"))
        if breaks:
            services.bench.sources[0].read = None  # type: ignore[method-assign, assignment]
        return services

    monkeypatch.setattr(ingest_flows.nightly, "open_services", counted)
    assert breaks == site.nightly().is_failed()
    assert ["opened", "closed"] == told
    assert not engine.status(own / "qdrant").in_use
    assert locks.wait_until(lambda: not engine.status(own / "qdrant").running, 30)


def test_no_secret_reaches_logs_state_or_parameters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("QDRANT_API_KEY", "hush-4711")
    state = site.nightly()
    run = site.client.read_flow_run(flow_run_of(state))
    lines = site.logs(state, "IndexUnavailable")
    assert state.is_failed()
    assert lines
    assert "hush-4711" not in "\n".join([*lines, str(state), run.model_dump_json()])


def test_wrong_parameters_are_refused_before_anything_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(ingest_flows.opening, "load_settings", lambda path: told.append(str(path)))
    with pytest.raises(Exception, match="window"):
        nightly(settings=str(site.settings_path), window=0)
    with pytest.raises(Exception, match="windw"):
        nightly(settings=str(site.settings_path), windw=1)
    assert [] == told


def test_a_limit_of_the_delete_guard_is_raised_for_one_run_with_who_and_why(site: Site) -> None:
    site.settings(judged=[], gate={"allow_unjudged": True, "floors": {}})
    site.run_inline()
    for topic in ("granite", "walnut", "marble"):
        (site.folder / "documents" / f"{topic}.md").unlink()
    states = [site.nightly(), site.nightly(max_deleted_share=0.6)]
    assert [True, True] == [state.is_failed() for state in states]
    assert ["DeleteGuardTripped", "InvalidSettings"] == [
        type(state.result(raise_on_failure=False)).__name__ for state in states
    ]
    dry = backfill(settings=site.settings_path, dry_run=True, max_deleted_share=0.6, why="half of it moved out")
    assert "" == dry["refused"]
    report = site.nightly(max_deleted_share=0.6, why="half of it moved out").result()
    with site.opened() as services:
        release, raised = services.bench.lake.decision(), report["plan"]["raised"]
        who = services.writer.who
    assert {"max_deleted_share": 0.6, "who": who, "why": "half of it moved out"} == raised
    assert release is not None
    assert release.why.endswith(f"by {who}: half of it moved out")
