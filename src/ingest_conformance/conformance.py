"""All checks in order against one index; what they make is removed again, whatever happens."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from ingest.errors import IngestError
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction
from ingest_conformance import alias_checks, point_checks
from ingest_conformance.cluster_checks import NodeLoss, nothing_is_lost_with_a_node, other_nodes_follow
from ingest_conformance.expectations import Violation
from ingest_conformance.points import DIMENSION

Check = Callable[[VectorIndex, str], None]
LIMITS = {"page": 7, "write_batch": 5, "search_batch": 2}  # of the connection: so that paging is checked, too
CHECKS: tuple[Check, ...] = (*point_checks.CHECKS, *alias_checks.CHECKS)


@dataclass(frozen=True)
class CheckResult:
    """One check: what is promised, and what does not hold of it."""

    check: str
    promise: str
    seconds: float
    fault: str = ""


def check_index(
    index: VectorIndex, name: str, nodes: Sequence[VectorIndex] = (), loss: NodeLoss | None = None, wait: float = 10.0
) -> Generator[CheckResult]:
    """Yield the result of each check, and at last whether all that was made is gone.

    Everything on the server is called `name`, or begins with it: nobody else may use such names. `nodes`: other nodes
    of the same cluster, which have `wait` seconds to follow. `loss`: how a node is lost; without it, none is.

    Raises: what the indexes raise that do not answer at all, before anything is made.
    """
    for one in (index, *nodes):
        one.collections()
    checks: list[Check] = [*CHECKS]
    checks += [partial(other_nodes_follow, nodes=nodes, seconds=wait)] if nodes else []
    checks += [partial(nothing_is_lost_with_a_node, loss=loss)] if loss is not None else []
    clean = False
    try:
        for check in checks:
            yield _result(check, index, name)
        clean = True
        yield _result(nothing_stays, index, name)
    finally:
        if not clean:  # stopped in between
            removed(index, name)


def emptied(index: VectorIndex, name: str) -> None:
    """Leave a collection of DIMENSION without points, aliases and others that begin with its name.

    It is not dropped if that can be avoided: the embedded engine starts a process for each.
    """
    others = [other for other in index.collections() if other.startswith(name) and other != name]
    for other in others:
        index.drop_collection(other)
    try:
        index.create_collection(name, DIMENSION)
    except IngestError:  # of another dimension
        index.drop_collection(name)
        index.create_collection(name, DIMENSION)
    index.delete(name, [stored.id for stored in index.scroll(name, EVERYTHING)])
    index.move_aliases([AliasAction("delete", alias) for alias in alias_checks.mine(index, name)])


def removed(index: VectorIndex, name: str) -> None:
    """Drop all collections and aliases that begin with a name."""
    index.move_aliases([AliasAction("delete", alias) for alias in alias_checks.mine(index, name)])
    for collection in index.collections():
        if collection.startswith(name):
            index.drop_collection(collection)


def _result(check: Check, index: VectorIndex, name: str) -> CheckResult:
    function = check.func if isinstance(check, partial) else check
    began, fault = time.monotonic(), ""
    try:
        if check is not nothing_stays:
            emptied(index, name)
        check(index, name)
    except Violation as error:
        fault = str(error)
    except Exception as error:  # noqa: BLE001 - an adapter of others may raise anything, which is its fault
        fault = f"{type(error).__name__}: {error}"
    promise = (function.__doc__ or function.__name__).strip().partition("\n")[0]
    return CheckResult(function.__name__, promise, round(time.monotonic() - began, 3), fault)


def nothing_stays(index: VectorIndex, name: str) -> None:
    """Nothing that was made here stays."""
    removed(index, name)
    left = [*alias_checks.mine(index, name), *(other for other in index.collections() if other.startswith(name))]
    if left:
        raise Violation(f"still there: {', '.join(left)}; remove them by hand")
