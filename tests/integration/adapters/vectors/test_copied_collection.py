"""On the real engine, a collection begins as a copy of another one."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil

from ingest.adapters.vectors.edge import engine, locks
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.records import EVERYTHING, LANGCHAIN, LakeIdentity
from tests.integration.adapters.vectors.edge.conftest import QUICK
from tests.vector_indexes import DIMENSION, in_memory_index, points, vectors


def test_it_has_what_the_other_one_has_and_the_lake_of_its_own(tmp_path: Path) -> None:
    lake = LakeIdentity(id="ours", uri="file:///lake")
    with closing(QdrantIndex.embedded(Engine(tmp_path, **QUICK), indexing_threshold=1)) as index:
        index.create_collection("docs__0001-00000001", DIMENSION)
        index.upsert("docs__0001-00000001", points(300))
        index.optimise("docs__0001-00000001")
        index.create_collection("docs__0002-00000001", DIMENSION, LANGCHAIN, lake, "docs__0001-00000001")
        index.create_collection("docs__0003-00000001", DIMENSION, LANGCHAIN, lake, "docs__0009-00000001")
        index.delete("docs__0002-00000001", [point.id for point in points(100)])
        index.optimise("docs__0002-00000001")
        names = index.collections()
        counts = [index.count(name, EVERYTHING) for name in names]
        nearest = index.nearest("docs__0001-00000001", vectors(3), 5), index.search(names[0], vectors(3), EVERYTHING, 5)
        told = index.lake_of("docs__0002-00000001"), index.generation_of("docs__0002-00000001")
        kept = index._connection.call("look", "get_collection", "docs__0002-00000001").config.metadata
    assert ([300, 200, 0], (lake, "0002-00000001")) == (counts, told)
    assert ["ingest"] == [*kept]
    assert nearest[0] == nearest[1]


def test_a_worker_or_an_engine_killed_in_the_middle_of_a_copy_leaves_the_other_one_and_no_half(tmp_path: Path) -> None:
    one, two, three = (f"docs__000{n}-00000001" for n in (1, 2, 3))
    with closing(QdrantIndex.embedded(Engine(tmp_path, **QUICK))) as index:
        index.create_collection(one, DIMENSION)
        index.upsert(one, points(30))
        index.flush(one)
        stuck = tmp_path / locks.COLLECTIONS / one / "shard" / "stuck"
        os.mkfifo(stuck)  # the copy waits for what is never written
        for name, killed in ((two, "worker"), (three, "front")):
            with ThreadPoolExecutor(1) as other:
                making = other.submit(index.create_collection, name, DIMENSION, LANGCHAIN, None, one)
                assert locks.wait_until((tmp_path / locks.COLLECTIONS / f".new-{name}" / "shard").is_dir, 60)
                front = psutil.Process(engine.status(tmp_path).pid)
                if killed == "worker":
                    next(each for each in front.children() if one in " ".join(each.cmdline())).kill()
                else:
                    front.kill()
                    stuck.unlink()  # what is tried again copies all
                making.result(60)
        counts = [index.count(name, EVERYTHING) for name in index.collections()]
    assert [30, 0, 30] == counts
    assert [one, two, three] == sorted(path.name for path in (tmp_path / locks.COLLECTIONS).iterdir())


def test_a_server_is_not_told_what_a_collection_is_like() -> None:
    index = in_memory_index()
    index.create_collection("docs__0001-00000001", DIMENSION)
    index.create_collection("docs__0002-00000001", DIMENSION, LANGCHAIN, None, "docs__0001-00000001")
    assert "copy_of" not in str(index._connection._client.get_collection("docs__0002-00000001").config.metadata)
    index.close()
