"""The backfill flow on a real Prefect server: what it passes on, and a dry run that ends with the plan."""

from typing import Any

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State

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
