"""What only a cluster can show: its nodes follow each other, and the loss of one loses nothing."""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ingest.errors import IngestError
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING
from ingest_conformance.alias_checks import create, mine, rename
from ingest_conformance.expectations import Violation, agree
from ingest_conformance.points import DIMENSION, point, some_points, vectors

Given = TypeVar("Given")
PAUSE_SECONDS = 0.1  # between two looks
WRITTEN = 200  # points that were acknowledged before the loss
SAID = 500  # last characters of what a command said


@dataclass(frozen=True)
class NodeLoss:
    """How a node is lost, in words of the user's shell, and for how long nothing may answer."""

    kill: str
    restore: str = ""  # how it comes back; "": it does not
    seconds: float = 60.0  # for a command, and until everything answers after it


def other_nodes_follow(index: VectorIndex, collection: str, nodes: Sequence[VectorIndex], seconds: float) -> None:
    """Other nodes show a move of the aliases within the limit, and never another target than those that there were."""
    other, alias = f"{collection}-b", f"{collection}-serves"
    index.create_collection(other, DIMENSION)
    agree(True, index.move_aliases([create(f"{collection}@0", collection), create(alias, collection)]))
    for number in range(1, 5):
        target, fence = (collection, other)[number % 2], f"{collection}@{number}"
        guard = f"{collection}@{number - 1}"
        agree(True, index.move_aliases([rename(guard, fence), create(fence, target), create(alias, target)]))
        for node in nodes:
            _until(seconds, _shows, node, collection, {fence: target, alias: target})


def nothing_is_lost_with_a_node(index: VectorIndex, collection: str, loss: NodeLoss) -> None:
    """With a node lost, all that was acknowledged is found, searches answer, and writes and alias moves go on."""
    written = some_points(WRITTEN)
    index.upsert(collection, written)
    index.optimise(collection)
    index.flush(collection)
    fence = f"{collection}@0"
    agree(True, index.move_aliases([create(fence, collection)]))
    for number, command in enumerate(filter(None, (loss.kill, loss.restore)), 1):
        _run(command, loss.seconds)
        late = point(WRITTEN + number, vectors(1, seed=number)[0])
        _until(loss.seconds, index.upsert, collection, [late])
        written.append(late)
        found = _until(loss.seconds, index.retrieve, collection, [p.id for p in written])
        agree({p.id: p.payload for p in written}, {key: stored.payload for key, stored in found.items()}, command)
        agree(len(written), _until(loss.seconds, index.count, collection, EVERYTHING), command)
        ((hit,),) = _until(loss.seconds, index.search, collection, late.vector[None], EVERYTHING, 1)
        agree(late.payload["metadata"]["chunk_id"], hit.chunk_id, command)
        guard, fence = fence, f"{collection}@{number}"
        _until(loss.seconds, _moved, index, collection, guard, fence)
        agree({fence: collection}, mine(index, collection), command)


def _moved(index: VectorIndex, collection: str, guard: str, fence: str) -> None:
    """Rename a fence; the answer to an earlier attempt may have been lost."""
    if fence not in mine(index, collection):
        agree(True, index.move_aliases([rename(guard, fence)]))


def _shows(node: VectorIndex, collection: str, wanted: dict[str, str]) -> None:
    found = mine(node, collection)
    strange = set(found.values()) - {collection, f"{collection}-b"}
    agree(set(), strange, f"{node}: targets")
    agree(wanted, found, f"{node}")


def _until(seconds: float, do: Callable[..., Given], *arguments: Any) -> Given:
    """Return what a call returns once it does. Raises: Violation with its last fault when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do(*arguments)
        except (IngestError, Violation) as error:
            if time.monotonic() > deadline:
                raise Violation(f"not within {seconds:g} s: {error}") from error
        time.sleep(PAUSE_SECONDS)


def _run(command: str, seconds: float) -> None:
    """Run a command of the user in a shell. Raises: Violation if it fails or takes too long."""
    try:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise Violation(f"{command}: did not end within {seconds:g} s") from error
    if done.returncode:
        raise Violation(f"{command}: exit code {done.returncode}: {(done.stdout + done.stderr)[-SAID:].strip()}")
