"""The embedded engine as processes: found, shared, killed, started again, and nothing left behind."""

import importlib.metadata
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.common.version_check import get_server_version, is_compatible
from qdrant_client.http.exceptions import UnexpectedResponse

from ingest.adapters.vectors.edge import engine, locks
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.errors import IndexUnavailable, SchemaMismatch
from ingest.records import EVERYTHING, AliasAction
from tests.integration.adapters.vectors.edge.conftest import QUICK, gone
from tests.vector_indexes import points, vectors

USER = """
    import json, os, sys, time
    from pathlib import Path
    from ingest.adapters.vectors.edge import engine
    used = engine.Engine(Path(sys.argv[1]), poll_seconds=0.05, grace_seconds=0.2)
    used.address()
    print(engine.status(Path(sys.argv[1])).pid, flush=True)
    sys.stdin.read()
"""


def user(folder: Path) -> subprocess.Popen[str]:
    """Start a process that uses the engine until its standard input closes; it prints the front's pid."""
    command = [sys.executable, "-c", textwrap.dedent(USER), str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def worker_pids(client: QdrantClient) -> dict[str, int]:
    return client.http.client.request(type_=dict, method="GET", url="/")["workers"]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_end(pids: list[int], seconds: float = 20.0) -> bool:
    return locks.wait_until(lambda: not any(alive(pid) for pid in pids), seconds)


def create(client: QdrantClient, name: str, dimension: int = 8) -> None:
    client.create_collection(name, vectors_config=models.VectorParams(size=dimension, distance=models.Distance.COSINE))


def test_two_processes_that_start_at_once_share_one_engine(folder: Path) -> None:
    users = [user(folder) for _ in range(3)]
    fronts = {process.stdout.readline().strip() for process in users}
    for process in users:
        process.communicate("")
    assert [0, 0, 0] == [process.returncode for process in users]
    assert 1 == len(fronts)
    assert gone(folder)


def test_nothing_is_left_after_the_only_user_was_killed(folder: Path) -> None:
    with user(folder) as process:
        front = int(process.stdout.readline())
        found = locks.read_json(folder / locks.ENDPOINT)
        headers = {"api-key": found["token"]}
        client = QdrantClient(url=found["url"], headers=headers, timeout=60, check_compatibility=False)
        create(client, "one")
        pids = [front, *worker_pids(client).values()]
        client.close()
        living = [pid for pid in pids if alive(pid)]
        process.kill()
    assert 2 == len(living)
    assert all_end(pids)
    assert not (folder / locks.ENDPOINT).exists()


@pytest.mark.parametrize("put_back", [False, True])
def test_nothing_is_left_of_an_engine_whose_folder_was_deleted(
    folder: Path, connect: Callable[..., QdrantClient], put_back: bool
) -> None:
    client = connect()
    create(client, "one")
    pids = [engine.status(folder).pid, *worker_pids(client).values()]
    living = [pid for pid in pids if alive(pid)]
    shutil.rmtree(folder)
    if put_back:
        following = connect()  # a user of another engine, in a folder of the same name
        assert [] == following.get_collections().collections
    assert 2 == len(living)
    assert all_end(pids)
    if put_back:
        assert [] == following.get_collections().collections
        assert (folder / locks.ENDPOINT).exists()


def test_workers_end_with_a_killed_front_and_the_next_user_starts_another(
    folder: Path, connect: Callable[..., QdrantClient]
) -> None:
    client = connect()
    create(client, "one")
    client.upsert("one", [models.PointStruct(id=1, vector=[1.0] * 8)])
    front, workers = engine.status(folder).pid, list(worker_pids(client).values())
    os.kill(front, signal.SIGKILL)
    assert all_end([front, *workers])
    assert (folder / locks.ENDPOINT).exists()  # stale: it names a process that is gone
    again = connect()
    assert front != engine.status(folder).pid
    assert 1 == again.count("one").count


def test_an_index_finds_the_engine_again_after_its_front_was_killed(folder: Path) -> None:
    index = QdrantIndex.embedded(Engine(folder, **QUICK), first_wait_seconds=0.01)
    index.create_collection("one", 8)
    index.upsert("one", points(20))
    index.flush("one")
    index.move_aliases([AliasAction("create", "docs", "one")])
    os.kill(engine.status(folder).pid, signal.SIGKILL)
    assert ({"docs": "one"}, 20) == (index.aliases(), index.count("one", EVERYTHING))
    index.close()
    assert gone(folder)


def test_moving_aliases_is_not_tried_again(folder: Path) -> None:
    index = QdrantIndex.embedded(Engine(folder, **QUICK), first_wait_seconds=0.01)
    index.create_collection("one", 8)
    os.kill(engine.status(folder).pid, signal.SIGKILL)
    with pytest.raises(IndexUnavailable):
        index.move_aliases([AliasAction("create", "docs", "one")])
    assert {} == index.aliases()
    index.close()


def test_a_server_that_takes_small_requests_only_gets_them(folder: Path) -> None:
    index = QdrantIndex.embedded(Engine(folder, max_body=60_000, **QUICK), first_wait_seconds=0.01)
    index.create_collection("one", 8)
    written = points(40, title="x" * 5000)
    index.upsert("one", written)
    assert {p.id for p in written} == {stored.id for stored in index.scroll("one", EVERYTHING)}
    found = index.search("one", np.repeat(vectors(40), 10, axis=0), EVERYTHING, 1)
    assert [f"{n // 10:032x}" for n in range(400)] == [hit.chunk_id for (hit,) in found]
    with pytest.raises(SchemaMismatch, match=r"HTTP 413.*raise the limit on requests \(max_request_size_mb"):
        index.upsert("one", points(1, title="x" * 100_000))
    index.close()


def test_a_killed_worker_loses_nothing_that_was_acknowledged(
    folder: Path, connect: Callable[..., QdrantClient]
) -> None:
    index = QdrantIndex.embedded(Engine(folder, **QUICK), first_wait_seconds=0.01)
    index.create_collection("one", 8)
    expected = {}
    for batch in range(4):
        written = [p for p in points(40) if p.payload["metadata"]["shard"] == batch]
        index.upsert("one", written)
        expected |= {p.id: p.payload for p in written}
        if batch == 1:
            index.flush("one")
        os.kill(worker_pids(connect())["one"], signal.SIGKILL)
    assert expected == {stored.id: stored.payload for stored in index.scroll("one", EVERYTHING)}
    (hits,) = index.search("one", vectors(40)[5:6], EVERYTHING, 1)
    assert [f"{5:032x}"] == [hit.chunk_id for hit in hits]
    index.close()


def test_an_optimisation_that_was_killed_is_done_again(folder: Path, connect: Callable[..., QdrantClient]) -> None:
    index = QdrantIndex.embedded(Engine(folder, **QUICK), first_wait_seconds=0.01, indexing_threshold=1)
    index.create_collection("one", 8)
    index.upsert("one", points(5000))
    client = connect()
    client.update_collection("one", optimizers_config=models.OptimizersConfigDiff(indexing_threshold=1))
    os.kill(worker_pids(client)["one"], signal.SIGKILL)
    index.optimise("one")
    info = client.get_collection("one")
    assert ("green", 5000, 5000) == (info.status, info.points_count, info.indexed_vectors_count)
    index.close()


def test_the_engine_stays_while_it_is_kept_and_ends_at_stop(folder: Path) -> None:
    started = engine.start(folder, **QUICK)
    assert (True, True) == (started.running, started.kept)
    assert not locks.wait_until(lambda: not engine.status(folder).running, 1.0)
    stopped = engine.stop(folder)
    assert (False, False, None) == (stopped.running, stopped.kept, stopped.pid)


def test_stop_leaves_an_engine_in_use_to_its_users_unless_forced(
    folder: Path, connect: Callable[..., QdrantClient]
) -> None:
    engine.start(folder, **QUICK)
    connect()
    assert engine.stop(folder).running
    assert not engine.stop(folder, force=True).running


def test_a_stopped_engine_keeps_collections_and_aliases(folder: Path, connect: Callable[..., QdrantClient]) -> None:
    index = QdrantIndex.embedded(Engine(folder, **QUICK))
    index.create_collection("one", 8)
    index.upsert("one", points(10))
    index.move_aliases([AliasAction("create", "docs", "one")])
    index.close()
    assert gone(folder)
    assert ("one",) == engine.status(folder).collections
    assert 10 == connect().count("docs").count


def test_the_endpoint_is_for_the_user_alone_and_the_token_is_asked_for(
    folder: Path, connect: Callable[..., QdrantClient]
) -> None:
    connect()
    mode = stat.S_IMODE((folder / locks.ENDPOINT).stat().st_mode)
    url = engine.status(folder).url
    used = Engine(folder)
    _, token = used.address()
    used.close()
    stranger = QdrantClient(url=url, headers={"api-key": "guessed"}, check_compatibility=False)
    with pytest.raises(UnexpectedResponse, match="401"):
        stranger.get_aliases()
    stranger.close()
    assert (0o600, True) == (mode, url.startswith("http://127.0.0.1:"))
    assert token not in f"{used!r} {vars(used)}"


def test_a_front_that_cannot_start_is_reported_with_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "qdrant"
    folder.mkdir()
    (folder / locks.ALIASES).write_text("{broken")
    with pytest.raises(IndexUnavailable, match=r"(?s)engine\.log ends with: .*JSONDecodeError"):
        Engine(folder, start_seconds=20).address()
    assert not engine.status(folder).running


def test_status_of_a_folder_that_does_not_exist_creates_nothing(tmp_path: Path) -> None:
    told = engine.status(tmp_path / "nothing")
    assert (False, ()) == (told.running, told.collections)
    assert not (tmp_path / "nothing").exists()


def test_an_idle_worker_makes_room_for_another_collection(folder: Path, connect: Callable[..., QdrantClient]) -> None:
    client = connect(max_open=2)
    for name in ("a", "b", "c"):
        create(client, name)
    assert {"b", "c"} == set(worker_pids(client))
    assert 0 == client.count("a").count
    assert {"c", "a"} == set(worker_pids(client))


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "", "x" * 201, "a b"])
def test_names_that_are_no_file_names_are_refused(
    folder: Path, connect: Callable[..., QdrantClient], name: str
) -> None:
    with pytest.raises((UnexpectedResponse, ValueError)):
        create(connect(), name)
    assert () == engine.status(folder).collections


def test_too_large_a_request_is_refused(connect: Callable[..., QdrantClient]) -> None:
    client = connect(max_body=10_000)
    create(client, "one")
    with pytest.raises(UnexpectedResponse, match="413"):
        client.upsert("one", [models.PointStruct(id=1, vector=[1.0] * 8, payload={"text": "x" * 20_000})])


def test_what_the_engine_cannot_do_is_refused_not_ignored(connect: Callable[..., QdrantClient]) -> None:
    client = connect()
    create(client, "one")
    nested = models.NestedCondition(nested=models.Nested(key="a", filter=models.Filter()))
    with pytest.raises(UnexpectedResponse, match="NestedCondition"):
        client.count("one", models.Filter(must=[nested]))
    with pytest.raises(UnexpectedResponse, match="UpdateCollection with params"):
        client.update_collection("one", collection_params=models.CollectionParamsDiff(replication_factor=2))
    with pytest.raises(UnexpectedResponse, match="SampleQuery"):
        client.query_points("one", models.SampleQuery(sample=models.Sample.RANDOM))


def test_the_client_finds_the_version_compatible(folder: Path, connect: Callable[..., QdrantClient]) -> None:
    connect()
    found = locks.read_json(folder / locks.ENDPOINT)
    version = get_server_version(found["url"], {"api-key": found["token"]}, None, 5)
    assert is_compatible(importlib.metadata.version("qdrant-client"), version)


def test_a_question_about_a_collection_that_nobody_has_open_starts_no_worker(connect) -> None:
    client = connect(max_open=2)
    for name in ("one", "two", "three"):
        create(client, name)
    before = worker_pids(client)
    points = client.get_collection("one").points_count
    assert (["three", "two"], 0) == (sorted(before), points)
    assert before == worker_pids(client)
