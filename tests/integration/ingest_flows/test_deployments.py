"""The deployments that prefect.yaml becomes: what they name exists, and a real server takes and enforces them."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from typer.main import get_command
from typer.testing import CliRunner

from ingest.cli.main import app
from ingest.documents import parsers
from ingest.errors import InvalidSettings, TransientError
from ingest.records import BuildOptions
from ingest_flows.automations import REFUSALS
from ingest_flows.deployments import SILENT_SECONDS, TEMPLATE, WATCH, Deployed, deploy

ROOT = Path(__file__).parents[3]
DEPLOYMENTS = {d["name"]: d for d in yaml.safe_load(TEMPLATE.read_text())["deployments"]}
INDEXES = ("docs", "other")

IMPORTS = """
import sys, prefect, prefect.artifacts, prefect.task_runners, ingest.wiring
told = []
EVENTS = ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir", "os.remove", "os.rename")
def hear(event, args):
    writes = event == "open" and set(str(args[1])) & set("wax+") and ".pyc" not in str(args[0])
    if event in EVENTS or writes:
        told.append((event, args[:2]))
sys.addaudithook(hear)
import ingest_flows.approval, ingest_flows.backfill, ingest_flows.deployments, ingest_flows.events
import ingest_flows.executor, ingest_flows.nightly, ingest_flows.parameters, ingest_flows.quarantine
import ingest_flows.release, ingest_flows.report, ingest_flows.upkeep
assert not told, told
assert not ingest_flows.executor._opened
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file with two indexes."""
    path = tmp_path_factory.mktemp("deployed") / "ingest.yaml"
    index = {"sources": [{"name": "notes", "uri": "documents"}], "model": {"kind": "hashing", "name": "hashing"}}
    path.write_text(json.dumps({"lake": "lake", "indexes": dict.fromkeys(INDEXES, index)}))
    return path


@pytest.fixture(scope="module")
def told(client: SyncPrefectClient, settings: Path) -> dict[str, Any]:
    """What `ingest deploy` says about it."""
    done = CliRunner().invoke(app, ["deploy", "--json", "--settings", str(settings)])
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def deployed(client: SyncPrefectClient, told: dict[str, Any]) -> dict[str, DeploymentResponse]:
    """The deployments of a settings file with two indexes, by "<flow>/<index>"."""
    names = [f"{flow}/{index}" for flow in DEPLOYMENTS for index in INDEXES]
    return {name: client.read_deployment_by_name(name) for name in names}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_entrypoint_is_a_flow_whose_signature_takes_the_parameters(name: str) -> None:
    found = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)
    missing = {"why": "a reason"} if name in ("promote", "rollback", "revoke") else {}
    given = {**DEPLOYMENTS[name]["parameters"], **missing}
    assert name == found.name
    assert {"settings", "index"} <= found.validate_parameters(given).keys() | {"index"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_field_of_a_form_is_flat_and_explains_itself(name: str) -> None:
    fields = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False).parameters
    assert [] == [field for field, schema in fields.properties.items() if not schema.get("description")]
    assert [] == [field for field, schema in fields.properties.items() if schema.get("type") == "object"]
    required = {"promote": ["why"], "rollback": ["why"], "revoke": ["why"]}
    assert required.get(name, []) == fields.required


def test_the_parsers_are_choices_of_a_backfill() -> None:
    fields = load_flow_from_entrypoint(DEPLOYMENTS["backfill"]["entrypoint"], use_placeholder_flow=False).parameters
    assert [*parsers.names()] == fields.properties["parsers"]["items"]["enum"]


def test_promote_and_rollback_have_no_reason_of_their_own() -> None:
    assert not [n for n in ("promote", "rollback", "revoke") if "why" in DEPLOYMENTS[n]["parameters"]]


def test_the_nightly_schedule_is_a_cron_line() -> None:
    (schedule,) = DEPLOYMENTS["nightly"]["schedules"]
    assert "Etc/UTC" == CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"]).timezone
    with pytest.raises(ValueError, match="cron"):
        CronSchedule(cron="0 25 * * *")


def test_every_index_has_deployments_and_a_queue_that_gives_out_one_run_to_build_it(
    deployed: dict[str, DeploymentResponse], client: SyncPrefectClient
) -> None:
    for name, deployment in deployed.items():
        flow, index = name.split("/")
        builds = flow in ("nightly", "backfill", "replay-quarantine")
        queue = client.read_work_queue(deployment.work_queue_id)
        assert (index, "ingest.yaml") == tuple(deployment.parameters[k] for k in ("index", "settings"))
        assert ((index, 1) if builds else ("default", None)) == (queue.name, queue.concurrency_limit)
        assert None is deployment.global_concurrency_limit  # one that is full would cancel or hide what waits
        schedules = ["0 2 * * *"] if flow == "nightly" else []
        assert schedules == [getattr(s.schedule, "cron", None) for s in deployment.schedules]


def test_deploying_tells_what_the_server_has_now_and_how_to_start_a_worker_for_each_pool(
    told: dict[str, Any], deployed: dict[str, DeploymentResponse], settings: Path
) -> None:
    server, pools = get_current_settings().api.url, ["ingest-gpu", "ingest-cpu"]
    assert (server, pools, [*INDEXES]) == (told["server"], told["pools"], told["queues"])
    assert sorted(deployed) == sorted(told["deployments"])
    where = f"PREFECT_API_URL={server} INGEST_HOME={settings.parent}"
    assert [f"{where} prefect worker start --pool {pool}" for pool in pools] == told["workers"]
    assert {WATCH, "ingest: pause a schedule after repeated refusals"} == {*told["automations"]}
    assert ["--people", "--pager"] == [re.findall("--[a-z]+", one)[0] for one in told["left_out"]]


def test_people_read_every_part_of_what_was_deployed(told: dict[str, Any]) -> None:
    text = "\n".join(Deployed(**told).lines())
    every = [told["server"], *(one for names in told.values() if isinstance(names, list) for one in names)]
    assert [] == [one for one in every if one not in text]


def test_the_command_line_and_the_flows_agree_on_the_default_of_refusals() -> None:
    (option,) = (p for p in get_command(app).commands["deploy"].params if p.name == "refusals")
    assert REFUSALS == option.default


def test_without_the_address_of_a_server_nothing_is_deployed(settings: Path) -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(InvalidSettings, match="names no server"),
    ):
        deploy(settings)


def test_a_server_that_does_not_answer_is_named_without_its_password(settings: Path) -> None:
    away = temporary_settings({PREFECT_API_URL: "http://me:secret@127.0.0.1:9/api"})
    with away, pytest.raises(TransientError) as told:
        deploy(settings)
    assert "http://127.0.0.1:9/api: " in str(told.value)
    assert "secret" not in str(told.value)


def test_what_falls_silent_is_ended_by_the_server(
    deployed: dict[str, DeploymentResponse], client: SyncPrefectClient
) -> None:
    (watch,) = client.read_automations_by_name(WATCH)
    assert timedelta(seconds=SILENT_SECONDS) == watch.trigger.within
    assert {"Proactive", "change-flow-run-state"} == {watch.trigger.posture.value, watch.actions[0].type}
    for name in ("nightly/docs", "backfill/docs"):
        beat = int(deployed[name].job_variables["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
        assert beat * 2 < SILENT_SECONDS


def test_the_next_run_starts_within_two_terms_of_the_lease_and_half_a_minute() -> None:
    term, worker_polls = BuildOptions.model_fields["lease_seconds"].default, 15
    assert SILENT_SECONDS + worker_polls + 30 < 2 * term + 30  # a heartbeat more of patience than is needed


def test_usage_reports_are_off_where_a_deployment_runs(deployed: dict[str, DeploymentResponse]) -> None:
    for deployment in deployed.values():
        environment = deployment.job_variables["env"]
        assert ("false", "1") == (environment["PREFECT_SERVER_ANALYTICS_ENABLED"], environment["DO_NOT_TRACK"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("nightly", {"window": 0}),
        ("replay-quarantine", {"window": "many"}),
        ("revoke", {"uris": ["file:///a.md"]}),
        ("retire", {"dry_run": "perhaps"}),
        ("backfill", {"force": ["chunk"]}),
        ("backfill", {"parsers": ["word"]}),
        ("backfill", {"max_gpu_minutes": -1}),
        ("backfill", {"uris": "file:///a.md"}),
        ("promote", {}),
        ("promote", {"why": "x"}),
        ("rollback", {"why": "a reason", "to": 0}),
        ("evaluate", {"generation": 7}),
    ],
)
def test_the_api_refuses_wrong_parameters(
    deployed: dict[str, DeploymentResponse], client: SyncPrefectClient, name: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(PrefectHTTPStatusError) as refused:
        client.create_flow_run_from_deployment(deployed[f"{name}/docs"].id, parameters=wrong)
    assert refused.value.response.status_code in (409, 422)


def test_the_api_takes_right_parameters(deployed: dict[str, DeploymentResponse], client: SyncPrefectClient) -> None:
    run = client.create_flow_run_from_deployment(
        deployed["rollback/docs"].id, parameters={"settings": "ingest.yaml", "why": "a reason", "to": 2}
    )
    assert run.deployment_id == deployed["rollback/docs"].id


def test_importing_the_flows_touches_neither_network_nor_files() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (0, "") == (done.returncode, done.stderr)


def test_usage_reports_are_off_before_prefect_is_imported() -> None:
    code = (
        "import ingest_flows, sys, os; assert 'prefect' not in sys.modules; print(os.environ['DO_NOT_TRACK'], end='')"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED")}
    done = subprocess.run(
        [sys.executable, "-c", code + "; print(os.environ['PREFECT_SERVER_ANALYTICS_ENABLED'])"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "1false\n" == done.stdout
