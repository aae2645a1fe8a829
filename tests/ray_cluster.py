"""A Ray cluster on this machine: nodes that `ray start` starts, on loopback alone, behind a token, ended by pid.

    python -m tests.ray_cluster start --head --node-ip-address=127.0.0.1 …

is `ray start`, but for what Ray does on Linux to an address of loopback: it takes another one of the machine.
"""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from ingest.adapters.executors.ray import RayExecutor
from ingest.records import ExecutorOptions

START_SECONDS = 120.0
MEMORY = 80_000_000  # bytes of a node's object store: only markers go through it
TOKEN = secrets.token_hex(32)  # of all clusters of this process: Ray reads it once
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # bind to loopback
    "RAY_DISABLE_IMPORT_WARNING": "1",
}


class Node:
    """One `ray start`."""

    def __init__(self, folder: Path, *options: str, environment: dict[str, str]) -> None:
        self.log = folder.with_suffix(".log")
        plain = ["--node-ip-address=127.0.0.1", "--include-log-monitor=false", f"--object-store-memory={MEMORY}"]
        command = [sys.executable, "-m", "tests.ray_cluster", "start", "--block", f"--temp-dir={folder}", *plain]
        with self.log.open("wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen([*command, *options], **streams, env=environment, start_new_session=True)

    def wait(self) -> None:
        """Return once it has started."""
        ends = time.monotonic() + START_SECONDS
        while "Ray runtime started" not in (told := self.log.read_text(errors="replace")):
            assert self.process.poll() is None, told[-2000:]
            assert time.monotonic() < ends, told[-2000:]
            time.sleep(0.1)

    def processes(self, title: str = "") -> list[psutil.Process]:
        """Return its processes, or those whose title begins so: `ray::at_worker` runs a step."""
        try:
            root = psutil.Process(self.process.pid)
            found = [root, *root.children(recursive=True)]
            return [one for one in found if "".join(one.cmdline()[:1]).startswith(title)]
        except psutil.NoSuchProcess:  # one that ended meanwhile, if not the root
            return [] if self.process.poll() is not None else self.processes(title)

    def kill(self) -> None:
        """Kill all of its processes at once, as the loss of a machine does."""
        found = self.processes()
        for one in found:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(found, timeout=10)
        self.process.wait()


class Cluster:
    """A head, and the nodes that were added to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.token = folder, TOKEN
        self.nodes: list[Node] = []
        path = os.pathsep.join(p for p in sys.path if p)
        self.environment = {**os.environ, **ENVIRONMENT, "RAY_AUTH_TOKEN": self.token, "PYTHONPATH": path}
        self.ports = [free_port() for _ in range(3)]
        self.address = f"127.0.0.1:{self.ports[0]}"

    def add(self, cpus: int = 1) -> Node:
        """Add a node; the first one is the head."""
        options = [f"--address={self.address}"]
        if not self.nodes:
            names = ("port", "ray-client-server-port", "dashboard-port")
            options = [f"--{name}={port}" for name, port in zip(names, self.ports, strict=True)]
            options += ["--head", "--include-dashboard=false"]
        options += [f"--num-cpus={cpus}", "--num-gpus=0"]
        node = Node(self.folder / f"n{len(self.nodes)}", *options, environment=self.environment)
        self.nodes.append(node)
        node.wait()
        return node

    def processes(self, title: str) -> list[psutil.Process]:
        """Return the processes of all nodes whose title begins so."""
        return [one for node in self.nodes for one in node.processes(title)]


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def cluster(cpus: int = 1) -> Iterator[Cluster]:
    """Start a cluster with one node; kill all of its nodes at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:  # a socket's path is short
        made = Cluster(Path(folder))
        try:
            made.add(cpus)
            yield made
        finally:
            for node in reversed(made.nodes):
                node.kill()


@pytest.fixture(scope="module")
def node() -> Iterator[Cluster]:
    """A cluster of one node, of which this process may be a driver."""
    with pytest.MonkeyPatch.context() as patch, cluster(cpus=2) as made:
        for name, value in {**ENVIRONMENT, "RAY_AUTH_TOKEN": made.token}.items():
            patch.setenv(name, value)
        import ray  # which reads these at its import

        yield made
        ray.shutdown()


@pytest.fixture
def executor(node: Cluster, tmp_path: Path) -> RayExecutor:
    """An executor for the project in `tmp_path`."""
    from tests.integration.adapters.executors.test_processes import services_of

    options = ExecutorOptions(kind="ray", address=node.address, gpus=0)
    return RayExecutor(partial(services_of, str(tmp_path)), options, workers=2)


def main() -> None:
    """Do what `ray` does, on loopback."""
    from ray._private import ray_constants, services

    ray_constants.ENABLE_RAY_CLUSTER = True  # of this process: the variable is for those that it starts
    services.resolve_ip_for_localhost = lambda host: host
    from ray.scripts.scripts import main as ray

    ray()


if __name__ == "__main__":
    main()
