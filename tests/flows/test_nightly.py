"""The nightly flow on a real Prefect server: what it decides, what people see of it, what it leaves behind."""

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

import flows.nightly
from flows.nightly import nightly
from ingest import pipeline, wiring
from ingest.edge import engine, locks
from ingest.executors.inline import InlineExecutor
from ingest.indexes.qdrant import QdrantIndex
from ingest.lake.lake import Lake
from ingest.planning import WHOLE
from ingest.ports import Services
from tests.flows.conftest import Site, by_step, eventually, flow_run_of

STEPS = ("chunk_shard", "embed_shard", "load_shard", "keyword_shard")


def opened(site: Site) -> Services:
    return wiring.open_services(site.loaded, site.index)


def aliases(site: Site) -> dict[str, str]:
    """Return the aliases of a site's index."""
    services = opened(site)
    try:
        return {k: v for k, v in services.vectors.aliases().items() if k.split("@")[0] == site.index}
    finally:
        wiring.close_services(services)


def shards(site: Site, generation: str) -> int:
    services = opened(site)
    try:
        summary = Lake(services.store, site.index).plan(generation)
        assert summary is not None
        return len(summary.shards)
    finally:
        wiring.close_services(services)


def test_a_first_run_promotes_and_has_one_task_run_for_each_shard_and_step(site: Site) -> None:
    state = site.nightly()
    report = state.result()
    count = shards(site, report["generation"])
    runs = site.task_runs(state, count * len(STEPS))
    assert ("promoted", "Completed") == (report["decision"], state.name)
    assert 1 < count < 6
    assert Counter(dict.fromkeys(STEPS, count)) == by_step(runs)
    assert {"keyword_shard 0", "chunk_shard 0"} <= {run.name for run in runs}


def test_nothing_of_a_run_is_persisted_by_prefect(site: Site) -> None:
    state = site.nightly()
    runs = site.task_runs(state, shards(site, state.result()["generation"]) * len(STEPS))
    stored = site.client.read_flow_run(flow_run_of(state)).state
    home = Path(os.environ["PREFECT_HOME"])
    assert stored is not None
    assert [None] == list({getattr(run.state.data, "storage_key", None) for run in runs if run.state} | {stored.data})
    assert [] == [path for path in (home / "storage").rglob("*") if path.is_file()]


def test_a_second_run_finds_nothing_to_do(site: Site) -> None:
    first = site.nightly().result()
    state = site.nightly()
    assert ("unchanged", False) == (state.result()["decision"], state.result()["built"])
    assert first["generation"] == state.result()["generation"]
    assert [] == site.task_runs(state, 0)
    assert "Completed" == state.name


def test_a_refused_candidate_leaves_the_alias_alone_and_the_run_is_completed_as_refused(site: Site) -> None:
    site.nightly()
    before = aliases(site)
    site.settings(gate={"floors": {"fused.ndcg@10": 1.0}}, max_deleted_share=1.0)
    for topic in ("copper", "granite", "walnut"):
        site.write(topic, f"# Something else\n\nNothing here is about {topic[::-1]} any more.\n")
    state = site.nightly()
    assert ("refused", "Refused") == (state.result()["decision"], state.name)
    assert state.is_completed()
    assert state.message is not None
    assert "fused.ndcg@10" in state.message
    assert before == aliases(site)


def test_a_manual_index_waits_for_a_person(site: Site) -> None:
    site.settings(decide="manual")
    state = site.nightly()
    assert ("waiting", "Waiting", True) == (state.result()["decision"], state.name, state.is_completed())
    assert {} == aliases(site)


def test_a_run_that_may_not_promote_waits_for_a_person(site: Site) -> None:
    assert "Waiting" == site.nightly(promote=False).name


def test_a_fatal_error_fails_the_flow_run_with_its_message(site: Site) -> None:
    site.nightly()
    before = aliases(site)
    for path in (site.folder / "documents").iterdir():
        path.unlink()
    site.write("copper")
    state = site.nightly()
    stored = site.client.read_flow_run(flow_run_of(state)).state
    assert state.is_failed()
    assert stored is not None
    assert stored.message is not None
    assert "DeleteGuardTripped" in stored.message
    assert before == aliases(site)


def test_the_digest_is_that_of_a_run_without_prefect(site: Site, tmp_path: Path) -> None:
    site.write("rst", "")
    (site.folder / "documents" / "page.html").write_text("<h1>Beams</h1><p>The beam lies beside the gate.</p>")
    (site.folder / "documents" / "notes.txt").write_text("Plain words about a beam.")
    through_prefect = site.nightly().result()["digest"]
    site.settings({"lake": str(tmp_path / "other lake")})
    services = opened(site)
    services.vectors = QdrantIndex.in_memory()
    try:
        inline = pipeline.run(services, WHOLE, InlineExecutor(services), lambda _: True)
    finally:
        wiring.close_services(services)
    assert inline.digest == through_prefect


@pytest.mark.parametrize("breaks", [False, True])
def test_services_are_opened_once_and_no_engine_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: bool
) -> None:
    site.settings({"state": str(tmp_path / "state")}, **({"max_deleted_share": 2} if False else {}))
    calls = []

    def counted(*arguments: Any) -> Services:
        calls.append(arguments)
        services = wiring.open_services(*arguments)
        if breaks:
            services.tokenizer = None  # type: ignore[assignment]
        return services

    monkeypatch.setattr(flows.nightly, "open_services", counted)
    state = site.nightly()
    folder = tmp_path / "state" / "qdrant"
    assert breaks == state.is_failed()
    assert 1 == len(calls)
    assert not engine.status(folder).in_use
    assert locks.wait_until(lambda: not engine.status(folder).running, 30)


def artifact(site: Site, state: State[Any]) -> str:
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]))
    found = eventually(lambda: site.client.read_artifacts(artifact_filter=only))
    assert 1 == len(found)
    return str(found[0].data)


def test_people_see_steps_records_and_a_table_of_the_run(site: Site) -> None:
    state = site.nightly()
    lines = site.logs(state, "release 1 (promote)")
    text = "\n".join(lines)
    report = state.result()
    for promised in ("plan of ", "chunk: ", "conservation: ", f"verdict on {report['generation']}: yes"):
        assert promised in text
    shown = artifact(site, state)
    assert f"# Run of `{site.index}`: promoted" in shown
    assert "| points | 6 |" in shown


def test_no_secret_reaches_logs_state_or_parameters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("QDRANT_API_KEY", "hush-4711")
    state = site.nightly()
    assert state.is_failed()
    run = site.client.read_flow_run(flow_run_of(state))
    lines = site.logs(state, "IndexUnavailable")
    assert "hush-4711" not in "\n".join([*lines, str(state), run.model_dump_json()])


def test_the_flow_tells_nothing_to_others() -> None:
    assert partial(os.environ.get, "DO_NOT_TRACK")() == "1"


def test_wrong_parameters_are_refused_before_anything_runs(site: Site) -> None:
    with pytest.raises(Exception, match="window"):
        nightly({"settings": str(site.settings_path), "window": 0})
    assert not (site.folder / "lake").exists()
