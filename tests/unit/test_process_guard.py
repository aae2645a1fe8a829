"""A process group ends with the process that needs it."""

import os
import signal
import subprocess
import sys

from ingest.process_guard import group_guard
from tests.unit.documents.parsers._reading.test_programs import ends

CHAIN = "sh -c 'sleep 98765 & echo $! >&2; wait' & wait"  # three processes, the last one named on stderr
OWNER = """
import subprocess, sys
from ingest.process_guard import group_guard
chain = subprocess.Popen(["/bin/sh", "-c", sys.argv[1]], start_new_session=True, stdout=subprocess.DEVNULL)
guard = group_guard(chain.pid)
print(chain.pid, flush=True)
sys.stdin.read()
"""


def test_all_of_a_group_is_killed_with_the_process_that_guards_it() -> None:
    command = [sys.executable, "-c", OWNER, CHAIN]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **streams) as owner:
        first, last = int(owner.stdout.readline()), int(owner.stderr.readline())
        owner.kill()
    assert (True, True) == (ends(first), ends(last))


def test_closing_a_guard_kills_its_group_and_leaves_nothing() -> None:
    with subprocess.Popen(["/bin/sh", "-c", CHAIN], start_new_session=True, stderr=subprocess.PIPE, text=True) as chain:
        with group_guard(chain.pid):
            last = int(chain.stderr.readline())
        assert -signal.SIGKILL == chain.wait(10)
        assert ends(last)
    with group_guard(chain.pid):  # of a group that is gone
        pass


def test_the_terminal_does_not_end_a_guard() -> None:
    command = ["/bin/sh", "-c", CHAIN]
    with (
        subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as chain,
        group_guard(chain.pid) as guard,
    ):
        assert os.getpgid(guard.pid) not in (os.getpgid(0), chain.pid)
