"""Ties processes to the one that needs them, also when that one is killed and can do nothing any more."""

import os
import subprocess
from typing import Any

SHELL = "/bin/sh"
WAIT_AND_KILL = 'read -r _; kill -KILL "-$1"'


class GroupGuard:
    """Kills a process group when this process ends, however it ends, or at `close`.

    A child can ask the kernel to end with its parent, but what it starts does not inherit that: LibreOffice is a chain
    of three processes. So a small process outside the group waits for the end of a pipe that only this one holds.
    """

    def __init__(self, group: int) -> None:
        """Start to watch. Raises: OSError when no process can be started."""
        theirs, self._ours = os.pipe()
        try:
            command, null = [SHELL, "-c", WAIT_AND_KILL, "guard", str(group)], subprocess.DEVNULL
            # In a session of its own: neither Ctrl-C nor what kills the group is for it.
            own: dict[str, Any] = {"env": {}, "cwd": "/", "start_new_session": True}
            self._process = subprocess.Popen(command, stdin=theirs, stdout=null, stderr=null, **own)
        except OSError:
            os.close(self._ours)
            raise
        finally:
            os.close(theirs)

    def close(self) -> None:
        """Kill what is left of the group, and end."""
        os.close(self._ours)
        self._process.wait()
