"""Runs through a proxy that breaks requests end well or by name; `make faults ARGS="--trials 100"` takes more."""

from collections import Counter
from pathlib import Path

import pytest
import stamina

from tests.faults.s3_proxy import KINDS, Breaks
from tests.faults.s3_runs import S3World, disturbed
from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]

pytestmark = pytest.mark.slow

CHANCE, PATIENCE, STALL, SECONDS = 0.05, 0.5, 20.0, 60.0


@pytest.fixture
def no_pauses():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def test_broken_requests_lose_nothing_and_double_nothing(tmp_path: Path, s3_server, make_bucket, no_pauses) -> None:
    world = S3World(s3_server, make_bucket(), tmp_path, PATIENCE)
    kinds = tuple(kind for kind in KINDS if not kind.always)
    broken = Counter[str]()
    for ended in disturbed(world, "lake", Breaks(3, CHANCE, kinds, stall_seconds=STALL)):
        assert (ended.named, ended.fault) == (True, "")
        assert ended.seconds < SECONDS
        broken += ended.broken
    assert (len(broken), broken.total()) >= (3, 5)


def test_a_listing_whose_second_page_fails_stops_the_run_by_name(
    tmp_path: Path, s3_server, make_bucket, no_pauses
) -> None:
    world = S3World(s3_server, make_bucket(), tmp_path, PATIENCE)
    pages = tuple(kind for kind in KINDS if kind.always)
    assert ["SourceUnavailable", "StoreUnavailable"] == [
        ended.how for ended in disturbed(world, "lake", Breaks(3, 1e-12, pages))
    ]
