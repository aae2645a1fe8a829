"""A Ray cluster of one node; `make ray-test` takes more time, and two nodes."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.executors.processes import ProcessExecutor
from ingest.adapters.executors.ray import RayExecutor
from ingest.adapters.stores.folder_store import FolderStore
from ingest.pipeline.tasks import ShardTask
from tests.fakes import inline_executor
from tests.integration.adapters.executors.test_processes import open_project
from tests.pipelines import document
from tests.ray_cluster import executor, node

if find_spec("ray") is None:
    pytest.skip("ingest[ray] is not installed", allow_module_level=True)

__all__ = ["executor", "node"]


@dataclass(frozen=True)
class LoadingHere:
    """Runs `io` steps in this process, which has the index in its memory, all others on Ray."""

    cluster: RayExecutor
    here: ProcessExecutor
    workers: int = 2

    def map(self, step: Any, items: Iterable[ShardTask]) -> Any:
        return (self.here if step.resource == "io" else self.cluster).map(step, items)


def test_a_generation_built_on_ray_has_the_digest_of_one_built_inline(executor: RayExecutor, tmp_path: Path) -> None:
    one, other = open_project(str(tmp_path)), open_project(str(tmp_path))
    for n in range(6):
        one.source.write(f"d{n:02d}.md", document(n))
    other.store = FolderStore(str(tmp_path / "inline"))
    report = one.run(execute=LoadingHere(executor, inline_executor(one.services())))
    assert (report.decision, report.digest) == ("promoted", other.run().digest)
    assert one.gets() == {}  # all of them on the node
    names = [{path.name for path in (tmp_path / lake / "docs/data").iterdir()} for lake in ("lake", "inline")]
    assert names[0] == names[1]  # named by content
