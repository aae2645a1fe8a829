"""A graph from which points went and to which others came finds what a fresh one finds, on the real engine."""

from contextlib import closing
from pathlib import Path
from statistics import fmean

import numpy as np

from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.records import EVERYTHING, Vectors
from tests.vector_indexes import point

POINTS, DIMENSION, CHANGED = 800, 32, 100


def drawn(number: int, seed: int) -> Vectors:
    """Return (number, DIMENSION) float32, L2-normalised, around forty centres."""
    draws, centres = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((40, DIMENSION))
    made = centres[draws.integers(0, 40, number)] + 0.6 * draws.standard_normal((number, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def test_exact_neighbours_are_equal_and_recall_differs_by_less_than_0_005(tmp_path: Path) -> None:
    before, new = drawn(POINTS, 1), drawn(CHANGED, 2)
    after = {**{i: before[i] for i in range(CHANGED, POINTS)}, **{POINTS + i: new[i] for i in range(CHANGED)}}
    asked = drawn(50, 3)
    with closing(QdrantIndex.embedded(Engine(tmp_path), indexing_threshold=50)) as index:
        for name, held in (("recycled", dict(enumerate(before))), ("fresh", after)):
            index.create_collection(name, DIMENSION)
            index.upsert(name, [point(i, vector) for i, vector in held.items()])
            index.optimise(name)
        index.upsert("recycled", [point(i, after[i]) for i in range(POINTS, POINTS + CHANGED)])
        index.delete("recycled", [point(i, before[i]).id for i in range(CHANGED)])
        index.optimise("recycled")
        exact, recall = {}, {}
        for name in ("recycled", "fresh"):
            near = index.nearest(name, asked, 10)
            exact[name] = [[(hit.chunk_id, round(hit.score, 5)) for hit in hits] for hits in near]
            found = [{hit.chunk_id for hit in hits} for hits in index.search(name, asked, EVERYTHING, 10)]
            recall[name] = fmean(len(f & {c for c, _ in e}) / 10 for f, e in zip(found, exact[name], strict=True))
    assert exact["recycled"] == exact["fresh"]
    assert min(recall.values()) >= 0.95
    assert abs(recall["recycled"] - recall["fresh"]) <= 0.005
