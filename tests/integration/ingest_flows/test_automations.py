"""The automations as files: a real server takes them, events of the flows set them off, and blocks are named.

That a run which falls silent is ended as Crashed is shown with a worker, in test_one_at_a_time.py.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import pytest
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.flow_engine import run_flow
from prefect.states import Pending

from ingest.errors import InvalidSettings
from ingest.records import CarriedOrigin, RunReport
from ingest_flows import events
from ingest_flows.automations import apply, automations
from tests.integration.ingest_flows.conftest import PATIENCE_SECONDS, eventually

PAUSE = "ingest: pause a schedule after repeated refusals"


def test_without_a_block_only_what_needs_none_is_applied_and_again_changes_nothing(client: SyncPrefectClient) -> None:
    assert [PAUSE] == apply(client, {"people": None}) == apply(client, {}, refusals=2)
    (found,) = client.read_automations_by_name(PAUSE)
    assert (2, {"ingest.generation.refused"}, "pause-deployment") == (
        found.trigger.threshold,
        found.trigger.expect,
        found.actions[0].type,
    )


class Heard(BaseHTTPRequestHandler):
    """Somebody who is told: what was posted."""

    told: ClassVar[SimpleQueue[dict[str, Any]]] = SimpleQueue()

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[str]:
    """Yield the address of somebody who is told, as long as the block lasts."""
    server = HTTPServer(("127.0.0.1", 0), Heard)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run_that_tells(client: SyncPrefectClient, name: str, index: str, *sent: str) -> UUID:
    """Run a flow of a deployment that sends events about an index, and return the deployment's id."""
    telling = flow(name=name)(lambda: [events.tell(event, index, generation="0002-aa") for event in sent] and None)
    deployment = client.create_deployment(client.create_flow(telling), name=index)
    run = client.create_flow_run_from_deployment(deployment).id
    client.set_flow_run_state(run, Pending())
    run_flow(telling, flow_run=client.read_flow_run(run))
    return deployment


def test_three_refusals_pause_the_schedule_of_their_index_and_of_no_other(client: SyncPrefectClient) -> None:
    apply(client, {})
    refused = partial(run_that_tells, client, "nightly")
    spared = refused("spared", *["ingest.generation.refused"] * 2, "ingest.generation.waiting")
    paused = refused("paused", *["ingest.generation.refused"] * 3)
    assert eventually(lambda: [paused] if client.read_deployment(paused).paused else [])
    assert not client.read_deployment(spared).paused


def test_a_rollback_pages_somebody_with_the_index_and_the_generation(client: SyncPrefectClient) -> None:
    with listening() as address:
        words = {"subject": "{{subject}}", "body": "{{body}}"}
        CustomWebhookNotificationBlock(name="night", url=address, json_data=words).save("night")  # type: ignore[unused-coroutine]
        apply(client, {"pager": "custom-webhook/night"})
        run_that_tells(client, "rollback", "told", "ingest.generation.rolled-back")
        told = Heard.told.get(timeout=PATIENCE_SECONDS)
    apply(client, {})
    assert "told was rolled back" == told["subject"]
    assert "0002-aa" in told["body"]


def test_a_block_that_the_server_lacks_is_named(client: SyncPrefectClient) -> None:
    with pytest.raises(InvalidSettings, match=r"the server has no block slack-webhook/ops: make it under Blocks"):
        apply(client, {"people": "slack-webhook/ops"})


def test_with_blocks_people_are_told_and_paged() -> None:
    filled = {"people": "11111111-1111-4111-8111-111111111111", "pager": "21111111-1111-4111-8111-111111111111"}
    found = automations({**filled, "refusals": "3"})
    assert ["ingest: tell people what waits or was refused", "ingest: page somebody after a rollback", PAUSE] == [
        one["name"] for one in found
    ]
    assert [*filled.values()] == [one["actions"][0]["block_document_id"] for one in found[:2]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The events that were sent, each with the resource that it is about."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(
        events, "emit_event", lambda event, resource, payload: found.append((event, resource["prefect.resource.id"]))
    )
    return found


@pytest.mark.parametrize(
    ("decision", "error", "expected"),
    [
        ("promoted", "", ["ingest.generation.promoted"]),
        ("refused", "", ["ingest.generation.refused"]),
        ("waiting", "", ["ingest.generation.waiting"]),
        ("unchanged", "", []),
        ("failed", "DeleteGuardTripped: 40 of 50 would go", ["ingest.deletions.exceeded"]),
        ("failed", "StoreUnavailable: no answer", ["ingest.run.failed"]),
    ],
)
def test_a_run_sends_what_it_came_to(sent: list[tuple[str, str]], decision: str, error: str, expected: list) -> None:
    report = RunReport(index="docs", run="r", started="", decision=decision, error=error, generation="1", release=1)
    events.tell_run(report)
    assert [(event, "ingest.index.docs") for event in expected] == sent


def test_what_decides_nothing_about_a_generation_sends_nothing(sent: list[tuple[str, str]]) -> None:
    for decision in ("lifted", "unchanged"):
        events.tell_decision(decision, "docs", generation="1")
    assert [] == sent


def test_each_source_that_is_carried_is_told(sent: list[tuple[str, str]]) -> None:
    origins = tuple(
        CarriedOrigin(name=name, since="2026-01-01T00:00:00+00:00", why=why)
        for name, why in (
            ("wiki", "its listing failed"),
            ("mail", "7 of 9 documents are in quarantine: max_quarantined_share"),
        )
    )
    report = RunReport(index="docs", run="r", started="", decision="unchanged", release=1, carried=origins)
    events.tell_run(report)
    assert ["ingest.quarantine.exceeded", "ingest.source.silent", "ingest.source.silent"] == [
        event for event, _ in sent
    ]


def test_every_event_of_an_automation_is_one_that_is_sent() -> None:
    filled = {"people": "1", "pager": "2", "refusals": "3"}
    awaited = {event for one in automations(filled) for event in one["trigger"]["expect"]}
    code = "".join(path.read_text() for path in Path(events.__file__).parent.glob("*.py"))
    fixed = {f"ingest.generation.{decision}" for decision in events.DECISIONS} | {*events.LIMITS.values()}
    assert [] == sorted(event for event in awaited - fixed if json.dumps(event) not in code)
