"""Requests cut by number and by bytes, and cut again where a server, or a proxy before it, takes less."""

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from ingest.adapters.vectors.qdrant.connection import OversizedRequest
from ingest.records import Point

Sent = TypeVar("Sent")
Response = TypeVar("Response")
NUMBER_BYTES = 24  # of a float32 written as JSON, at most
ID_BYTES = 40  # of a point's id with its quotes
POINT_BYTES = 200  # of a point beside its payload and numbers: its id, names, brackets
QUESTION_BYTES = 1000  # of a question beside its numbers: its filter, what is wanted


class Batches:
    """Sends rows in order, in requests of `most_bytes`, and of less after one was too large. Threads may share it."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes

    def send(
        self, rows: Sequence[Sent], sizes: Sequence[int], most: int, send: Callable[[Sequence[Sent]], Response]
    ) -> list[Response]:
        """Return the answers to all requests, of `most` rows each at most; `sizes` are the rows' bytes.

        A row that is too large by itself is sent alone. Raises: OversizedRequest if it is refused; what `send` raises.
        """
        answers, first = list[Response](), 0
        while first < len(rows):
            last, size = first + 1, sizes[first]
            while last < min(len(rows), first + most) and size + sizes[last] <= self.most_bytes:
                size += sizes[last]
                last += 1
            try:
                answers.append(send(rows[first:last]))
            except OversizedRequest:
                if last == first + 1:
                    raise
                self.most_bytes = min(self.most_bytes, size) // 2
                continue
            first = last
        return answers


def point_bytes(point: Point) -> int:
    """Return about how many bytes a point takes in a request, rather too many."""
    numbers = len(point.vector) + (0 if point.sparse is None else 2 * len(point.sparse.indices))
    return len(json.dumps(point.payload)) + NUMBER_BYTES * numbers + POINT_BYTES


def question_bytes(dimension: int, limit: int) -> int:
    """Return about how many bytes a question takes in a request, rather too many: it may name `limit` points."""
    return QUESTION_BYTES + NUMBER_BYTES * dimension + ID_BYTES * limit
