"""Reconcile, retire, revoke, sync permissions and replay, as a person starts them in Prefect's UI."""

from typing import Any

import httpx
import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import State
from prefect.client.schemas.sorting import ArtifactSort

from ingest_flows.quarantine import replay_quarantine
from ingest_flows.upkeep import reconcile, retire, revoke, sync_permissions
from tests.integration.ingest_flows.conftest import Site, flow_run_of


def artifact(site: Site, kind: str) -> str:
    """Return the newest artifact of a kind of a site's index."""
    chosen = ArtifactFilter(key=ArtifactFilterKey(any_=[f"{site.index}-{kind}"]))
    return str(site.client.read_artifacts(artifact_filter=chosen, sort=ArtifactSort.CREATED_DESC)[0].data)


def test_people_compare_revoke_lift_and_retire_and_each_leaves_an_artifact(site: Site) -> None:
    generation = site.run_inline().generation
    target = {"settings": site.settings_path, "return_state": True}

    compared: State[Any] = reconcile(**target)
    assert f"all is as it should be: release 1, generation {generation}, 0 points mended" == compared.message
    assert "| points | 6 |" in artifact(site, "reconcile")

    revoked = revoke(uris=[site.uri("copper.md")], why="asked for by its author", **target)
    assert ("revoked: 1 documents, by decision 1", "Completed") == (revoked.message, revoked.name)
    assert f"| {generation} | 1 |" in artifact(site, "revocation")
    lifted = revoke(lift=1, why="withdrawn", **target)
    assert "lifted: the next run brings the documents of revocation 1 back" == lifted.message

    retired = retire(**target)
    assert "dry run: 0 generations and 0 files would be removed" == retired.message
    assert "synced: 0 documents are seen by fewer" == sync_permissions(**target).message


def test_what_is_in_quarantine_is_tried_again_alone_and_the_run_says_so_in_its_name(site: Site) -> None:
    (site.folder / "documents" / "broken.pdf").write_bytes(b"%PDF-1.7\nno more than that\n")
    site.run_inline()
    target = {"settings": site.settings_path, "index": site.index, "return_state": True}
    again = replay_quarantine(errors=["MalformedDocument"], **target)
    assert again.is_completed()
    run = site.client.read_flow_run(flow_run_of(again))
    assert f"replay-quarantine of {site.index}: errors MalformedDocument" == run.name
    nothing = replay_quarantine(errors=["ParserTimeout"], **target)
    assert "UnknownDocument" in str(nothing.message)


def test_an_artifact_that_the_server_does_not_take_undoes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run_inline()

    def away(*_: Any, **__: Any) -> None:
        raise httpx.ConnectError("nobody answers")

    monkeypatch.setattr("ingest_flows.artifacts.create_markdown_artifact", away)
    revoked = revoke(
        settings=site.settings_path, uris=[site.uri("copper.md")], why="asked for by its author", return_state=True
    )
    assert ("revoked: 1 documents, by decision 1", "Completed") == (revoked.message, revoked.name)


def test_a_revocation_names_documents_or_one_to_lift_and_not_both(site: Site) -> None:
    for wrong in ({}, {"uris": ["file:///a"], "lift": 1}):
        state = revoke(settings=site.settings_path, why="a reason", return_state=True, **wrong)
        assert "one of both" in str(state.message)
