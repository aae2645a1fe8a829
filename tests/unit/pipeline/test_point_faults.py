"""Points that belong to no shard, whatever their payload says."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ingest.pipeline.point_faults import stray_points
from ingest.records import Point


def stray(payload: dict[str, Any]) -> list[str]:
    point = Point("id", np.zeros(1, np.float32), payload)
    vectors = SimpleNamespace(scroll=lambda *_: iter([point]))
    return stray_points(vectors, SimpleNamespace(collection="docs", shards=(0, 1)))  # type: ignore[arg-type]


def found(shard: Any) -> list[str]:
    return stray({"page_content": "words", "metadata": {"shard": shard}})


@pytest.mark.parametrize("payload", [{}, *({"page_content": "x", "metadata": m} for m in (None, [], "x", 1))])
def test_a_payload_of_no_shape_is_a_stray(payload: dict[str, Any]) -> None:
    assert ["id"] == stray(payload)


@pytest.mark.parametrize("shard", [[99], [0], {"a": 1}, 0.0, 1.0, True, False, "0", None, 2, -1])
def test_a_shard_that_is_no_number_of_one_is_a_stray(shard: Any) -> None:
    assert ["id"] == found(shard)


@pytest.mark.parametrize("shard", [0, 1])
def test_a_point_of_a_shard_is_none(shard: int) -> None:
    assert [] == found(shard)
