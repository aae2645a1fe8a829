"""A bounded cache keeps what was used last, and never more than its limit."""

import threading

from ingest.bounded_cache import BoundedCache


def test_what_was_unused_for_longest_goes_first() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert 1 == cache.get("a")
    cache.put("c", 3)
    assert [1, None, 3] == [cache.get(key) for key in "abc"]
    assert 2 == cache.weight


def test_weights_add_up_and_a_value_that_is_put_again_counts_once() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    for key, weight in (("a", 4), ("b", 4), ("a", 6)):
        cache.put(key, key, weight)
    assert 10 == cache.weight
    cache.put("c", "c", 5)
    assert [None, None, "c"] == [cache.get(key) for key in "bac"]


def test_the_newest_stays_although_it_alone_weighs_more_than_the_limit() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    cache.put("a", "a", 3)
    cache.put("b", "b", 99)
    assert (None, "b") == (cache.get("a"), cache.get("b"))


def test_a_limit_of_0_keeps_nothing() -> None:
    cache: BoundedCache[str, int] = BoundedCache(0)
    assert (7, 0) == (cache.put("a", 7), cache.weight)
    assert cache.get("a") is None


def test_threads_that_ask_at_once_make_a_value_once() -> None:
    cache: BoundedCache[str, object] = BoundedCache(4)
    start, made, found = threading.Barrier(8), list[object](), list[object]()

    def make() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        start.wait()
        found.append(cache.keep("a", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, [made[0]] * 8) == (len(made), found)
