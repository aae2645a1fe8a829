"""A few random corruptions: all are found within one cycle of the scrub. `make corruptions` makes 10,000."""

from pathlib import Path
from random import Random

import pytest

from ingest.pipeline import inspection
from tests.faults.corruptions import World, spoil


def test_random_corruptions_are_mended_or_named_within_one_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "POINTS_PER_RUN", 1)
    world = World.of(tmp_path)
    spoil(world, 24, Random(11), points=18, files=4)
    assert ([], 24, True) == (
        world.missed,
        sum(nights.total() for nights in world.found.values()),
        world.is_as_it_should_be(),
    )
