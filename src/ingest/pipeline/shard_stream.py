"""How shards flow from one step into the next while others are still on their way."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from threading import Event


@contextmanager
def flowing(shards: Generator[int | None], *, overlaps: bool) -> Iterator[Iterable[int]]:
    """Give the block shards as a thread takes them from a step; without overlap all of them, in order.

    Only their numbers wait. What the step raises comes before them. With the block, the thread ends after a slice.
    """
    if not overlaps:
        yield sorted(shard for shard in shards if shard is not None)
        return
    waiting, left = SimpleQueue[int | None](), Event()

    def take() -> None:
        for shard in shards:
            if left.is_set():
                return shards.close()
            if shard is not None:
                waiting.put(shard)

    def taken() -> int | None:
        shard = waiting.get()
        if taking.done():
            taking.result()
        return shard

    with ThreadPoolExecutor(1, thread_name_prefix="flow") as pool:
        taking = pool.submit(copy_context().run, take)
        taking.add_done_callback(lambda _: waiting.put(None))
        try:
            yield iter(taken, None)
        finally:
            left.set()
