"""Every shape of a collection on every adapter: found again, filtered, searched, and its sparse vector ranks."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ingest import ids, payloads
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import SchemaMismatch
from ingest.keyword.sparse_vectors import Questions, dimension
from ingest.records import EVERYTHING, LANGCHAIN, PAYLOAD_PROFILES, Filter, Point, Shape, SparseVector
from tests.vector_indexes import DIMENSION, vector_index, vectors

__all__ = ["vector_index"]
SHAPES = [shape for p in PAYLOAD_PROFILES for s in (False, True) if (shape := Shape(p, s)) != LANGCHAIN]
TEXTS = ("zebra zebra tapir", "tapir", "okapi zebra", "okapi okapi okapi", "quokka")


def weights(text: str) -> dict[str, float]:
    terms = text.split()
    return {term: terms.count(term) / (terms.count(term) + 1) for term in terms}


def sparse_vector(text: str) -> SparseVector:
    indices, values = zip(*sorted((dimension(term), weight) for term, weight in weights(text).items()), strict=True)
    return SparseVector(np.array(indices, np.uint32), np.array(values, np.float32))


def shaped(number: int, shape: Shape) -> Point:
    """Return a point whose sparse vector is that of one of TEXTS."""
    text = TEXTS[number % len(TEXTS)]
    fields = {
        "text": text,
        "chunk_id": f"{number:032x}",
        "document_id": f"d{number // 2}",
        "source": "docs",
        "acl": ["staff" if number % 2 else "public"],
        "tenant": "public",
        "shard": number % 3,
        "start": 0,
        "end": 9,
        "digest": f"digest-{number}",
    }
    sparse = sparse_vector(text) if shape.sparse else None
    payload = payloads.find(shape.payload).build(fields)
    return Point(ids.point_id(fields["chunk_id"]), vectors(12)[number], payload, sparse)


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def filled(vector_index: QdrantIndex, request: pytest.FixtureRequest) -> Iterator[tuple[str, Shape]]:
    name = f"ingest-shape-{os.getpid()}-{request.param.payload}-{request.param.sparse}"
    vector_index.create_collection(name, DIMENSION, request.param)
    vector_index.upsert(name, [shaped(i, request.param) for i in range(12)])
    yield name, request.param
    vector_index.drop_collection(name)


def client_of(vector_index: QdrantIndex) -> Any:
    return vector_index._connection._client


def test_both_vectors_of_a_point_can_be_read(vector_index: QdrantIndex, filled: tuple[str, Shape]) -> None:
    name, shape = filled
    written = [shaped(i, shape) for i in range(12)]
    found = vector_index.retrieve(name, [p.id for p in written], vectors=True)
    for p in written:
        stored = found[p.id]
        assert p.vector == pytest.approx(stored.vector, abs=1e-6)
        assert (p.sparse is None) == (stored.sparse is None)
        if p.sparse is not None and stored.sparse is not None:
            assert p.sparse.indices.tolist() == stored.sparse.indices.tolist()
            assert p.sparse.values == pytest.approx(stored.sparse.values)


def test_points_come_back_whole_and_filters_are_applied_inside(
    vector_index: QdrantIndex, filled: tuple[str, Shape]
) -> None:
    name, shape = filled
    found = {point.id: point.payload for point in vector_index.scroll(name, EVERYTHING)}
    assert {p.id: p.payload for p in (shaped(i, shape) for i in range(12))} == found
    digests = {point.id: point.payload for point in vector_index.scroll(name, EVERYTHING, ("digest",))}
    assert {ids.point_id(f"{i:032x}"): {"digest": f"digest-{i}"} for i in range(12)} == digests
    staff = Filter(acl=("staff",), sources=("docs",), documents=("d0", "d1", "d2"))
    assert 3 == vector_index.count(name, staff)
    assert 4 == vector_index.count(name, Filter(acl=None, tenant=None, shard=1))
    (hits,) = vector_index.search(name, vectors(12)[[4]], staff, 10)
    assert {f"{i:032x}" for i in (1, 3, 5)} == {hit.chunk_id for hit in hits}
    (best,) = vector_index.search(name, vectors(12)[[4]], EVERYTHING, 1)
    assert f"{4:032x}" == best[0].chunk_id
    assert vector_index.nearest(name, vectors(12)[[4]], 1)[0][0].chunk_id == best[0].chunk_id
    (scores,) = vector_index.scores(name, vectors(12)[[4]], [[ids.point_id(f"{4:032x}")]])
    assert scores == {f"{4:032x}": pytest.approx(1.0, abs=1e-4)}


def test_a_collection_is_recognised_and_not_made_again_in_another_shape(
    vector_index: QdrantIndex, filled: tuple[str, Shape]
) -> None:
    name, shape = filled
    vector_index._layouts.clear()
    assert 6 == vector_index.count(name, Filter(acl=("public",)))
    vector_index.create_collection(name, DIMENSION, shape)
    with pytest.raises(SchemaMismatch, match="wanted"):
        vector_index.create_collection(name, DIMENSION, replace(shape, sparse=not shape.sparse))


def test_points_of_another_shape_are_refused_before_anything_is_sent(
    vector_index: QdrantIndex, filled: tuple[str, Shape]
) -> None:
    name, shape = filled
    other = replace(shape, sparse=not shape.sparse)
    with pytest.raises(SchemaMismatch, match="sparse vector"):
        vector_index.upsert(name, [shaped(0, other)])
    with pytest.raises(SchemaMismatch, match="payload lacks"):
        vector_index.upsert(name, [replace(shaped(0, shape), payload={"else": 1})])
    if shape.sparse:
        sparse = shaped(2, shape).sparse
        broken = {
            "not finite": replace(sparse, values=np.full(len(sparse.values), np.nan, np.float32)),
            "not ascending": replace(sparse, indices=sparse.indices * 0),
        }
        for why, one in broken.items():
            with pytest.raises(SchemaMismatch, match=why):
                vector_index.upsert(name, [replace(shaped(0, shape), sparse=one)])
    assert 12 == vector_index.count(name, EVERYTHING)


def test_the_sparse_vector_scores_with_lucenes_idf(vector_index: QdrantIndex, filled: tuple[str, Shape]) -> None:
    from qdrant_client import models

    name, shape = filled
    if not shape.sparse:
        pytest.skip("no sparse vector")
    asked = Questions().embed_query("zebra okapi okapi")
    points = (
        client_of(vector_index)
        .query_points(
            name,
            query=models.SparseVector(indices=asked.indices, values=asked.values),
            using=payloads.find(shape.payload).SPARSE,
            limit=20,
        )
        .points
    )
    texts = [TEXTS[i % len(TEXTS)] for i in range(12)]
    idf = {
        t: math.log(1 + (12 - df + 0.5) / (df + 0.5))
        for t in ("zebra", "okapi")
        if (df := sum(t in text for text in texts))
    }
    expected = [
        idf["zebra"] * weights(t).get("zebra", 0) + 2 * idf["okapi"] * weights(t).get("okapi", 0) for t in texts
    ]
    found = {payloads.fields(point.payload)["chunk_id"]: point.score for point in points}
    assert found == {f"{i:032x}": pytest.approx(score, rel=1e-5) for i, score in enumerate(expected) if score}


def test_both_vectors_are_fused_in_one_request(vector_index: QdrantIndex, filled: tuple[str, Shape]) -> None:
    from qdrant_client import models

    name, shape = filled
    if not shape.sparse:
        pytest.skip("no sparse vector")
    profile, asked = payloads.find(shape.payload), Questions().embed_query("quokka")
    dense = vectors(12)[9].tolist()  # point 9 is one of the two that hold quokka
    sparse = models.SparseVector(indices=asked.indices, values=asked.values)
    answer = client_of(vector_index).query_points(
        name,
        prefetch=[
            models.Prefetch(query=dense, using=profile.DENSE, limit=5),
            models.Prefetch(query=sparse, using=profile.SPARSE, limit=5),
        ],
        query=models.FusionQuery(fusion=models.Fusion.RRF),
        limit=3,
    )
    best = payloads.fields(answer.points[0].payload)
    assert (f"{9:032x}", "quokka") == (best["chunk_id"], best["text"])
