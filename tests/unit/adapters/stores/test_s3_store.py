import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.adapters.stores.s3_store import BLOCK, FileCache, S3Store
from ingest.errors import InvalidSettings, SchemaMismatch, StoreUnavailable, UnknownSource
from ingest.lake.keys import TEMPORARY
from tests.s3_server import cut_body, lose_answer, refuse


@pytest.fixture
def store(s3_server, make_bucket, tmp_path):
    s3_server.page_size = 2
    return S3Store(f"s3://{make_bucket()}/lake", s3_server.options(), tmp_path / "cache", 10**6, 10**9)


def sent(server, method):
    return sum(request.method == method for request in server.requests)


# Create


def test_a_create_whose_answer_got_lost_is_ours(store, s3_server):
    s3_server.plan(lose_answer, method="PUT")
    assert store.create("releases/1.json", b"ours")
    assert (sent(s3_server, "PUT"), store.get("releases/1.json")) == (2, b"ours")


def test_a_create_whose_answers_all_got_lost_is_unavailable_and_ours_when_asked_again(store, s3_server):
    s3_server.plan(lose_answer, method="PUT", times=3)
    with pytest.raises(StoreUnavailable):
        store.create("releases/1.json", b"ours")
    assert store.create("releases/1.json", b"ours")


def test_a_create_that_lost_to_another_writer_is_not_ours_although_its_answer_got_lost(store, s3_server):
    store.put("releases/1.json", b"theirs")
    s3_server.plan(lose_answer, method="PUT")
    assert not store.create("releases/1.json", b"ours")
    assert store.get("releases/1.json") == b"theirs"


def test_a_conflict_of_two_creates_at_once_is_tried_again(store, s3_server):
    s3_server.plan(refuse("409 Conflict", "ConditionalRequestConflict"), method="PUT", times=2)
    assert store.create("releases/1.json", b"ours")


def test_a_conflict_that_stays_is_unavailable(store, s3_server):
    s3_server.plan(refuse("409 Conflict", "ConditionalRequestConflict"), method="PUT", times=9)
    with pytest.raises(StoreUnavailable, match=r"ConditionalRequestConflict \(HTTP 409\), at each of up to 3 attempts"):
        store.create("releases/1.json", b"ours")


def test_eight_writers_under_conflicts_and_lost_answers_have_one_winner(store, s3_server):
    for round_ in range(3):
        s3_server.plan(lose_answer, method="PUT", text=f"/{round_}.json", times=4)
        s3_server.plan(refuse("409 Conflict", "ConditionalRequestConflict"), "PUT", f"/{round_}.json", times=4)

        def write(number, round_=round_):
            try:
                return store.create(f"leases/{round_}.json", b"writer %d" % number)
            except StoreUnavailable:  # unknown to this writer; it asks again, as `pipeline` would
                return store.create(f"leases/{round_}.json", b"writer %d" % number)

        with ThreadPoolExecutor(8) as writers:
            won = list(writers.map(write, range(8)))
        assert won.count(True) == 1
        assert store.get(f"leases/{round_}.json") == b"writer %d" % won.index(True)


def test_a_value_removed_between_conflict_and_look_is_created_again(store, s3_server):
    s3_server.plan(refuse("412 Precondition Failed", "PreconditionFailed"), method="PUT")
    assert store.create("a", b"ours")


def test_the_check_passes_and_leaves_nothing(store):
    store.check("token")
    assert list(store.list("checks/")) == []


def test_the_check_finds_an_endpoint_that_ignores_conditions(store, s3_server):
    def ignore_condition(app, environ, start_response):
        environ.pop("HTTP_IF_NONE_MATCH")
        return app(environ, start_response)

    s3_server.plan(ignore_condition, method="PUT", times=2)
    with pytest.raises(InvalidSettings, match=f"{s3_server.url} ignores If-None-Match"):
        store.check("token")
    assert list(store.list("checks/")) == []


# Reading


def test_a_broken_body_is_fetched_again(store, s3_server):
    store.put("a", b"0123456789")
    s3_server.plan(cut_body, times=2)
    assert store.get("a") == b"0123456789"


def test_a_long_list_comes_in_pages_and_without_what_lies_deeper(store, s3_server):
    for n in range(5):
        store.put(f"a/{n}", b"")
        store.put(f"a/{n}sub/x", b"")
    s3_server.forget()
    assert list(store.list("a/")) == list("01234")
    assert sent(s3_server, "GET") == 5


def test_a_missing_bucket_is_not_a_missing_value(s3_server, tmp_path):
    store = S3Store("s3://missing-bucket/lake", s3_server.options(), tmp_path, 1, 1)
    for act in (store.get, store.local_path, lambda key: list(store.list(f"{key}/"))):
        with pytest.raises(UnknownSource, match="s3://missing-bucket: no such bucket"):
            act("a")


def test_two_lakes_in_one_bucket_do_not_mix(s3_server, make_bucket, tmp_path):
    bucket = make_bucket()
    uris = (f"s3://{bucket}/lake", f"s3://{bucket}/lake2")
    one, two = (S3Store(uri, s3_server.options(), tmp_path, 10**6, 10**9) for uri in uris)
    one.put("data/a", b"1")
    two.put("data/a", b"2")
    assert (one.local_path("data/a").read_bytes(), two.local_path("data/a").read_bytes()) == (b"1", b"2")
    assert (list(one.list("data/")), list(one.list(""))) == (["a"], [])


def test_a_key_that_no_folder_could_hold_is_refused(store):
    for key in ("../a", "/a", "a//b", f"{TEMPORARY}x"):
        with pytest.raises(InvalidSettings, match="key"):
            store.put(key, b"")


# Cache


def test_a_local_copy_is_fetched_once(store, s3_server):
    store.put("data/a.parquet", b"content")
    paths = {store.local_path("data/a.parquet") for _ in range(3)}
    assert (len(paths), sent(s3_server, "GET")) == (1, 1)


def test_a_copy_that_broke_off_is_never_taken_for_the_value(store, s3_server, tmp_path):
    store.put("data/a", b"0123456789")
    s3_server.plan(cut_body, times=3)
    with pytest.raises(StoreUnavailable):
        store.local_path("data/a")
    assert list((tmp_path / "cache").iterdir()) == []
    assert store.local_path("data/a").read_bytes() == b"0123456789"


def test_a_missing_value_leaves_nothing_in_the_cache(store, tmp_path):
    with pytest.raises(SchemaMismatch, match=f"{store.uri}/data/a: no such value"):
        store.local_path("data/a")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_unavailable(s3_server, make_bucket, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    store = S3Store(f"s3://{make_bucket()}", s3_server.options(), tmp_path / "cache", 1, 1)
    store.put("a", b"")
    with pytest.raises(StoreUnavailable, match=f"cache {tmp_path}/cache: cannot hold a copy: "):
        store.local_path("a")


@pytest.fixture
def cache(tmp_path):
    return FileCache(tmp_path / "cache", limit=30)


def held(cache):
    """Return the first letters of the files in the cache, without counting as one who uses them."""
    letters = []
    for path in cache.folder.iterdir():
        status = path.stat()
        letters.append(path.read_bytes()[:1].decode())
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return sorted(letters)


def fill(cache, name, age):
    """Put ten bytes into the cache that were used `age` seconds ago."""
    path = cache.path(name, lambda path: path.write_bytes(name.encode() * 10))
    used = path.stat().st_mtime - age
    os.utime(path, (used, used))
    return path


def test_the_least_recently_used_copies_go_when_the_limit_is_reached(cache):
    for name, age in (("a", 3000), ("b", 1000), ("c", 2000)):
        fill(cache, name, age)
    assert held(cache) == ["a", "b", "c"]
    fill(cache, "d", 0)
    assert held(cache) == ["b", "c", "d"]


def test_a_copy_that_is_used_again_stays(cache):
    for name, age in (("a", 3000), ("b", 1000), ("c", 2000)):
        fill(cache, name, age)
    cache.path("a", lambda path: path.write_bytes(b"never"))
    fill(cache, "d", 0)
    assert held(cache) == ["a", "b", "d"]


def test_a_copy_that_is_used_again_still_tells_when_it_was_written(cache):
    written = fill(cache, "a", 1000).stat()
    again = cache.path("a", lambda path: path.write_bytes(b"never")).stat()
    assert again.st_mtime_ns == written.st_mtime_ns  # or its bytes were hashed again at each use
    assert again.st_atime > written.st_atime + 900


def test_a_copy_handed_out_a_moment_ago_stays_even_over_the_limit(cache):
    for name in "abcde":
        fill(cache, name, 0)
    assert held(cache) == ["a", "b", "c", "d", "e"]


def test_a_copy_larger_than_the_limit_is_handed_out_and_goes_next(cache):
    large = cache.path("x", lambda path: path.write_bytes(b"x" * 100))
    assert large.read_bytes() == b"x" * 100
    os.utime(large, (0, 0))
    fill(cache, "a", 0)
    assert held(cache) == ["a"]


def test_what_a_crash_left_in_the_cache_goes_after_a_day(cache):
    fill(cache, "a", 0)
    for name, used in (("old", 0), ("young", None)):
        path = cache.folder / f"{TEMPORARY}{name}"
        path.write_bytes(name.encode())
        if used is not None:
            os.utime(path, (used, used))
    fill(cache, "b", 0)
    assert held(cache) == ["a", "b", "y"]


# Values in parts

LARGE = bytes(n % 253 for n in range(3 * BLOCK))


@pytest.fixture
def ranged(store):
    store.ranges_above = 2 * BLOCK
    store.put("parts/a.parquet", LARGE)
    return store


def test_of_a_large_value_only_what_is_read_is_fetched(ranged, s3_server):
    with ranged.ranged("parts/a.parquet", len(LARGE)) as file:
        assert sent(s3_server, "GET") == 0
        file.seek(BLOCK + 5)
        assert file.read(10) == LARGE[BLOCK + 5 : BLOCK + 15]
        assert file.read(10) == LARGE[BLOCK + 15 : BLOCK + 25]
    assert [r.headers["range"] for r in s3_server.requests if r.method == "GET"] == [f"bytes={BLOCK}-{2 * BLOCK - 1}"]


def test_a_small_value_and_one_with_a_local_copy_are_read_from_the_copy(ranged):
    ranged.put("parts/small.parquet", LARGE[: 2 * BLOCK])
    assert ranged.ranged("parts/small.parquet", 2 * BLOCK) is None
    ranged.local_path("parts/a.parquet")
    assert ranged.ranged("parts/a.parquet", len(LARGE)) is None


def test_a_part_that_is_cut_short_is_fetched_again(ranged, s3_server):
    s3_server.plan(cut_body, method="GET")
    with ranged.ranged("parts/a.parquet", len(LARGE)) as file:
        assert file.read(10) == LARGE[:10]
    assert sent(s3_server, "GET") == 2


def test_an_endpoint_without_ranges_is_told_with_the_way_out(ranged, s3_server):
    s3_server.plan(without_range, method="GET")
    with (
        ranged.ranged("parts/a.parquet", len(LARGE)) as file,
        pytest.raises(InvalidSettings, match=rf"ignores Range; set `ranges_above` to {len(LARGE)} or more"),
    ):
        file.read(10)


def without_range(app, environ, start_response):
    return app({name: value for name, value in environ.items() if name != "HTTP_RANGE"}, start_response)


def test_a_value_that_is_gone_or_of_another_size_is_told(ranged):
    ranged.put("parts/empty.parquet", b"")
    with (
        ranged.ranged("parts/empty.parquet", len(LARGE)) as file,
        pytest.raises(SchemaMismatch, match=r"empty\.parquet: no such value of"),
    ):
        file.read(10)
    for key, size in (("parts/gone.parquet", len(LARGE)), ("parts/a.parquet", len(LARGE) + 1)):
        with ranged.ranged(key, size) as file, pytest.raises(SchemaMismatch, match=f"{key}: no such value of {size}"):
            file.read(10)


def test_a_412_for_a_value_that_is_not_there_is_asked_again_and_then_told(store, s3_server):
    s3_server.plan(refuse("412 Precondition Failed", "PreconditionFailed"), method="PUT", times=2)
    assert store.create("docs/manifest.json", b"manifest")
    s3_server.plan(refuse("412 Precondition Failed", "PreconditionFailed"), method="PUT", times=9)
    with pytest.raises(StoreUnavailable, match="answers that there is such a value, and that there is none"):
        store.create("docs/other.json", b"manifest")
