"""The limits of a parser process: what it may do, and which resources it may use, for its lifetime and per document.

The process itself sets them all before it reads its first document. The kernel refuses what no parser needs: sockets,
programs, other processes, files other than Python's own. Two Linux features that need no privilege, cannot be undone,
and are stronger than anything in Python do so: a seccomp filter (x86-64 and arm64) and Landlock (since Linux 5.13). If
one of them is missing, only the limits on resources remain; elsewhere, only those of the `resource` module.

If programs may be started, they stay in the process group of their parser, so that one signal ends them all.
LibreOffice does not start without a listening local socket: it may create one, and its `bind` and `listen` appear to
succeed, though neither is carried out. Nothing can reach that socket, and it can reach nothing.

Sources: the kernel's Documentation/userspace-api/seccomp_filter.rst and landlock.rst; numbers from its headers.
"""

import ctypes
import errno
import math
import os
import platform
import resource
import struct
import sys
import sysconfig
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ingest.records.options import ParseLimits

PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # the latter plus an errno; without one, the call appears to succeed
AF_UNIX = 1
CLONE_THREAD = 0x00010000
X32 = 0x40000000  # x86-64's other set of call numbers
# Fields of the data that a filter looks at, little-endian: number, architecture, first argument.
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
Instruction = tuple[int, int, int, int]  # operation, jump if true, jump if false (from the next one), value
_ALLOW: Instruction = (RETURN, 0, 0, ALLOW)
_REFUSE: Instruction = (RETURN, 0, 0, REFUSE | errno.EPERM)


@dataclass(frozen=True)
class Machine:
    """System call numbers of one architecture."""

    elf: int  # its number in the headers of programs
    clone: int
    signals: tuple[int, int]  # kill, tgkill
    sockets: tuple[int, int, int]  # socket, bind, listen: refused unless a program may be started
    programs: tuple[int, ...]  # fork, vfork, execve, execveat: likewise
    groups: tuple[int, int]  # setpgid, setsid: refused if a program may be started
    refused: tuple[int, ...]


AUDIT = 0xC0000000  # 64 bits, little-endian
CLONE3 = 435
# io_uring (bypasses filters), pidfd_open, pidfd_getfd, pidfd_send_signal: the same on all architectures
EVERYWHERE = (425, 426, 427, 434, 438, 424)
# The last: connect accept sendto sendmsg sendmmsg accept4, tkill ptrace process_vm_readv process_vm_writev.
X86_64 = Machine(
    62, 56, (62, 234), (41, 49, 50), (57, 58, 59, 322), (109, 112), (42, 43, 44, 46, 307, 288, 200, 101, 310, 311)
)
AARCH64 = Machine(
    183, 220, (129, 131), (198, 200, 201), (221, 281), (154, 157), (203, 202, 206, 211, 269, 242, 130, 117, 270, 271)
)
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64}

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all architectures
CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
FIRST_RIGHTS, REFER, TRUNCATE = 2**13 - 1, 2**13, 2**14  # of ABI 1, 2 and 3
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE  # the kernel rejects the others for a single file
PROGRAMS = ("/usr", "/bin", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache")
SETTINGS = ("/etc/localtime", "/etc/mime.types", "/etc/fonts", "/etc/libreoffice")
DATA = ("/var/cache/fontconfig", "/var/spool/libreoffice")
KERNEL = ("/proc/self", "/dev/null", "/dev/urandom", "/sys/devices/system/cpu")

OPEN_FILES = 64
ADDRESS_SPACE, RESIDENT = 0, 1  # fields of /proc/<process>/statm
OOM_SCORE = "800"  # when memory runs out, the kernel takes a parser before anything else


def raise_walls(programs: bool) -> dict[str, bool]:
    """Set the limits for the lifetime of this process; return which of the kernel's are in force: calls, files.

    With `programs`, it may start programs, and write below its folder for temporary files.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    sys.dont_write_bytecode = True  # nothing is written at all, see `allow`
    if not programs:
        tempfile.tempdir = "/nonexistent"  # libraries ask for its name on import, and would try to write there
    if sys.platform != "linux":
        return {"calls": False, "files": False}
    libc = ctypes.CDLL(None, use_errno=True)
    if programs:  # processes that a program leaves behind become children of this process, see `left_running`
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    lasting = not libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # the kernel takes what follows only then
    files = lasting and _refuse_files(libc, programs)
    return {"calls": lasting and _refuse_calls(libc, programs), "files": files}


def allow(limits: ParseLimits, programs: bool) -> None:
    """Set the limits for the next document: CPU time, address space, and size of written files.

    CPU time is limited in whole seconds, rounded up. All limits also apply to each program that is started.
    Programs exchange files: if they may be started, files of at most the memory limit may be written.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + limits.cpu_seconds))
    _lower(resource.RLIMIT_FSIZE, limits.memory_bytes if programs else 0)
    if at_rest := memory("self", ADDRESS_SPACE):
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


def _refuse_calls(libc: ctypes.CDLL, programs: bool) -> bool:
    """Refuse sockets, and signals to other processes, from now on, with EPERM; False if the kernel cannot.

    Without `programs`, new processes and programs are refused too; with it, they get no process group of their own, and
    may create local sockets that are never connected. Threads may always be started.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None or sys.byteorder != "little":
        return False
    code = b"".join(struct.pack("HBBI", *line) for line in _program(machine, programs))
    instructions = ctypes.create_string_buffer(code)
    program = struct.pack("HP", len(code) // 8, ctypes.addressof(instructions))
    return not libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)


def _refuse_files(libc: ctypes.CDLL, programs: bool) -> bool:
    """Refuse all files but those that Python reads; False if the kernel cannot. Open descriptors are not affected.

    With `programs`, those may be executed, and files below the folder for temporary ones may be written.
    """
    abi = libc.syscall(CREATE_RULESET, None, 0, CREATE_RULESET_VERSION)
    if abi < 1:
        return False
    rights = FIRST_RIGHTS | (REFER if abi > 1 else 0) | (TRUNCATE if abi > 2 else 0)
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(ctypes.c_uint64(rights)), 8, 0)
    if ruleset < 0:
        return False
    try:
        # What Python and its libraries read at run time: their own folders and a few of the system.
        own = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(None, sys.path)}
        named = (os.environ.get(name, "") for name in ("LD_LIBRARY_PATH", "TESSDATA_PREFIX"))
        libraries = {place for value in named for place in value.split(os.pathsep) if place}
        for place in sorted({*own, *libraries, *PROGRAMS, *SETTINGS, *DATA, *KERNEL}):
            _permit(libc, ruleset, place, READ_FILE | READ_DIR | (EXECUTE if programs else 0))
        if programs:
            _permit(libc, ruleset, tempfile.gettempdir(), rights & ~EXECUTE)
        return not libc.syscall(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _permit(libc: ctypes.CDLL, ruleset: int, place: str, rights: int) -> None:
    """Grant rights to a place and everything below it; a missing one is skipped."""
    with suppress(OSError):
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            fitting = rights if Path(place).is_dir() else rights & OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", fitting, descriptor))
            libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)


def _program(machine: Machine, programs: bool) -> list[Instruction]:
    more, (socket, bind, listen) = machine.groups if programs else machine.programs, machine.sockets
    refused = (*machine.sockets, *machine.refused, *EVERYWHERE, *more)
    if programs:  # local sockets are allowed, and appear to bind and to listen
        pretended: list[Instruction] = [(EQUAL, 1, 0, bind), (EQUAL, 0, 1, listen), (RETURN, 0, 0, REFUSE)]
        special = [*_only(socket, EQUAL, AF_UNIX), *pretended]
    else:  # clone3 appears not to exist: the C library then uses clone, whose flags a filter sees
        no_clone3: list[Instruction] = [(EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, REFUSE | errno.ENOSYS)]
        special = [*no_clone3, *_only(machine.clone, ANY_BIT, CLONE_THREAD)]
    total = len(refused)
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, AUDIT | machine.elf),
        _REFUSE,
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        _REFUSE,
        *special,
        *(line for signal in machine.signals for line in _only(signal, EQUAL, os.getpid())),
        *((EQUAL, total - n, 0, number) for n, number in enumerate(refused)),
        _ALLOW,
        _REFUSE,
    ]


def _only(call: int, test: int, value: int) -> list[Instruction]:
    """Allow a call only if its first argument passes the test."""
    return [(EQUAL, 0, 4, call), (LOAD, 0, 0, ARGUMENT), (test, 0, 1, value), _ALLOW, _REFUSE]


def memory(process: str, which: int) -> int:
    """Return the bytes of a process, of ADDRESS_SPACE or RESIDENT; 0 if unknown."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[which]) * resource.getpagesize()
    except OSError:
        return 0


def _lower(limit: int, value: int) -> None:
    """Set a soft limit, capped at the hard one."""
    hard = resource.getrlimit(limit)[1]
    within = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(limit, (within, hard))
