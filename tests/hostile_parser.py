"""A parser that does what a hostile document could make a parser do: the document's first line says what.

It is registered in parsers' processes only, see `registered`.
"""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from ingest.errors import MalformedDocument
from ingest.records import Block, BlockKind, Document, RawDocument

MEDIA_TYPES = ("text/x-hostile", "application/rtf")  # the latter, for files: no parser of ours reads it
VERSION = "1"


def registered(folder: Path, name: str = "hostile") -> str:
    """Write into `folder` what registers `tests.<name>_parser` as a third party's; return a PYTHONPATH with it."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[ingest.parsers]\n{name} = tests.{name}_parser\n")
    root = Path(__file__).parents[1]
    return os.pathsep.join(map(str, (folder, root, root / "src")))


def parse(raw: RawDocument) -> Document:
    """Do what the document says; the text is what came of it."""
    action, _, argument = raw.data.decode().partition(" ")
    text = str(ACTIONS[action](argument))
    beyond = 9 if action == "overrun" else 0
    return Document(text, (Block(BlockKind.PARAGRAPH, 0, len(text) + beyond),), "", raw.media_type, "hostile")


def _hang(_):
    while True:
        time.sleep(60)


def _spin(_):
    while True:
        pass


def _spin_in_c(_):
    return pow(3, 2**40)


def _eat(_):
    kept = []
    while True:
        kept.append(bytearray(2**24))


def _recurse(_):
    return _recurse(_)


def _wrap_memory_error(_):
    try:
        raise MemoryError
    except MemoryError:
        raise MalformedDocument("a: broken") from None


def _print(_):
    for stream in (1, 2):
        for _ in range(100):
            os.write(stream, b"garbage" * 1000) if stream == 1 else _try_write(b"garbage" * 1000)
    sys.stdout.write("garbage")
    sys.stderr.write("garbage")
    warnings.warn("garbage", stacklevel=1)
    return "quiet"


def _warn(text):
    for _ in range(30):
        logging.getLogger("ingest.documents.parsers.hostile").warning("%s", text)
        logging.getLogger("pypdf").error("noise of a library")
    return "warned"


def _try_write(data):
    try:
        os.write(2, data)
    except BlockingIOError:
        return


def _write_into_every_descriptor(_):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\0" * 64)
        except OSError:
            continue
    return "done"


def _answer_huge(_):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"\xff" * 4 + b"\x7f" + b"\xff" * 7 + b"{}")  # of 2^63 - 1 bytes
        except OSError:
            continue
    return "done"


def _fork(_):
    if os.fork() == 0:
        _hang("")
    return "forked"


def _run(_):
    return subprocess.run(["/bin/echo", "started"], capture_output=True, text=True, check=True).stdout


def _open_socket(_):
    return socket.create_connection(("127.0.0.1", 9), timeout=1)


def _open_socket_in_c(_):
    libc = ctypes.CDLL(None, use_errno=True)
    made = libc.socket(2, 1, 0)
    return f"descriptor {made}" if made >= 0 else f"errno {ctypes.get_errno()}"


def _lone_socket(_):
    place = Path(tempfile.gettempdir()) / "socket"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
        made.listen()
    return f"made {place.exists()}"


def _connect(place):
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(place)


def _leave_running(_):
    return subprocess.Popen(["/bin/sleep", "3600"]).pid


def _run_apart(how):
    return subprocess.Popen(["/bin/sleep", "3600"], **{how: 0 if how == "process_group" else True}).pid


def _thread(_):
    import threading

    seen = []
    thread = threading.Thread(target=seen.append, args=["ran"])
    thread.start()
    thread.join()
    return seen[0]


def _read(path):
    return Path(path).read_text()


def _write(path):
    return Path(path).write_text("owned")


def _kill(number):
    os.kill(os.getpid(), int(number))


ACTIONS = {
    "say": lambda text: text,
    "overrun": lambda text: text,
    "hang": _hang,
    "spin": _spin,
    "spin_in_c": _spin_in_c,
    "eat": _eat,
    "recurse": _recurse,
    "wrap": _wrap_memory_error,
    "print": _print,
    "warn": _warn,
    "scribble": _write_into_every_descriptor,
    "huge": _answer_huge,
    "fork": _fork,
    "run": _run,
    "socket": _open_socket,
    "socket_in_c": _open_socket_in_c,
    "lone_socket": _lone_socket,
    "connect": _connect,
    "leave_running": _leave_running,
    "run_apart": _run_apart,
    "thread": _thread,
    "read": _read,
    "write": _write,
    "temporary": lambda _: tempfile.gettempdir(),
    "write_temporary": lambda _: _write(Path(tempfile.gettempdir()) / "page.txt"),
    "kill": _kill,
    "segfault": lambda _: ctypes.string_at(0),
    "exit": lambda code: os._exit(int(code)),
    "raise": lambda text: (_ for _ in ()).throw(ValueError(text)),
    "pid": lambda _: os.getpid(),
    "environment": lambda _: sorted(os.environ),
    "modules": lambda _: sorted(sys.modules),
    "stop": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "long": lambda size: "x" * int(size),
    "surrogate": lambda _: "a\ud800",
}
