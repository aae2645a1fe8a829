"""A candidate that a person decides about in Prefect's UI: the run is suspended, and goes on with the answer.

The runs are of deployments, as only these can be suspended; they are begun here as a worker would begin them.
"""

from typing import Any
from uuid import UUID

import pytest
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Pending

from ingest.release.generation_states import waiting_candidate
from ingest_flows.backfill import backfill
from ingest_flows.deployments import deploy
from ingest_flows.nightly import nightly
from tests.integration.ingest_flows.conftest import Site


class Builds:
    """Runs of a site's deployments that build its index, in this process."""

    def __init__(self, site: Site, client: SyncPrefectClient) -> None:
        self.site, self.client = site, client

    def begin(self, flow: Flow[..., Any]) -> UUID:
        """Begin a run, which is suspended, and return its id."""
        deployment = self.client.read_deployment_by_name(f"{flow.name}/{self.site.index}")
        values = {**deployment.parameters, "settings": str(self.site.settings_path)}
        run = self.client.create_flow_run_from_deployment(deployment.id, parameters=values).id
        with pytest.raises(Pause):
            self.go_on(flow, run)
        return run

    def go_on(self, flow: Flow[..., Any], run: UUID) -> None:
        """Do what a worker does with a run that is due."""
        self.client.set_flow_run_state(run, Pending())
        run_flow(flow, flow_run=self.client.read_flow_run(run))

    def answer(self, flow: Flow[..., Any], run: UUID, **answer: Any) -> State[Any]:
        """Resume a suspended run with what a person entered, and return its last state."""
        self.client.resume_flow_run(run, run_input=answer)
        self.go_on(flow, run)
        return self.state(run)

    def state(self, run: UUID) -> State[Any]:
        state = self.client.read_flow_run(run).state
        assert state is not None
        return state


def test_a_waiting_candidate_suspends_its_run_and_a_person_decides_unless_a_newer_one_takes_its_place(
    site: Site, client: SyncPrefectClient
) -> None:
    site.settings(decide="manual")
    deploy(site.settings_path)
    builds = Builds(site, client)
    first = builds.begin(nightly)
    with site.opened() as services:
        lake = services.bench.lake
        newest = lake.leases.newest()
        assert newest is not None
        assert ("", None, "Suspended") == (newest[1].holder, lake.decision(), builds.state(first).name)
        site.write("copper", "# About copper\n\nThe copper beam is stored beside the copper gate, with the rope.\n")
        second = builds.begin(backfill)
        superseded = builds.state(first)
        assert StateType.CANCELLED == superseded.type
        assert str(superseded.message).startswith("superseded by generation 0002-")

        approved = builds.answer(backfill, second, decision="approve", reason="read the verdict")
        assert str(approved.message).startswith("promoted as release 1: generation 0002-")
        decision = lake.decision()
        assert decision is not None
        assert (1, "read the verdict") == (decision.number, decision.why)

        site.write("granite", "# About granite\n\nThe granite beam is stored beside the granite gate, with a hook.\n")
        refused = builds.answer(nightly, builds.begin(nightly), decision="refuse", reason="not before the fair")
        assert "Refused" == refused.name
        assert str(refused.message).endswith(", by a person: not before the fair")
        (declined,) = [made for _, made in lake.decisions.after(0)]
        assert ("decline", "not before the fair") == (declined.kind, declined.why)
        assert None is waiting_candidate(lake, services.bench.options.profile)
        assert decision == lake.decision()
