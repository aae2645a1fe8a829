"""The two servers of the demo, each in a process of its own: a local S3 endpoint, and a Prefect server."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_SECONDS = 120
STOP_SECONDS = 20


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    name: str, command: list[str], health: str, folder: Path, env: Mapping[str, str], keep: bool
) -> Iterator[int]:
    """Start a server, wait until `health` answers, yield its process id; stop it and all its children at the end.

    Raises: RuntimeError with the end of its log when it does not come up.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **env},
            preexec_fn=None if keep else _end_with_parent,  # noqa: PLW1509 - no threads yet
        )
    stop = True
    try:
        _wait(process, health, name, log)
        yield process.pid
        stop = not keep
    finally:
        if stop:
            _stop(process)


def s3_command(port: int) -> list[str]:
    """Return the command of a local S3 endpoint."""
    return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]


def prefect_command(port: int) -> list[str]:
    """Return the command of a Prefect server."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]


def _end_with_parent() -> None:
    """Ask the kernel to stop this process when the demo is killed, whatever killed it (PR_SET_PDEATHSIG)."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], health: str, name: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(health, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{name} did not answer at {health} within {START_SECONDS} s; the end of {log}:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and every child in its group, with SIGKILL what SIGTERM leaves."""
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_)
        except ProcessLookupError:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
