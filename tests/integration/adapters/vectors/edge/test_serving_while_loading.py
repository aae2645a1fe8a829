"""A search from a second terminal is answered while a run loads and optimises another collection: 10,000 points."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models

from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from tests.integration.adapters.vectors.edge.conftest import QUICK
from tests.vector_indexes import point, vectors

POINTS, DIMENSION = 10_000, 48
ENOUGH = 10  # answers during the optimisation; one process gives at most a few, at its two ends

SEARCHER = """
    import sys, time
    from pathlib import Path
    from ingest.adapters.vectors.edge.engine import Engine
    from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
    from ingest.records import EVERYTHING
    from tests.vector_indexes import vectors
    index = QdrantIndex.embedded(Engine(Path(sys.argv[1])))
    questions = vectors(1, int(sys.argv[2]), seed=5)
    while True:
        (hits,) = index.search("serving", questions, EVERYTHING, 10)
        print(time.monotonic(), len(hits), flush=True)
"""


def answers_during_the_optimisation(folder: Path) -> list[float]:
    """Return when a second process got its answers between the start and the end of the optimisation."""
    engine = Engine(folder, **QUICK)
    index = QdrantIndex.embedded(engine)
    rows = vectors(POINTS, DIMENSION)
    index.create_collection("serving", DIMENSION)
    index.upsert("serving", [point(n, rows[n]) for n in range(500)])
    command = [sys.executable, "-c", textwrap.dedent(SEARCHER), str(folder), str(DIMENSION)]
    searcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        index.create_collection("candidate", DIMENSION)
        index.upsert("candidate", [point(n, row) for n, row in enumerate(rows)])
        searcher.stdout.readline()  # it searches
        begin, end = optimise(*engine.address())
    finally:
        searcher.kill()
        answers, _ = searcher.communicate()
        index.close()
    answered = [line.split() for line in answers.splitlines() if line.count(" ") == 1]
    assert {"10"} >= {hits for _, hits in answered}
    return [float(at) for at, _ in answered if begin < float(at) < end]


def optimise(url: str, token: str) -> tuple[float, float]:
    """Build the candidate's graph; return when that began and when it was done."""
    client = QdrantClient(url=url, headers={"api-key": token}, timeout=60, check_compatibility=False)
    client.update_collection("candidate", optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1))
    begin = time.monotonic()
    assert "yellow" == client.get_collection("candidate").status
    while client.get_collection("candidate").status == "yellow":
        pass
    end = time.monotonic()
    assert POINTS == client.get_collection("candidate").indexed_vectors_count
    client.close()
    return begin, end


@pytest.mark.slow
def test_searches_are_answered_while_another_collection_optimises(folder: Path) -> None:
    assert ENOUGH <= len(answers_during_the_optimisation(folder))
