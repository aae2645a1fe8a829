"""Ties processes to the one that needs them, also when that one is killed and can do nothing any more."""

import ctypes
import os
import signal
import sys
from subprocess import DEVNULL, PIPE, Popen

PR_SET_PDEATHSIG = 1
SHELL = "/bin/sh"
WAIT_AND_KILL = 'read -r _; kill -KILL "-$1"'


def group_guard(group: int) -> Popen[bytes]:
    """Return what kills a process group when this process ends, however it ends, or at the end of a `with` block.

    A child can ask the kernel to end with its parent, but what it starts does not inherit that: LibreOffice is a chain
    of three processes. So a small process outside the group waits for the end of a pipe that only this one holds.
    Raises: OSError when no process can be started.
    """
    command = [SHELL, "-c", WAIT_AND_KILL, "guard", str(group)]
    # In a session of its own: neither Ctrl-C nor what kills the group is for it.
    return Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env={}, cwd="/", start_new_session=True)


def end_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, for whatever reason."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)
