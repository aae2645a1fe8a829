"""The command line on a real Ray cluster of two nodes, the lake on S3; nodes and processes come and go.

`make ray-test` runs it. Everything is on loopback; what is killed is killed by pid.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from ingest.adapters.s3_client import open_client
from ingest.adapters.vectors.edge.engine import Engine
from ingest.records import EVERYTHING
from ingest.services import Services
from ingest.settings import load_settings
from ingest.wiring.service_opening import open_services
from tests.pipelines import document
from tests.ray_cluster import Cluster, cluster
from tests.s3_server import NUMBERS, FaultyS3, aws_environment, serve

if "RAY_TEST" not in os.environ:
    pytest.skip("`make ray-test` runs this, on a cluster of two nodes", allow_module_level=True)

__all__ = ["aws_environment"]

DOCUMENTS, PER_SHARD = 48, 3
PATIENCE = 900.0  # seconds for a run, and for what a test waits for in it
COSINE = 0.9999  # of the vectors of one chunk, computed in batches of other sizes


@dataclass
class World:
    """Documents on a slow S3 that counts who fetches them, and a folder with the settings of each lake."""

    server: FaultyS3
    folder: Path
    stack: ExitStack
    bucket: str = field(default_factory=lambda: f"world-{next(NUMBERS)}")  # the server forgets none
    gets: Counter[str] = field(default_factory=Counter)
    slow: dict[str, float] = field(default_factory=dict)  # seconds by what stands in a path

    def __post_init__(self) -> None:
        self.app, self.server.app = self.server.app, self.answer
        with closing(open_client(self.server.options())) as client:
            client.create_bucket(Bucket=self.bucket)
            for n in range(DOCUMENTS):
                client.put_object(Bucket=self.bucket, Key=f"docs/d{n:03d}.md", Body=document(n).encode())

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as S3 does, later where a test wants it so."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "GET" and "/docs/d" in path and path.endswith(".md"):
            self.gets[path.rpartition("/")[2]] += 1
        time.sleep(sum(seconds for part, seconds in self.slow.items() if part in path))
        return self.app(environ, start_response)

    def lake(self, name: str, model: dict[str, str], **executor: Any) -> "Site":
        """Return a new lake, with a vector index of its own."""
        folder = self.folder / name
        folder.mkdir()
        engine = Engine(folder / "engine")
        url, token = engine.address()
        self.stack.callback(engine.close)
        index = {
            "sources": [{"name": "docs", "uri": f"s3://{self.bucket}/docs"}],
            "model": model,
            "documents_per_shard": PER_SHARD,
            "lease_seconds": 5.0,
            "gate": {"allow_unjudged": True, "floors": {}},
            "chunking": {"target_tokens": 30, "max_tokens": 48, "min_tokens": 8},
        }
        s3 = {"endpoint_url": self.server.url, "region": "us-east-1", "addressing_style": "path"}
        settings = {
            "lake": f"s3://{self.bucket}/{name}",
            "s3": s3,
            "state": "state",
            "indexes": {"docs": index},
            **executor,
        }
        (folder / "ingest.yaml").write_text(yaml.safe_dump(settings))
        return Site(self, folder, {"QDRANT_URL": url, "QDRANT_API_KEY": token})


@dataclass
class Site:
    """One lake, and runs of the command line on it."""

    world: World
    folder: Path
    qdrant: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """Start `ingest run`; kill it at the end of the block if it still runs."""
        environment = {**os.environ, **self.qdrant, **self.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "ingest", "--json", "run"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=self.folder, env=environment, **pipes) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, during: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Return the report of a run, while something happens to it."""
        with self.running() as process:
            trouble = threading.Thread(target=during, daemon=True)
            trouble.start()
            told, errors = process.communicate(timeout=PATIENCE)
            trouble.join(10)
            assert process.returncode == 0, errors[-3000:]
        return dict(json.loads(told))

    @cached_property
    def services(self) -> Services:
        """What this process reads the lake and the index with."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.qdrant.items():
                patch.setenv(name, value)
            services = open_services(load_settings(self.folder / "ingest.yaml"))
        self.world.stack.callback(services.bench.close)
        return services

    def points(self) -> dict[str, tuple[dict[str, Any], Any]]:
        """Return payload, with its digest, and vector of each point, by id, as the alias serves them."""
        vectors = self.services.retrieval.vectors
        name = vectors.aliases()["docs"]
        found = vectors.retrieve(name, [point.id for point in vectors.scroll(name, EVERYTHING)], vectors=True)
        return {name: (point.payload, point.vector) for name, point in found.items()}

    def finished(self) -> set[str]:
        """Return the names of the documents whose slices are done."""
        lake, done = self.services.bench.lake, set[str]()
        for key, _, _ in lake.store.walk():
            if "/markers/chunk/" in key:
                _, _, generation, _, _, name = key.split("/")
                shard, plan_hash = name.removesuffix(".json").split("-")
                plan = lake.shard_plan(generation, int(shard), plan_hash)
                done |= {document.uri.rpartition("/")[2] for document in plan.documents}
        return done


def until(happens: Callable[[], Any]) -> Any:
    """Return what a function returns once that is true."""
    ends = time.monotonic() + PATIENCE
    while not (found := happens()):
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.05)
    return found


def kill(process: psutil.Process) -> None:
    process.kill()
    process.wait(30)


@pytest.fixture
def world(tmp_path: Path, aws_environment: pytest.MonkeyPatch) -> Iterator[World]:
    with serve() as server, ExitStack() as stack:
        yield World(server, tmp_path, stack)


@pytest.fixture
def nodes(aws_environment: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with cluster(cpus=1) as made:
        made.add()
        yield made


def on(nodes: Cluster, site: Site) -> Site:
    """Let the driver of a site know the cluster's token."""
    names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_USAGE_STATS_ENABLED", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    site.environment = {name: nodes.environment[name] for name in names}
    return site


def ray(nodes: Cluster, models: int = 1) -> dict[str, Any]:
    return {"workers": 2, "executor": {"kind": "ray", "address": nodes.address, "models": models, "gpus": 0}}


HASHING = {"kind": "hashing", "name": "hashing"}
DEFAULT = {"kind": "sentence_transformer", "name": "default"}


def reference(world: World, model: dict[str, str]) -> tuple[str, Any]:
    site = world.lake(f"processes-{model['kind'].replace('_', '-')}", model, workers=2)
    report = site.run()
    assert report["decision"] == "promoted"
    world.gets.clear()
    return report["digest"], site.points()


def same(site: Site, report: dict[str, Any], expected: tuple[str, Any]) -> None:
    """Check digest, points and vectors of what a run promoted."""
    digest, points = expected
    assert (report["decision"], report["digest"]) == ("promoted", digest)
    found = site.points()
    assert {name: payload for name, (payload, _) in points.items()} == {name: found[name][0] for name in found}
    cosines = [float(vector @ found[name][1]) for name, (_, vector) in points.items()]
    assert min(cosines) >= COSINE


def test_two_nodes_build_the_generation_of_one_machine_and_fetch_nothing_twice(world: World, nodes: Cluster) -> None:
    expected = reference(world, DEFAULT)
    site = on(nodes, world.lake("ray", DEFAULT, **ray(nodes, models=2)))
    same(site, site.run(), expected)
    assert {f"d{n:03d}.md": 1 for n in range(DOCUMENTS)} == world.gets


def test_a_worker_a_node_and_an_actor_are_killed_and_a_node_is_added_and_only_what_was_under_way_is_done_again(
    world: World, nodes: Cluster
) -> None:
    expected = reference(world, HASHING)
    site = on(nodes, world.lake("ray", HASHING, **ray(nodes)))
    world.slow = {".md": 2.0, "/embeddings/": 0.5}
    done: list[set[str]] = []
    killed: list[str] = []

    def trouble() -> None:
        first, second = nodes.nodes
        until(lambda: len(site.finished()) >= 2 * PER_SHARD)
        kill(until(lambda: first.processes("ray::at_worker"))[0])
        done.append(site.finished())
        killed.append("worker")
        until(lambda: len(site.finished()) >= 4 * PER_SHARD)
        until(lambda: second.processes("ray::at_worker"))
        done.append(site.finished())
        second.kill()
        killed.append("node")
        third = nodes.add()
        kill(until(lambda: nodes.processes("ray::ModelHolder.run"))[0])
        killed.append("actor")
        until(lambda: third.processes("ray::at_worker"))
        killed.append("none of the new node")

    report = site.run(trouble)
    assert ["worker", "node", "actor", "none of the new node"] == killed
    same(site, report, expected)
    for finished in done:
        assert finished
        assert {1} == {world.gets[name] for name in finished}
    again = {name for name, times in world.gets.items() if times > 1}
    assert len(again) <= 2 * 2 * PER_SHARD  # two losses, and two slices under way at each


def test_a_killed_driver_leaves_nothing_behind_that_runs_and_the_next_run_resumes(world: World, nodes: Cluster) -> None:
    expected = reference(world, HASHING)
    site = on(nodes, world.lake("ray", HASHING, **ray(nodes)))
    world.slow = {".md": 1.0}
    with site.running() as driver:
        until(lambda: len(site.finished()) >= 3 * PER_SHARD)
        driver.kill()
        driver.communicate()
    until(lambda: not nodes.processes("ray::at_worker"))
    done = site.finished()
    assert 3 * PER_SHARD <= len(done) < DOCUMENTS
    report = site.run()
    assert report["resumed"] is True
    same(site, report, expected)
    assert {1} == {world.gets[name] for name in done}


def test_a_wrong_token_and_a_head_that_does_not_answer_are_told_by_name(world: World, nodes: Cluster) -> None:
    site = on(nodes, world.lake("ray", HASHING, **ray(nodes)))
    site.environment["RAY_AUTH_TOKEN"] = "0" * 64
    with site.running() as driver:
        _, errors = driver.communicate(timeout=PATIENCE)
    assert (driver.returncode, "RAY_AUTH_TOKEN" in errors) == (4, True), errors[-2000:]
    nodes.nodes[0].kill()
    with site.running() as driver:
        _, errors = driver.communicate(timeout=PATIENCE)
    assert (driver.returncode, f"{nodes.address}: [Errno 111]" in errors) == (4, True), errors[-2000:]
