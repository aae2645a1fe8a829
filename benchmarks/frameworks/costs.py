"""What a command costs with all that it starts: CPU seconds of every process, and memory of those that run at once.

    python benchmarks/frameworks/costs.py OUT.json COMMAND …

Linux only. This process becomes the parent of all that the command leaves behind (servers that outlive it are told to
end), and waits for each: the kernel adds the CPU time of a process to that of whoever waits for it, so none is missed,
however short it lives. Memory is the sum of the proportional set sizes, in which pages that several processes share
count once; it is looked at 20 times a second, so a peak shorter than that can be missed.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)
PAUSE = 0.05  # seconds between two looks at the memory
IDLE = 1.0  # seconds in which no process computes, after which all are told to end
GRACE = 20.0  # seconds for servers to end


def main() -> int:
    """Run the command, write its costs, and return its exit code."""
    out, *command = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process cannot become the parent of orphans")
    peak, ended, began = [0], threading.Event(), time.monotonic()
    watcher = threading.Thread(target=watch, args=(peak, ended))
    watcher.start()
    code = subprocess.call(command)
    seconds = time.monotonic() - began
    wait_for_all()
    ended.set()
    watcher.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    costs = {"cpu": used.ru_utime + used.ru_stime, "memory": peak[0], "seconds": seconds}
    Path(out).write_text(json.dumps(costs))
    return code


def watch(peak: list[int], ended: threading.Event) -> None:
    """Keep the largest sum of memory in bytes that all processes had at once."""
    while not ended.wait(PAUSE):
        peak[0] = max(peak[0], sum(map(memory, descendants(os.getpid()))))


def descendants(pid: int) -> dict[int, str]:
    """Return all processes below one, each with its state: R is one that computes, or waits for a core."""
    parents: dict[int, dict[int, str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        parents.setdefault(int(parent), {})[int(stat.parent.name)] = state
    found, left = dict[int, str](), parents.get(pid, {})
    while left:
        found |= left
        left = {child: state for one in left for child, state in parents.get(one, {}).items()}
    return found


def memory(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def wait_for_all() -> None:
    """Wait until no process is left; when all of them only wait, they are told to end, and killed if they do not."""
    busy, told = time.monotonic(), dict[int, float]()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        now, left = time.monotonic(), descendants(os.getpid())
        if set(left.values()) & {"R", "D"}:
            busy = now
        for child in left if now - busy > IDLE else ():
            if now - told.setdefault(child, now) > GRACE:
                os.kill(child, signal.SIGKILL)
            elif told[child] == now:
                os.kill(child, signal.SIGTERM)
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
