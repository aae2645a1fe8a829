"""Ties processes to the one that needs them, also when that one is killed and can do nothing any more."""

from subprocess import DEVNULL, PIPE, Popen

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
