import json
from collections.abc import Sequence

import pytest

from ingest.adapters.vectors.qdrant.connection import OversizedRequest
from ingest.adapters.vectors.qdrant.requests import Batches, point_bytes
from tests.vector_indexes import point, vectors


class Server:
    """Takes requests of at most so many bytes; a row is its own size."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked: list[list[int]] = []

    def send(self, rows: Sequence[int]) -> list[int]:
        self.asked.append(list(rows))
        if sum(rows) > self.most:
            raise OversizedRequest("HTTP 413")
        return list(rows)


def sent(batches: Batches, rows: list[int], server: Server, most: int = 100) -> list[int]:
    return [row for answer in batches.send(rows, rows, most, server.send) for row in answer]


def test_requests_are_cut_by_number_and_by_bytes_and_answers_come_in_order() -> None:
    server = Server(1000)
    assert sent(Batches(10), [3, 3, 3, 3, 9, 9, 1, 1], server, most=3) == [3, 3, 3, 3, 9, 9, 1, 1]
    assert server.asked == [[3, 3, 3], [3], [9], [9, 1], [1]]


def test_a_row_over_the_limit_is_sent_alone() -> None:
    server = Server(1000)
    sent(Batches(10), [1, 50, 1], server)
    assert server.asked == [[1], [50], [1]]


def test_a_request_that_is_too_large_is_halved_and_the_next_ones_stay_small() -> None:
    server, batches = Server(25), Batches(100)
    assert sent(batches, [10] * 8, server) == [10] * 8
    assert server.asked == [[10] * 8, [10] * 4, *[[10, 10]] * 4]
    server.asked.clear()
    sent(batches, [10] * 4, server)
    assert server.asked == [[10, 10]] * 2


def test_a_row_that_is_too_large_alone_is_an_error() -> None:
    with pytest.raises(OversizedRequest, match="413"):
        sent(Batches(100), [1, 60, 1], Server(50))


def test_nothing_is_sent_of_nothing() -> None:
    server = Server(1)
    assert (sent(Batches(1), [], server), server.asked) == ([], [])


def test_a_point_takes_no_more_bytes_than_are_counted() -> None:
    made = point(1, vectors(2)[1], title="naïve ✓ \x00 😀" * 100)
    body = json.dumps({"id": made.id, "vector": made.vector.tolist(), "payload": made.payload})
    assert len(body) <= point_bytes(made) <= len(body) + 500
