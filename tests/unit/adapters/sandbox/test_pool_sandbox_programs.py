"""Documents that need a program: LibreOffice is a script here that does what a hostile document could make it do."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.adapters.vectors.edge.locks import wait_until
from ingest.errors import DocumentError, MalformedDocument, ParserCrashed, ParserTimeout
from ingest.records import Document, ParseLimits, ParserOptions
from tests.unit.adapters.sandbox.conftest import order
from tests.unit.adapters.sandbox.test_pool_sandbox import reading_scans
from tests.unit.documents.parsers._reading.test_programs import ends
from tests.unit.documents.parsers.checks import raw

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504 + b"\xec\xa5\xc1\0" + b"\0" * 4096
MARK = f"98765.{os.getpid()}"  # seconds of sleep, by which the processes of these tests are known
LIBRARY = """
from types import SimpleNamespace
def partition_docx(file, languages):
    about = SimpleNamespace(category_depth=None, page_number=None)
    return [SimpleNamespace(category="NarrativeText", text=file.read().decode(), metadata=about)]
"""
CRYPT = """
class OfficeFile:
    def __init__(self, file): pass
    def is_encrypted(self): return False
"""
MAKE = 'while [ "$1" != --outdir ]; do shift; done; echo "from $3" > "$2/given.docx"'
SPIN = f"exec {sys.executable} -c 'while True: pass'"
EAT = f"exec {sys.executable} -c 'bytearray(2**33)'"
CALL = f"exec {sys.executable} -c 'import socket; socket.create_connection((\"127.0.0.1\", 9))'"
CRASH = f"exec {sys.executable} -c 'import ctypes; ctypes.string_at(0)'"
FORK = f"for n in 1 2 3; do (setsid sleep {MARK} & sleep {MARK} & wait) & done; wait"


@pytest.fixture
def office_scripts(tmp_path, monkeypatch):
    """Return what puts a script in LibreOffice's place."""
    for name, text in (("unstructured/partition/docx.py", LIBRARY), ("msoffcrypto.py", CRYPT)):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (tmp_path / "unstructured" / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))

    def place(script: str) -> None:
        soffice = tmp_path / "soffice"
        soffice.write_text(f"#!/bin/sh\n{script}\n")
        soffice.chmod(0o755)

    return place


@pytest.fixture
def office(office_scripts):
    """Return what parses a document with a script in LibreOffice's place."""
    pools = []

    def parse(script: str, path: str = "a.doc", **limits) -> Document:
        office_scripts(script)
        options = ParserOptions(limits=ParseLimits(**{"wall_seconds": 20.0, **limits}))
        pools.append(PoolSandbox({"docs": options}, processes=1))
        return pools[-1].parse(raw(OLE, path))

    yield parse
    for pool in pools:
        pool.close()


def marked() -> list[int]:
    """Return the processes that these tests started and that still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if MARK.encode() in place.read_bytes():
                found.append(int(place.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize("path", ["a.doc", "a.bin"])
def test_a_document_is_read_through_its_program_whatever_its_name_says(office, path):
    document = office(MAKE, path)
    assert ("legacy", "application/msword") == (document.parser, document.media_type)
    assert document.text.endswith("given.doc")


@pytest.mark.parametrize(
    ("script", "limits", "error", "message"),
    [
        (f"exec sleep {MARK}", {"wall_seconds": 1.0}, ParserTimeout, r"not parsed within 1 s \(limits\.wall_seconds\)"),
        (FORK, {"wall_seconds": 1.0}, ParserTimeout, r"not parsed within 1 s \(limits\.wall_seconds\)"),
        (SPIN, {"cpu_seconds": 1.0}, ParserTimeout, "soffice took over 1 s of CPU time"),
        (EAT, {}, MalformedDocument, "soffice makes nothing of it .*MemoryError"),
        (CALL, {}, MalformedDocument, "soffice makes nothing of it .*PermissionError"),
        (CRASH, {}, ParserCrashed, "soffice was killed by SIGSEGV"),
        ("exit 0", {}, MalformedDocument, r"soffice makes nothing of it \(exit code 0\)"),
    ],
    ids=["sleeps", "forks", "spins", "takes memory", "opens a socket", "crashes", "writes nothing"],
)
def test_each_misdeed_of_a_program_has_its_own_reason_and_nothing_of_it_stays(office, script, limits, error, message):
    with pytest.raises(DocumentError, match=message) as caught:
        office(script, **limits)
    assert error is caught.type
    assert [] == [pid for pid in marked() if not ends(pid)]


DRIVER = """
import sys
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from tests.unit.adapters.sandbox.test_pool_sandbox_programs import OLE
from tests.unit.documents.parsers.checks import raw
PoolSandbox(processes=1).parse(raw(OLE, "a.doc"))
"""


def running() -> list[int]:
    """Return three processes of a program, when it has started them all, and the parser's process above them."""
    wait_until(lambda: len(marked()) == 3, 30)
    parser = int(Path(f"/proc/{marked()[0]}/stat").read_text().rpartition(")")[2].split()[2])  # leads its group
    return [*marked(), parser]


@pytest.mark.parametrize("killed", ["run", "parser"])
def test_a_program_ends_with_the_run_and_with_the_parser_that_started_it(office_scripts, killed):
    office_scripts(f"sleep {MARK} & (sleep {MARK} & sleep {MARK}) & wait")
    with subprocess.Popen([sys.executable, "-c", DRIVER], stderr=subprocess.DEVNULL) as run:
        pids = running()
        os.kill(run.pid if killed == "run" else pids[-1], signal.SIGKILL)
        assert [] == [pid for pid in pids if not ends(pid)]
        run.kill()


def test_what_a_program_leaves_running_ends_with_its_document(office):
    assert office(f"sleep {MARK} & {MAKE}").text
    assert [] == [pid for pid in marked() if not ends(pid)]


def test_a_process_whose_program_left_something_running_reads_no_other_document(pool):
    left = int(pool.parse(reading_scans("leave_running")).text)
    assert ends(left)
    first, second = (pool.parse(reading_scans("pid")).text for _ in range(2))
    assert first == second


@pytest.mark.parametrize("how", ["process_group", "start_new_session"])
def test_a_program_cannot_leave_the_group_that_ends_with_its_process(pool, how):
    with pytest.raises(ParserCrashed, match="PermissionError"):
        pool.parse(reading_scans(f"run_apart {how}"))


def test_a_program_may_make_a_socket_that_nothing_reaches(pool, tmp_path):
    place = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        assert "made False" == pool.parse(reading_scans("lone_socket")).text
        with pytest.raises(ParserCrashed, match="PermissionError"):
            pool.parse(reading_scans(f"connect {place}"))
    with pytest.raises(ParserCrashed, match="PermissionError"):
        pool.parse(order("lone_socket"))
