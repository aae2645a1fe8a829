"""Messages between the front and its workers: two lengths, a small JSON head, a body that the front never opens."""

import json
import struct
from asyncio import StreamReader
from dataclasses import dataclass
from socket import socket
from typing import Any

LENGTHS = struct.Struct("!II")


@dataclass(frozen=True)
class Frame:
    """One message. A request's head is {do, collection, …}, an answer's {status}; the body is JSON or empty."""

    head: dict[str, Any]
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        head = json.dumps(self.head).encode()
        return LENGTHS.pack(len(head), len(self.body)) + head + self.body


def receive(connection: socket) -> Frame | None:
    """Return the next message, None when the other end is closed."""
    lengths = _exactly(connection, LENGTHS.size)
    if lengths is None:
        return None
    head_size, body_size = LENGTHS.unpack(lengths)
    head, body = _exactly(connection, head_size), _exactly(connection, body_size)
    return None if head is None or body is None else Frame(json.loads(head), body)


async def read(stream: StreamReader) -> Frame:
    """Return the next message. Raises: asyncio.IncompleteReadError when the other end is closed."""
    head_size, body_size = LENGTHS.unpack(await stream.readexactly(LENGTHS.size))
    head = await stream.readexactly(head_size)
    return Frame(json.loads(head), await stream.readexactly(body_size))


def _exactly(connection: socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
