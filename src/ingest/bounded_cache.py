"""A bounded cache that evicts the least recently used value first."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Values by key with a total weight of at most `limit`, but for the newest; 0 keeps none. Thread-safe."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.weight = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None if it is not cached."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Cache a value and return it."""
        with self._lock:
            self.weight += weight - self._values.pop(key, (value, 0))[1]
            self._values[key] = value, weight
            while self.weight > self.limit and len(self._values) > min(1, self.limit):
                self.weight -= self._values.popitem(last=False)[1][1]
        return value

    def keep(self, key: K, make: Callable[[], V], weight: int = 1) -> V:
        """Return the value of a key; `make` it on first use, once however many threads ask."""
        with self._lock:
            found = self.get(key)
            return self.put(key, make(), weight) if found is None else found
