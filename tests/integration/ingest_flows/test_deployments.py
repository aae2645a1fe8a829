"""src/ingest_flows/prefect.yaml: what it names exists, and a real server takes it and enforces its parameters."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL

ROOT = Path(__file__).parents[3]
FILE = ROOT / "src" / "ingest_flows" / "prefect.yaml"
LOADED: dict[str, Any] = yaml.safe_load(FILE.read_text())
DEPLOYMENTS = {d["name"]: d for d in LOADED["deployments"]}

IMPORTS = """
import sys, prefect, prefect.artifacts, prefect.task_runners, ingest.wiring
told = []
EVENTS = ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.mkdir", "os.remove", "os.rename")
def hear(event, args):
    writes = event == "open" and set(str(args[1])) & set("wax+") and ".pyc" not in str(args[0])
    if event in EVENTS or writes:
        told.append((event, args[:2]))
sys.addaudithook(hear)
import ingest_flows.executor, ingest_flows.nightly, ingest_flows.parameters, ingest_flows.release, ingest_flows.report
assert not told, told
assert not ingest_flows.executor._opened
"""


@pytest.fixture(scope="module")
def deployed(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """The deployments as `prefect deploy --all` made them on the test server."""
    for pool in {d["work_pool"]["name"] for d in DEPLOYMENTS.values()}:
        client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(FILE)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: client.read_deployment_by_name(f"{name}/{name}") for name in DEPLOYMENTS}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_entrypoint_is_a_flow_whose_signature_takes_the_parameters(name: str) -> None:
    found = load_flow_from_entrypoint(DEPLOYMENTS[name]["entrypoint"], use_placeholder_flow=False)
    missing = {} if name in ("nightly", "evaluate") else {"why": "a reason"}
    given = {**DEPLOYMENTS[name]["parameters"]["parameters"], **missing}
    assert name == found.name
    assert "settings" in found.validate_parameters({"parameters": given})["parameters"].model_fields_set


def test_promote_and_rollback_have_no_reason_of_their_own() -> None:
    assert not [n for n in ("promote", "rollback") if "why" in DEPLOYMENTS[n]["parameters"]["parameters"]]


def test_the_nightly_schedule_is_a_cron_line() -> None:
    (schedule,) = DEPLOYMENTS["nightly"]["schedules"]
    assert "Etc/UTC" == CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"]).timezone
    with pytest.raises(ValueError, match="cron"):
        CronSchedule(cron="0 25 * * *")


def test_a_slow_night_is_not_piled_up(deployed: dict[str, DeploymentResponse]) -> None:
    limit, options = deployed["nightly"].global_concurrency_limit, deployed["nightly"].concurrency_options
    assert limit is not None
    assert options is not None
    assert (1, "CANCEL_NEW") == (limit.limit, options.collision_strategy.value)
    assert ["0 2 * * *"] == [getattr(s.schedule, "cron", None) for s in deployed["nightly"].schedules]


def test_usage_reports_are_off_where_a_deployment_runs(deployed: dict[str, DeploymentResponse]) -> None:
    for deployment in deployed.values():
        environment = deployment.job_variables["env"]
        assert ("false", "1") == (environment["PREFECT_SERVER_ANALYTICS_ENABLED"], environment["DO_NOT_TRACK"])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("nightly", {"window": 0}),
        ("nightly", {"windw": 1}),
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
        client.create_flow_run_from_deployment(deployed[name].id, parameters={"parameters": wrong})
    assert refused.value.response.status_code in (409, 422)


def test_the_api_takes_right_parameters(deployed: dict[str, DeploymentResponse], client: SyncPrefectClient) -> None:
    run = client.create_flow_run_from_deployment(
        deployed["rollback"].id, parameters={"parameters": {"settings": "ingest.yaml", "why": "a reason", "to": 2}}
    )
    assert run.deployment_id == deployed["rollback"].id


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
