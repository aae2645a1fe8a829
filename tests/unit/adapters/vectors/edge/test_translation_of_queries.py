"""What applications ask of the embedded engine is answered as Qdrant answers it, or refused; never left out."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from qdrant_client.http import models

from ingest.adapters.vectors.edge.collection import Collection
from ingest.adapters.vectors.edge.translation import MOST_PREFETCHES, Unsupported

THIRD = datetime.fromisoformat("2026-01-03T00:00:00+00:00")
SPARSE = {"bm25": models.SparseVectorParams(modifier=models.Modifier.IDF)}


def identity(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Eight points around the circle; the first three hold term 7, the first also term 9."""
    folder = tmp_path_factory.mktemp("edge") / "c"
    made = Collection.create(
        folder,
        models.CreateCollection(
            vectors=models.VectorParams(size=2, distance=models.Distance.DOT),
            sparse_vectors=SPARSE,
            metadata={"ingest": {"payload": "plain", "sparse": True}},
        ),
    )
    points = [
        models.PointStruct(
            id=identity(n),
            vector={
                "": [1.0, float(n)],
                "bm25": models.SparseVector(
                    indices=[1, *([7] * (n < 3)), *([9] * (n < 1))], values=[0.5] * (1 + (n < 3) + (n < 1))
                ),
            },
            payload={
                "n": n,
                "tag": ["even", "odd"][n % 2],
                "text": f"word{n} shared",
                "day": f"2026-01-0{n + 1}T00:00:00Z",
                **({"rare": None} if n == 0 else {"rare": [n]} if n == 1 else {}),
            },
        )
        for n in range(8)
    ]
    made.upsert(models.PointsList(points=points))
    yield made
    made.close()


def asked(collection: Collection, **request: Any) -> list[int]:
    wanted = models.QueryRequest(**{"limit": 8, "with_payload": True, **request})
    (answer,) = collection.query_batch(models.QueryRequestBatch(searches=[wanted]))
    return [point["payload"]["n"] for point in answer["points"]]


def test_a_search_names_the_vector_that_it_is_by(collection: Collection) -> None:
    assert [7, 6, 5] == asked(collection, query=[0.0, 1.0], limit=3)
    assert [7, 6, 5] == asked(collection, query=[0.0, 1.0], using="", limit=3)
    sparse = models.SparseVector(indices=[7, 9], values=[1.0, 1.0])
    assert [0, {1, 2}] == [(found := asked(collection, query=sparse, using="bm25"))[0], set(found[1:])]
    assert [] == asked(collection, query=models.SparseVector(indices=[5], values=[1.0]), using="bm25")


@pytest.mark.parametrize(
    "fusion",
    [
        models.FusionQuery(fusion=models.Fusion.RRF),
        models.RrfQuery(rrf=models.Rrf(k=60)),
        models.RrfQuery(rrf=models.Rrf(weights=[1.0, 2.0])),
        models.FusionQuery(fusion=models.Fusion.DBSF),
    ],
)
def test_searches_are_fused_each_under_its_own_filter(collection: Collection, fusion: Any) -> None:
    odd = models.Filter(must=[models.FieldCondition(key="tag", match=models.MatchValue(value="odd"))])
    sparse = models.SparseVector(indices=[7], values=[1.0])
    found = asked(
        collection,
        prefetch=[
            models.Prefetch(query=[0.0, 1.0], filter=odd, limit=2),
            models.Prefetch(query=sparse, using="bm25", filter=odd, limit=2),
        ],
        query=fusion,
    )
    assert {7, 5, 1} == set(found)


CONDITIONS: list[tuple[Any, Callable[[int], bool]]] = [
    (models.FieldCondition(key="n", match=models.MatchExcept(**{"except": [1, 2]})), lambda n: n not in (1, 2)),
    (models.FieldCondition(key="n", match=models.MatchAny(any=[1, 2])), lambda n: n in (1, 2)),
    (models.FieldCondition(key="text", match=models.MatchText(text="word3")), lambda n: n == 3),
    (models.FieldCondition(key="n", range=models.Range(gt=2, lte=4)), lambda n: n in (3, 4)),
    (models.FieldCondition(key="day", range=models.DatetimeRange(lt=THIRD)), lambda n: n < 2),
    (models.IsEmptyCondition(is_empty=models.PayloadField(key="rare")), lambda n: n != 1),
    (models.IsNullCondition(is_null=models.PayloadField(key="rare")), lambda n: n == 0),
    (models.HasIdCondition(has_id=[identity(4)]), lambda n: n == 4),
    (
        models.Filter(must_not=[models.FieldCondition(key="tag", match=models.MatchValue(value="odd"))]),
        lambda n: n % 2 == 0,
    ),
    (
        models.Filter(
            min_should=models.MinShould(
                min_count=2,
                conditions=[
                    models.FieldCondition(key="n", range=models.Range(gte=4)),
                    models.FieldCondition(key="tag", match=models.MatchValue(value="even")),
                ],
            )
        ),
        lambda n: n in (4, 6),
    ),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_a_condition_lets_through_what_it_says(
    collection: Collection, condition: Any, holds: Callable[[int], bool]
) -> None:
    wanted = {n for n in range(8) if holds(n)}
    assert wanted == set(asked(collection, query=[0.0, 1.0], filter=models.Filter(must=[condition])))
    page = collection.scroll(models.ScrollRequest(filter=models.Filter(must=[condition]), with_payload=True))
    assert wanted == {point["payload"]["n"] for point in page["points"]}


UNKNOWN: list[Any] = [
    {"query": models.RecommendQuery(recommend=models.RecommendInput(positive=[identity(1)]))},
    {"query": identity(1)},
    {"query": [[1.0, 2.0]]},
    {"query": models.NearestQuery(nearest=[1.0, 0.0], mmr=models.Mmr(diversity=0.5))},
    {"query": [1.0, 0.0], "lookup_from": models.LookupLocation(collection="other")},
    {"query": [1.0, 0.0], "prefetch": [models.Prefetch(query=[1.0, 0.0])] * (MOST_PREFETCHES + 1)},
    {"query": [1.0, 0.0], "filter": models.Filter(must=[models.FieldCondition(key="n", is_empty=True)])},
    {
        "query": [1.0, 0.0],
        "filter": models.Filter(
            must=[models.FieldCondition(key="n", match=models.MatchValue(value=1), range=models.Range(gt=0))]
        ),
    },
    {
        "query": [1.0, 0.0],
        "filter": models.Filter(must=[models.FieldCondition(key="n", match=models.MatchPhrase(phrase="a b"))]),
    },
]


@pytest.mark.parametrize("request_of", UNKNOWN, ids=range(len(UNKNOWN)))
def test_what_is_not_translated_is_refused(collection: Collection, request_of: Any) -> None:
    with pytest.raises(Unsupported, match="the embedded engine"):
        asked(collection, **request_of)


def test_the_collection_tells_its_vectors_and_its_metadata(collection: Collection) -> None:
    info = models.CollectionInfo.model_validate(
        {**collection.info(), "config": {**collection.info()["config"]}}, strict=False
    )
    assert info.config.params.sparse_vectors == SPARSE
    assert {"ingest": {"payload": "plain", "sparse": True}} == info.config.metadata


def test_vectors_come_back_by_name(collection: Collection) -> None:
    (found,) = collection.retrieve(models.PointRequest(ids=[identity(2)], with_vector=True))
    assert {"": [1.0, 2.0], "bm25": {"indices": [1, 7], "values": [0.5, 0.5]}} == found["vector"]
    (some,) = collection.retrieve(models.PointRequest(ids=[identity(2)], with_vector=["bm25"]))
    assert ["bm25"] == list(some["vector"])


def test_a_collection_is_found_again_with_both_vectors(tmp_path: Path) -> None:
    request = models.CreateCollection(
        vectors={"text-dense": models.VectorParams(size=2, distance=models.Distance.COSINE)}, sparse_vectors=SPARSE
    )
    made = Collection.create(tmp_path / "c", request)
    vector = {"text-dense": [1.0, 0.0], "bm25": models.SparseVector(indices=[3], values=[1.0])}
    made.upsert(models.PointsList(points=[models.PointStruct(id=1, vector=vector, payload={"n": 0})]))
    made.close()
    again = Collection(tmp_path / "c")
    assert [0] == asked(again, query=[1.0, 0.0], using="text-dense")
    assert [0] == asked(again, query=models.SparseVector(indices=[3], values=[1.0]), using="bm25")
    again.close()
