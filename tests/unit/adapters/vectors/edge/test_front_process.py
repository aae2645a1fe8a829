"""How the front of the embedded engine notices that nobody uses it."""

import asyncio
from pathlib import Path

from ingest.adapters.vectors.edge import locks
from ingest.adapters.vectors.edge.front_process import until_unused
from ingest.adapters.vectors.edge.worker_pool import FrontOptions

QUICK = FrontOptions(poll_seconds=0.0, grace_seconds=0.0)


def test_a_front_that_ends_keeps_new_users_waiting_to_its_end(tmp_path: Path) -> None:
    (tmp_path / locks.USERS).touch()
    with locks.try_lock(tmp_path / locks.FRONT) as ours:
        ending = asyncio.run(until_unused(tmp_path, QUICK, ours))
        during = locks.try_lock(tmp_path / locks.USERS, shared=True)
        ending.close()
        after = locks.try_lock(tmp_path / locks.USERS, shared=True)
        after.close()
    assert during is None


def test_a_front_whose_folder_is_another_one_now_holds_no_lock_of_it(tmp_path: Path) -> None:
    with locks.try_lock(tmp_path / locks.FRONT) as ours:
        (tmp_path / locks.FRONT).rename(tmp_path / "gone")
        (tmp_path / locks.FRONT).touch()
        assert asyncio.run(until_unused(tmp_path, QUICK, ours)) is None
