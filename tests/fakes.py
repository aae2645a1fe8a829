"""Named doubles of the ports: a store in memory, and aliases that a crash can cut in the middle of a call."""

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from ingest import extras
from ingest.adapters.executors.processes import ProcessExecutor
from ingest.errors import DamagedFile, IndexUnavailable
from ingest.records import AliasAction, LakeIdentity
from ingest.services import Services


class Killed(BaseException):
    """The process ends here. Not an Exception: nothing in the code under test may catch it."""


def uninstall(monkeypatch: pytest.MonkeyPatch, *distributions: str) -> None:
    """Have this process believe that distributions are not installed; they stay where they are."""

    def told(distribution: str) -> str:
        if distribution in distributions:
            raise PackageNotFoundError(distribution)
        return version(distribution)

    monkeypatch.setattr(extras, "version", told)


def inline_executor(services: Services) -> ProcessExecutor:
    """Return an executor that runs every step in this process."""
    return ProcessExecutor(lambda: services, services, workers=1)


class InMemoryStore:
    """A `ports.Store` over a dict."""

    def __init__(self, values: dict[str, bytes] | None = None) -> None:
        self.uri = "memory://lake"
        self.values: dict[str, bytes] = dict(values or {})
        self.written: dict[str, float] = {}  # when, in seconds since 1970
        self.clock: Callable[[], float] = lambda: 0.0
        self._folder: Path | None = None

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.values[key] = bytes(data)
        self.written[key] = self.clock()

    def put_file(self, key: str, path: Path, *, read_soon: bool = False) -> None:
        self.put(key, path.read_bytes())

    def create(self, key: str, data: bytes) -> bool:
        self.written.setdefault(key, self.clock())
        return self.values.setdefault(key, bytes(data)) == data

    def list(self, prefix: str) -> Iterator[str]:
        names = (key.removeprefix(prefix) for key in self.values if key.startswith(prefix))
        return iter(sorted((name for name in names if name and "/" not in name), key=str.encode))

    def walk(self) -> Iterator[tuple[str, int, float]]:
        for key, value in list(self.values.items()):
            yield key, len(value), self.written.get(key, 0.0)

    def check(self, token: str) -> None:
        pass

    def delete(self, key: str) -> None:
        self.values.pop(key, None)
        self.written.pop(key, None)

    def ranged(self, key: str, size: int) -> None:
        pass

    def local_path(self, key: str, *, anew: bool = False) -> Path:
        if key not in self.values:
            raise DamagedFile(f"{self.uri}/{key}: no such key")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="in-memory-store-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / key
        if not path.exists() or path.read_bytes() != self.values[key]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.values[key])
        return path


class CuttingAliases:
    """`ports.Aliases` with Qdrant's rules, as its source has them.

    Actions run in order, each saved by itself, and stop at the first that fails: `create` replaces an alias and needs
    its collection; `rename` needs the old name and keeps its target; `delete` of a missing name is no failure.
    Dropping a collection drops its aliases.
    """

    def __init__(self, collections: Sequence[str] = (), aliases: dict[str, str] | None = None) -> None:
        self.names: dict[str, str] = dict(aliases or {})
        self.existing: set[str] = set(collections)
        self.calls: list[list[AliasAction]] = []
        self.owners: dict[str, LakeIdentity] = {}  # by collection
        self.held: dict[str, str] = {}  # generation by collection
        self._cuts: list[tuple[int, BaseException]] = []

    def aliases(self) -> dict[str, str]:
        return dict(self.names)

    def collections(self) -> list[str]:
        return sorted(self.existing)

    def lake_of(self, collection: str) -> LakeIdentity | None:
        return self.owners.get(collection)

    def generation_of(self, collection: str) -> str:
        named = re.findall(r"__(\d+-[0-9a-f]{8})(?:-[0-9a-f]{8})?$", collection)
        return self.held.get(collection) or "".join(named[:1])

    def give(self, collection: str, lake: LakeIdentity, generation: str = "") -> None:
        self.owners[collection] = lake
        self.held[collection] = generation or self.generation_of(collection)

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        self.calls.append(list(actions))
        if not self._cuts:
            return self.apply(actions)
        after, error = self._cuts.pop(0)
        self.apply(actions[:after])
        raise error

    def cut_next(self, after: int, error: BaseException | None = None) -> None:
        """Let the next call apply only its first `after` actions, and then raise (by default: kill the caller)."""
        self._cuts.append((after, error or Killed(f"cut after {after} actions")))

    def leave_unanswered(self, after: int) -> None:
        """Let the next call apply only its first `after` actions, and its answer be lost."""
        self.cut_next(after, IndexUnavailable("no answer"))

    def apply(self, actions: Sequence[AliasAction]) -> bool:
        """Apply actions until one fails; False then."""
        for action in actions:
            if action.kind == "create":
                if action.target not in self.existing:
                    return False
                self.names[action.name] = action.target
            elif action.kind == "delete":
                self.names.pop(action.name, None)
            elif action.name not in self.names:
                return False
            else:
                self.names[action.target] = self.names.pop(action.name)
        return True

    def drop_collection(self, collection: str) -> None:
        """Remove a collection and its aliases."""
        self.existing.discard(collection)
        self.names = {name: target for name, target in self.names.items() if target != collection}

    def lose_everything(self) -> None:
        """Be another, empty server from now on."""
        self.existing.clear()
        self.names.clear()
