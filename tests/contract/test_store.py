"""What every `ports.Store` promises: a folder, an S3 prefix, and the double that other tests use."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ingest.adapters.stores import open_store
from ingest.errors import SchemaMismatch
from tests.fakes import InMemoryStore
from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]

WRITERS = 8


@pytest.fixture(params=["memory", "folder", "s3"])
def store(request, tmp_path):
    if request.param == "memory":
        return InMemoryStore()
    if request.param == "folder":
        return open_store((tmp_path / "a lake").as_uri(), None, tmp_path / "cache", 10**9, 10**9)
    server = request.getfixturevalue("s3_server")
    bucket = request.getfixturevalue("make_bucket")()
    server.page_size = 3
    return open_store(f"s3://{bucket}/a%20lake", server.options(), tmp_path / "cache", 10**9, 10**9)


def test_what_was_put_is_got(store):
    store.put("a/b/c.json", b"1")
    store.put("a/b/c.json", b"2")
    assert store.get("a/b/c.json") == b"2"


def test_an_empty_value_is_a_value(store):
    store.put("a", b"")
    assert (store.get("a"), list(store.list(""))) == (b"", ["a"])


def test_what_was_never_put_is_missing(store):
    store.put("a/b", b"")
    assert [store.get(key) for key in ("a", "a/c", "a/b/c", "b")] == [None] * 4


def test_keys_that_differ_only_in_case_are_two(store):
    store.put("a/Key", b"upper")
    store.put("a/key", b"lower")
    assert (store.get("a/Key"), store.get("a/key")) == (b"upper", b"lower")


@pytest.mark.parametrize("key", ["a b", "a#b", "a%20b", "a?b", "a+b", "ä", "😀/ключ", "a\\b", "-", ".hidden", "docs@1"])
def test_a_strange_key_is_a_key(store, key):
    store.put(key, b"content")
    folder, _, name = key.rpartition("/")
    assert (store.get(key), list(store.list(f"{folder}/" if folder else ""))) == (b"content", [name])


def test_a_file_is_put_whole(store, tmp_path):
    (tmp_path / "part").write_bytes(b"x" * 300_000)
    store.put_file("data/part", tmp_path / "part")
    assert store.get("data/part") == b"x" * 300_000


def test_a_value_is_created_once(store):
    assert store.create("releases/1.json", b"first")
    assert not store.create("releases/1.json", b"second")
    assert store.get("releases/1.json") == b"first"


def test_a_create_that_finds_its_own_bytes_counts_as_ours(store):
    assert store.create("releases/1.json", b"ours")
    assert store.create("releases/1.json", b"ours")


def test_a_deleted_value_can_be_created_again(store):
    store.create("a", b"1")
    store.delete("a")
    assert store.get("a") is None
    assert store.create("a", b"2")


def test_deleting_what_is_not_there_does_nothing(store):
    store.delete("a/b")
    assert list(store.list("a/")) == []


def test_exactly_one_of_eight_racing_writers_creates(store):
    def race(key):
        barrier = Barrier(WRITERS)

        def write(number):
            barrier.wait()
            return store.create(key, b"writer %d" % number)

        with ThreadPoolExecutor(WRITERS) as writers:
            return list(writers.map(write, range(WRITERS)))

    for round_ in range(5):
        won = race(f"leases/{round_}.json")
        assert Counter({False: WRITERS - 1, True: 1}) == Counter(won)
        assert store.get(f"leases/{round_}.json") == b"writer %d" % won.index(True)


def test_only_direct_children_are_listed_by_name(store):
    for key in ("a/1", "a/2", "a/b/3", "ab/4", "5"):
        store.put(key, b"")
    assert {prefix: list(store.list(prefix)) for prefix in ("", "a/", "a/b/", "b/")} == {
        "": ["5"],
        "a/": ["1", "2"],
        "a/b/": ["3"],
        "b/": [],
    }


def test_names_are_listed_in_the_order_of_utf_8(store):
    names = ["10", "9", "A", "a", "a b", "a-b", "a.b", "é", "\ufffd", "😀"]
    for name in reversed(names):
        store.put(f"a/{name}", b"")
    assert sorted(names, key=str.encode) == list(store.list("a/"))


def test_a_walk_yields_every_value_with_its_size_and_the_time_of_its_last_write(store):
    assert list(store.walk()) == []
    for key in ("a/1", "a/b/c/2 ö.json", "3"):
        store.put(key, key.encode())
    times = {(key, size): time for key, size, time in store.walk()}
    assert {*times} == {("a/1", 3), ("a/b/c/2 ö.json", 15), ("3", 1)}
    store.put("a/1", b"new")
    later = {(key, size): time for key, size, time in store.walk()}
    assert [later[one] >= times[one] for one in times] == [True] * 3


def test_a_value_has_a_local_file(store):
    store.put("data/part.parquet", b"content")
    path = store.local_path("data/part.parquet")
    assert (path.read_bytes(), path.suffix) == (b"content", ".parquet")


def test_a_missing_value_has_no_local_file(store):
    with pytest.raises(SchemaMismatch, match="data/part"):
        store.local_path("data/part")


def test_a_value_that_can_be_read_in_parts_reads_as_it_is(store):
    data = bytes(n % 251 for n in range(700_000))
    store.put("a/b.parquet", data)
    store.ranges_above = 1000  # where there is such a limit
    if (file := store.ranged("a/b.parquet", len(data))) is None:
        assert store.local_path("a/b.parquet").read_bytes() == data
        return
    with file:
        file.seek(300_000)
        assert file.read(20) == data[300_000:300_020]
        file.seek(0)
        assert file.readall() == data
