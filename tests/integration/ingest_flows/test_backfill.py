"""The backfill flow on a real Prefect server: what it passes on, and a dry run that ends with the plan."""

from typing import Any

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

from ingest.errors import BudgetExceeded
from ingest_flows.backfill import backfill
from tests.integration.ingest_flows.conftest import Site, eventually, flow_run_of


def run(site: Site, **parameters: Any) -> State[dict[str, Any]]:
    """Run the flow and return its final state."""
    return backfill(settings=site.settings_path, **parameters, return_state=True)


def artifact(site: Site, state: State[Any]) -> tuple[str | None, str]:
    """Return the key and the text of the artifact that a run left."""
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]))
    (found,) = eventually(lambda: site.client.read_artifacts(artifact_filter=only))
    return found.key, str(found.data)


def test_a_dry_run_ends_with_the_plan_as_an_artifact_and_builds_nothing(site: Site) -> None:
    before = site.run_inline()
    state = run(site, force=["parse"], prefixes=[site.uri("c")], dry_run=True)
    key, text = artifact(site, state)
    assert ("Completed", f"planned: on base {before.generation}") == (state.name, state.message)
    assert f"{site.index}-plan" == key
    for promised in (f"# Plan of a run of `{site.index}`", "| repeated | 2 |", "| out of scope | 4 |"):
        assert promised in text
    assert {site.index, f"{site.index}@1"} == set(site.aliases())


def test_a_budget_of_its_own_ends_a_run_before_anything_is_spent_and_is_named(site: Site) -> None:
    site.settings(tokens_per_second=0.01)
    refused = run(site, max_gpu_minutes=1, dry_run=True)
    assert ("Refused", True) == (refused.name, "the budget is 1.0 (max_gpu_minutes)" in str(refused.message))
    failed = site.nightly(max_gpu_minutes=1)
    assert BudgetExceeded is type(failed.result(raise_on_failure=False))
    with site.opened() as services:
        assert 0 == services.bench.lake.claims.last()
    site.settings(tokens_per_second=0.01, max_gpu_minutes=1)
    assert "Completed" == run(site, max_gpu_minutes=0, dry_run=True).name


def test_what_a_parser_read_is_planned_and_named(site: Site) -> None:
    (site.folder / "documents" / "notes.txt").write_text("Plain words about a beam.")
    site.run_inline()
    state = run(site, parsers=["plain"], force=["parse"], dry_run=True)
    counts = state.result()["counts"]
    assert (1, 6) == (counts["repeated"], counts["out_of_scope"])
    assert (
        "backfill of the index: dry run; parsers plain; force parse"
        == site.client.read_flow_run(flow_run_of(state)).name
    )


def test_a_backfill_builds_what_was_chosen_and_promotes_it_or_leaves_that_to_a_person(site: Site) -> None:
    site.run_inline()
    chosen = {"uris": [site.uri("copper.md")], "force": ["parse", "embed"]}
    waiting = run(site, **chosen, promote=False)
    assert "Waiting" == waiting.name
    state = run(site, **chosen)
    report = state.result()
    assert ("Completed", "promoted", 2) == (state.name, report["decision"], report["release"])
    assert {"repeated": 1, "out_of_scope": 5} == {
        k: report["conservation"]["listed"][k] for k in ("repeated", "out_of_scope")
    }
    assert 1 == report["embedded"]
