"""A process that ends at a counted call of its store or its index, and does nothing from then on."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ingest.records import AliasAction
from tests.fakes import Killed


class Fuse:
    """Counts the calls of one process; with `at` (from 1) it ends there. Threads may share it.

    `share` says how far the call comes: 0 it never begins, 1 only its answer is lost; between them, of a list of alias
    actions that share is applied.
    """

    def __init__(self, at: int | None = None, share: float = 0.0, end: Callable[[], Any] | None = None) -> None:
        self.at, self.share, self.calls, self.dead = at, share, 0, False
        self._end, self._lock = end or self._raise, threading.Lock()

    def burn(self) -> bool:
        """Count a call; True for the one at which the process ends. Raises: Killed after that."""
        with self._lock:
            if self.dead:
                raise Killed("this process has ended")
            self.calls += 1
            self.dead = self.calls == self.at
            return self.dead

    def end(self) -> None:
        """End the process."""
        self._end()

    def _raise(self) -> None:
        raise Killed(f"killed at call {self.at}")


class Mortal:
    """A store or an index of a process with a fuse."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self.inner, self.fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        return found if not callable(found) or name == "close" else _Call(name, found, self.fuse)


class _Call:
    def __init__(self, name: str, function: Callable[..., Any], fuse: Fuse) -> None:
        self.name, self.function, self.fuse = name, function, fuse

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        fuse = self.fuse
        if not fuse.burn():
            return self.function(*arguments, **named)
        if self.name == "move_aliases":
            (actions,) = arguments
            self._moved(actions)
        elif fuse.share > 0.5:
            self.function(*arguments, **named)
        fuse.end()
        return None

    def _moved(self, actions: Sequence[AliasAction]) -> None:
        if done := round(self.fuse.share * len(actions)):
            self.function(actions[:done])
