"""Runs each step of a shard as one Prefect task: a sliding window of submitted shards, results not persisted."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.futures import PrefectFuture
from prefect.states import State

from ingest.errors import TransientError
from ingest.ports import Services

_opened: dict[str, Services] = {}  # of this worker process, by settings and index


@dataclass(frozen=True)
class PrefectExecutor:
    """Implements `ports.Execute` inside a flow. Nothing is decided from Prefect's records: the lake is the ledger.

    Args:
        open_services: Picklable; called once in each worker process.
        key: Names the settings and index that `open_services` opens.
        window: Shards submitted and not finished, at most.
        timeout_seconds: Of one step of one shard.
    """

    open_services: Callable[[], Services]
    key: str
    window: int = 4
    timeout_seconds: float = 4 * 3600.0

    def map(self, step: Callable[[Services, Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield step(services, item) in completion order; a TransientError is tried once more, by Prefect."""
        submitted = task(
            _run, name=step.__name__, task_run_name=f"{step.__name__} {{item.shard}}", retries=1,
            retry_delay_seconds=1, retry_condition_fn=_is_transient, persist_result=False, cache_policy=NO_CACHE,
            timeout_seconds=self.timeout_seconds, tags=[getattr(step, "resource", "cpu")],
        )  # fmt: skip
        done: SimpleQueue[PrefectFuture[Any]] = SimpleQueue()
        running = 0
        for item in items:
            future = submitted.submit(step, self.open_services, self.key, item)
            future.add_done_callback(done.put)
            running += 1
            if running >= self.window:
                yield done.get().result()
                running -= 1
        for _ in range(running):
            yield done.get().result()


def services_of(open_services: Callable[[], Services], key: str) -> Services:
    """Return the services of this process, opened at the first call."""
    if key not in _opened:
        _opened[key] = open_services()
    return _opened[key]


def forget_services(key: str) -> None:
    """Close what `services_of` opened in this process."""
    services = _opened.pop(key, None)
    for close in services.closers if services is not None else ():
        close()


def _run(step: Callable[[Services, Any], Any], open_services: Callable[[], Services], key: str, item: Any) -> Any:
    return step(services_of(open_services, key), item)


async def _is_transient(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    try:
        await state.result(raise_on_failure=True)  # type: ignore[misc]
    except TransientError:
        return True
    except BaseException:  # noqa: BLE001 - whatever it was, it is not tried again
        return False
    return False
