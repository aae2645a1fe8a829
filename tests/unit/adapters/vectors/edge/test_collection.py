"""One collection over the real engine, in this process."""

import threading
from pathlib import Path
from typing import Any

import pytest
from qdrant_client.http import models

from ingest.adapters.vectors.edge import collection as collections
from ingest.adapters.vectors.edge import locks, translation
from ingest.adapters.vectors.edge.collection import CannotOpen, Collection, Worker
from tests.vector_indexes import points

BULK = models.OptimizersConfigDiff(indexing_threshold=0)
REQUEST = models.CreateCollection(
    vectors=models.VectorParams(size=8, distance=models.Distance.COSINE), optimizers_config=BULK
)


def filled(folder: Path, number: int) -> Collection:
    collection = Collection.create(folder / "one", REQUEST)
    structs = [models.PointStruct(id=p.id, vector=p.vector.tolist(), payload=p.payload) for p in points(number)]
    collection.upsert(models.PointsList(points=structs))
    return collection


def test_an_optimisation_that_was_cut_off_is_grey_until_it_is_done(tmp_path: Path) -> None:
    collection = filled(tmp_path, 500)
    states = [collection.info()["status"]]
    collection.change(models.UpdateCollection(optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1)))
    collection.close()
    collection = Collection(tmp_path / "one")
    states.append(collection.info()["status"])
    collection.optimise()
    states.append(collection.info()["status"])
    indexed = collection.info()["indexed_vectors_count"]
    collection.close()
    assert (["green", "grey", "green"], 500) == (states, indexed)


def test_bulk_mode_builds_no_graph(tmp_path: Path) -> None:
    collection = filled(tmp_path, 500)
    assert 0 == collection.info()["indexed_vectors_count"]
    collection.close()


def test_payload_indexes_are_told_and_found_again(tmp_path: Path) -> None:
    collection = Collection.create(tmp_path / "one", REQUEST)
    collection.create_index(models.CreateFieldIndex(field_name="metadata.shard", field_schema="integer"))
    collection.create_index(models.CreateFieldIndex(field_name="metadata.acl", field_schema="keyword"))
    collection.close()
    collection = Collection(tmp_path / "one")
    schema = {name: index["data_type"] for name, index in collection.info()["payload_schema"].items()}
    collection.close()
    assert {"metadata.shard": "integer", "metadata.acl": "keyword"} == schema


def test_a_creation_that_was_cut_off_is_in_nobodys_way(tmp_path: Path) -> None:
    unfinished = tmp_path / ".new-one" / "shard"
    unfinished.mkdir(parents=True)
    (unfinished / "rubbish").touch()
    Collection.create(tmp_path / "one", REQUEST).close()
    assert ["one"] == [path.name for path in tmp_path.iterdir()]


def test_the_engine_lets_only_one_open_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = filled(tmp_path, 1)
    monkeypatch.setattr(collections, "RELEASE_SECONDS", 0.1)
    with pytest.raises(CannotOpen, match="WouldBlock"):
        Collection(tmp_path / "one")
    collection.close()


def test_the_next_worker_waits_until_the_one_before_let_go(tmp_path: Path) -> None:
    collection = filled(tmp_path, 3)
    waiting = threading.Thread(target=lambda: opened.append(Collection(tmp_path / "one")))
    opened: list[Collection] = []
    waiting.start()
    collection.close()
    waiting.join()
    assert 3 == opened[0].info()["points_count"]
    opened[0].close()


def test_threshold_and_metadata_are_changed_in_place_and_survive(tmp_path: Path) -> None:
    collection = filled(tmp_path, 500)
    threshold = models.OptimizersConfigDiff(indexing_threshold=1)
    collection.change(models.UpdateCollection(optimizers_config=threshold, metadata={"a": 1, "b": 1}))
    collection.change(models.UpdateCollection(metadata={"b": 2}))
    collection.optimise()
    collection.close()
    collection = Collection(tmp_path / "one")
    info = collection.info()
    collection.close()
    assert (500, 1) == (info["indexed_vectors_count"], info["config"]["optimizer_config"]["indexing_threshold"])
    assert {"a": 1, "b": 2} == info["config"]["metadata"]


@pytest.mark.parametrize(
    "refused",
    [
        {"params": models.CollectionParamsDiff(write_consistency_factor=2)},
        {"quantization_config": models.Disabled.DISABLED},
        {"optimizers_config": models.OptimizersConfigDiff(flush_interval_sec=1)},
        {"vectors": {"": models.VectorParamsDiff(on_disk=True)}},
        {"hnsw_config": models.HnswConfigDiff(m=8)},
    ],
)
def test_a_change_that_the_engine_cannot_make_changes_nothing(tmp_path: Path, refused: dict[str, Any]) -> None:
    collection = filled(tmp_path, 3)
    before = collection.info()
    with pytest.raises(translation.Unsupported):
        collection.change(models.UpdateCollection(**refused))
    assert before == collection.info()
    collection.close()


def test_a_copy_has_points_and_graph_under_its_own_metadata_and_goes_its_own_way(tmp_path: Path) -> None:
    collection = filled(tmp_path, 500)
    collection.change(models.UpdateCollection(optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1)))
    collection.optimise()
    assert collection.copy(tmp_path / "two", REQUEST.model_copy(update={"metadata": {"of": "two"}}))
    other = Collection(tmp_path / "two")
    other.delete(models.PointIdsList(points=[point.id for point in points(200)]))
    told = [one.info() for one in (collection, other)]
    collection.close()
    other.close()
    assert [(500, 500), (300, 500)] == [(info["points_count"], info["indexed_vectors_count"]) for info in told]
    assert [None, {"of": "two"}] == [info["config"]["metadata"] for info in told]
    assert ["one", "two"] == sorted(path.name for path in tmp_path.iterdir())


def test_nothing_is_copied_that_keeps_vectors_in_another_way_or_has_an_unfinished_graph(tmp_path: Path) -> None:
    collection, two = filled(tmp_path, 500), tmp_path / "two"
    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8)
    other = REQUEST.model_copy(update={"quantization_config": models.ScalarQuantization(scalar=int8)})
    answers = [collection.copy(two, other)]
    collection.change(models.UpdateCollection(optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1)))
    answers.append(collection.copy(two, REQUEST))
    collection.close()
    assert ([False, False], False) == (answers, two.exists())


def test_a_collection_goes_on_after_a_copy_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: str) -> None:
        raise OSError("no space left")

    collection = filled(tmp_path, 3)
    monkeypatch.setattr(collections, "copy_durably", full)
    with pytest.raises(OSError, match="no space left"):
        collection.copy(tmp_path / "two", REQUEST)
    assert 3 == collection.info()["points_count"]
    collection.close()
    assert not (tmp_path / "two").exists()


def test_a_collection_that_could_not_be_opened_again_is_opened_by_the_next_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError("out of memory")

    filled(tmp_path, 3).close()
    worker, copy = Worker(tmp_path / "one"), ({"do": "copy", "to": "two"}, REQUEST.model_dump_json().encode())
    before = worker.answer({"do": "count"}, b"{}")
    with monkeypatch.context() as patched:
        patched.setattr(collections.edge.EdgeShard, "load", refused)
        failed = worker.answer(*copy)
    assert (500, 200) == (failed[0], before[0])
    assert before == worker.answer({"do": "count"}, b"{}")
    worker.close()


def test_what_was_written_after_the_last_opening_is_told_by_nobody_but_the_collection(tmp_path: Path) -> None:
    collection = filled(tmp_path, 3)
    collection.close()
    killed = Collection(tmp_path / "one")
    killed.delete(models.PointIdsList(points=[points(1)[0].id]))
    killed.flush()
    settings = locks.read_json(tmp_path / "one" / "collection.json")
    killed.close()
    assert "info" not in settings


def test_what_a_closed_collection_tells_is_beside_it_until_it_is_opened(tmp_path: Path) -> None:
    def told() -> Any:
        return (locks.read_json(tmp_path / "one" / "collection.json") or {}).get("info")

    collection, found = filled(tmp_path, 3), list[Any]()
    found.append(told())
    info = collection.info()
    collection.close()
    found.append(told())
    collection = Collection(tmp_path / "one")
    found.append(told())
    collection.copy(tmp_path / "two", REQUEST)  # which closes and opens it
    found.append(told())
    collection.close()
    assert [None, info, None, None, info] == [*found, told()]
