"""What data engineers do in the UI of Prefect, on a real server, with real workers and a real browser.

`make operate-test` runs it.

Backfill through the form, read artifacts, approve, cancel, and recover from the death of worker and run.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

if "OPERATE_TEST" not in os.environ:
    pytest.skip("`make operate-test` runs this, with a browser", allow_module_level=True)

from playwright.sync_api import Page, sync_playwright

PORT = 4298
PATIENCE = 180.0  # seconds for what a flow run does, its process included
TERM = 10.0  # seconds, of the builder's lease
TOPICS = ("copper", "granite", "walnut", "marble", "amber", "cobalt")
SCREENSHOTS = Path(__file__).parents[2] / "docs" / "prefect"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


@dataclass
class Site:
    """A folder with two indexes, a Prefect server, and a worker for each pool."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    url: str = f"http://127.0.0.1:{PORT}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_UI_API_URL": f"{self.url}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "INGEST_HOME": str(self.folder),
        }

    def write(self, topic: str, text: str = "") -> None:
        body = f"# About {topic}\n\nThe {topic} beam is stored beside the {topic} gate. {text}\n"
        (self.folder / "documents" / f"{topic}.md").write_text(body)

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a process that lives until the end, or until it is killed."""
        with (self.folder / "log.txt").open("ab") as log:
            environment = self.environment
            if "server" in command:
                environment.pop("PREFECT_API_URL")
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def worker(self, pool: str) -> subprocess.Popen[bytes]:
        return self.begin("prefect", "worker", "start", "--pool", pool)

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        call = httpx.post if body is not None else httpx.get
        answer = call(f"{self.url}/api/{path}", **({"json": body} if body is not None else {}), timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def deployment(self, flow: str, index: str) -> dict[str, Any]:
        return self.api(f"deployments/name/{flow}/{index}")

    def start(self, flow: str, index: str, **parameters: Any) -> str:
        """Ask for a run through the API, and return its id."""
        deployment = self.deployment(flow, index)
        wanted = {**deployment["parameters"], **parameters}
        return str(self.api(f"deployments/{deployment['id']}/create_flow_run", {"parameters": wanted})["id"])

    def newest(self, flow: str, index: str) -> str | None:
        """Return the id of the newest run of a deployment."""
        chosen = {"deployments": {"id": {"any_": [self.deployment(flow, index)["id"]]}}, "sort": "START_TIME_DESC"}
        found = self.api("flow_runs/filter", chosen)
        return found[0]["id"] if found else None

    def run(self, identity: str) -> dict[str, Any]:
        return self.api(f"flow_runs/{identity}")

    def until(self, identity: str, *names: str) -> dict[str, Any]:
        """Return a run as soon as its state has one of these names."""
        return self.eventually(lambda: run if (run := self.run(identity))["state"]["name"] in names else None)

    def eventually(self, look: Callable[[], Any]) -> Any:
        for _ in range(int(PATIENCE / 0.5)):
            with suppress(httpx.HTTPError):
                if found := look():
                    return found
            time.sleep(0.5)  # the server offers nothing to wait on
        raise AssertionError((self.folder / "log.txt").read_text()[-4000:])

    def artifacts(self, run: str) -> dict[str, str]:
        """Return the ids of a run's artifacts by their keys."""
        found = self.api("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
        return {artifact["key"]: artifact["id"] for artifact in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("operated"))
    (site.folder / "documents").mkdir()
    for topic in TOPICS:
        site.write(topic)
    questions = [
        {"query_id": t, "text": f"where is the {t} beam", "gold": [{"doc": f"{t}.md", "headings": [f"About {t}"]}]}
        for t in TOPICS
    ]
    (site.folder / "judged.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    index = {
        "sources": [{"name": "handbook", "uri": "documents"}],
        "model": {"kind": "hashing", "name": "hashing"},
        "judged": ["judged.jsonl"],
        "documents_per_shard": 2,
        "lease_seconds": TERM,
    }
    indexes = {"docs": index, "careful": {**index, "decide": "manual"}}
    whole = {"lake": "lake", "state": "state", "indexes": indexes}
    (site.folder / "ingest.yaml").write_text(json.dumps(whole))
    try:
        site.begin("prefect", "server", "start", "--port", str(PORT))
        site.eventually(lambda: httpx.get(f"{site.url}/api/health").is_success)
        deploy = [sys.executable, "-m", "ingest", "deploy"]
        subprocess.run(deploy, cwd=site.folder, env=site.environment, check=True, capture_output=True)
        site.worker("ingest-cpu")
        yield site
    finally:
        for process in site.processes:
            kill(process)
        shutil.rmtree(site.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield browser.new_page(viewport={"width": 1280, "height": 1000})
        browser.close()


def shoot(page: Page, name: str) -> None:
    """Keep what the browser shows for the guides."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(1500)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def worker(site: Site, pool: str = "ingest-gpu") -> Iterator[subprocess.Popen[bytes]]:
    """A worker as long as the block lasts; it lets its runs end."""
    process = site.worker(pool)
    try:
        yield process
    finally:
        kill(process)


def test_a_backfill_is_started_through_the_form_and_its_artifacts_are_read(site: Site, page: Page) -> None:
    with worker(site):
        site.until(site.start("nightly", "docs"), "Completed")
        page.goto(f"{site.url}/deployments/deployment/{site.deployment('backfill', 'docs')['id']}/run")
        page.get_by_text("Names of sources; if empty, all").wait_for()
        page.get_by_role("button", name="Add item").first.click()
        page.locator("textarea").nth(2).fill("handbook")
        page.get_by_text("Only plan; the plan becomes an artifact").scroll_into_view_if_needed()
        shoot(page, "backfill-form")
        page.get_by_role("button", name="Submit").click()
        identity = site.eventually(lambda: site.newest("backfill", "docs"))
        run = site.until(identity, "Completed", "Failed", "Crashed")
        assert ("Completed", "backfill of docs: sources handbook") == (run["state"]["name"], run["name"])
        assert "docs-run" in site.artifacts(identity)
        page.goto(f"{site.url}/artifacts/artifact/{site.artifacts(identity)['docs-run']}")
        page.get_by_text("conservation").first.wait_for()
        shoot(page, "run-artifact")


def test_why_a_candidate_was_refused_is_seen_in_a_plot(site: Site, page: Page) -> None:
    with worker(site):
        site.until(site.start("nightly", "docs"), "Completed")
        for topic in TOPICS[:2]:  # worse answers to what is asked about the others
            site.write(topic, " ".join(f"Where is the {other} beam? The {other} beam is here." for other in TOPICS[2:]))
        identity = site.start("nightly", "docs")
        site.until(identity, "Refused")
    page.goto(f"{site.url}/artifacts/artifact/{site.artifacts(identity)['docs-verdict']}")
    plot = page.get_by_alt_text("Candidate and serving release")
    plot.wait_for()
    assert plot.evaluate("image => image.complete && image.naturalWidth > 0")
    shoot(page, "verdict-artifact")


def test_a_candidate_is_approved_in_the_ui_and_nothing_runs_while_it_waits(site: Site, page: Page) -> None:
    with worker(site):
        identity = site.start("nightly", "careful")
        site.until(identity, "Suspended")
        page.goto(f"{site.url}/runs/flow-run/{identity}")
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("approve: judge once more and promote").wait_for()
        form = page.locator(".p-modal")
        form.locator(".p-select-button__control").click()
        page.keyboard.press("ArrowDown")  # the first choice: approve
        page.keyboard.press("Enter")
        form.locator("textarea").last.fill("read the verdict")
        shoot(page, "approval-form")
        form.get_by_role("button", name="Submit").click()
        run = site.until(identity, "Completed", "Failed", "Crashed")
        assert run["state"]["message"].startswith("promoted as release 1: generation 0001-")


def test_a_cancelled_run_ends_within_thirty_seconds_and_the_next_one_goes_on(site: Site) -> None:
    for topic in TOPICS:
        site.write(topic, "It is oiled twice a year.")
    with worker(site):
        first = site.start("backfill", "docs", force=["parse"])
        site.until(first, "Running")
        asked = time.monotonic()
        site.api(f"flow_runs/{first}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
        site.until(first, "Cancelled")
        assert time.monotonic() - asked < 45  # thirty seconds, and the worker asks every few
        second = site.until(site.start("backfill", "docs", force=["parse"]), "Completed", "Failed", "Crashed")
        assert "Completed" == second["state"]["name"], second["state"]["message"]


def test_after_the_death_of_worker_and_run_a_new_worker_goes_on(site: Site) -> None:
    for topic in TOPICS:
        site.write(topic, "It is oiled three times a year.")
    with worker(site) as machine:
        first, second = (site.start("backfill", "docs", force=["parse"]) for _ in range(2))
        site.until(first, "Running")
        kill(machine)
    killed = time.monotonic()
    with worker(site):
        site.until(second, "Running")
        assert time.monotonic() - killed < 2 * 60 + 30  # two terms of the default lease, and half a minute
        ended = site.until(second, "Completed", "Failed", "Crashed")
        assert "Completed" == ended["state"]["name"], ended["state"]["message"]
    assert "Crashed" == site.run(first)["state"]["name"]
