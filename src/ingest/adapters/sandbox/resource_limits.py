"""The limits of a parser process: which resources it may use, for its lifetime and per document.

The process itself sets them all before it reads its first document. They hold on Linux; elsewhere, only those of the
`resource` module do.
"""

import ctypes
import math
import os
import resource
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ingest.adapters.sandbox import kernel_limits as _kernel
from ingest.records.options import ParseLimits

PR_SET_CHILD_SUBREAPER = 36
OPEN_FILES = 64
OOM_SCORE = "800"  # when memory runs out, the kernel takes a parser before anything else


def raise_walls(programs: bool) -> dict[str, bool]:
    """Set the limits for the lifetime of this process; return which of the kernel's are in force: calls, files.

    With `programs`, it may start programs, and write below its folder for temporary files.
    """
    if programs and sys.platform == "linux":
        # Processes that a program leaves behind become children of this process, see `left_running`.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    sys.dont_write_bytecode = True  # nothing is written at all, see `allow`
    if not programs:
        tempfile.tempdir = "/nonexistent"  # libraries ask for its name on import, and would try to write there
    writable = (tempfile.gettempdir(),) if programs else ()
    files = _kernel.refuse_files(writable, programs)
    return {"calls": _kernel.refuse_calls(programs), "files": files}


def allow(limits: ParseLimits, programs: bool) -> None:
    """Set the limits for the next document: CPU time, address space, and size of written files.

    CPU time is limited in whole seconds, rounded up. All limits also apply to each program that is started.
    Programs exchange files: if they may be started, files of at most the memory limit may be written.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + limits.cpu_seconds))
    _lower(resource.RLIMIT_FSIZE, limits.memory_bytes if programs else 0)
    if (at_rest := _statm("self", 0)) is not None:
        _lower(resource.RLIMIT_AS, at_rest + limits.memory_bytes)


def left_running() -> bool:
    """Return whether a program that this process or one of its programs started is still running."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def relax() -> None:
    """Lift the memory limit of one document, so that the answer can be sent."""
    _lower(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)[1])


def resident(process: str) -> int:
    """Return the bytes of memory that a process holds, 0 if unknown."""
    return _statm(process, 1) or 0


def _statm(process: str, field: int) -> int | None:
    """Return bytes: of address space for field 0, of memory for field 1."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[field]) * resource.getpagesize()
    except OSError:
        return None


def _lower(limit: int, value: int) -> None:
    """Set a soft limit, capped at the hard one."""
    hard = resource.getrlimit(limit)[1]
    within = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(limit, (within, hard))
