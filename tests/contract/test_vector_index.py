"""What every vector index promises. On a server when QDRANT_URL names one."""

import pytest

from ingest.ports import VectorIndex
from ingest_conformance.conformance import CHECKS, Check
from tests.vector_indexes import collection, vector_index

__all__ = ["collection", "vector_index"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_vector_index_keeps_its_promises(vector_index: VectorIndex, collection: str, check: Check) -> None:
    check(vector_index, collection)
