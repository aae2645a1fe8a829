"""A process and its child: framed messages between them, and a child that ends with its parent.

frame    head length (4 bytes) │ body length (8 bytes) │ head │ body
"""

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

PR_SET_PDEATHSIG = 1
HEADER = struct.Struct("!IQ")
SMALL = 2**16  # bytes


class Frame(NamedTuple):
    """One message."""

    head: bytes
    body: bytes | bytearray | memoryview = b""

    def parts(self) -> Iterator[memoryview]:
        """Yield the bytes of the message, a small one in one piece so that its reader wakes only once."""
        head = HEADER.pack(len(self.head), len(self.body)) + self.head
        if len(self.body) <= SMALL:
            yield memoryview(head + self.body)
        else:
            yield from (memoryview(head), memoryview(self.body))


class ChildPipe:
    """A child's end of the pipe to its parent."""

    def __init__(self, descriptor: int) -> None:
        self._questions: BinaryIO = os.fdopen(descriptor, "rb")
        self._answers: BinaryIO = os.fdopen(descriptor, "wb", closefd=False)

    def receive(self) -> Frame | None:
        """Return the next message, or None if the other end is closed."""
        header = self._questions.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        sizes = HEADER.unpack(header)
        frame = Frame(*map(self._questions.read, sizes))
        return frame if (len(frame.head), len(frame.body)) == sizes else None

    def send(self, frame: Frame) -> None:
        for part in frame.parts():
            self._answers.write(part)
        self._answers.flush()


def end_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, for whatever reason."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)
