"""The alias table of the embedded engine, with the semantics of Qdrant's server.

The actions of one call run in order under one lock, and each is saved separately; the first that fails ends the call,
and those before it remain applied. Creating an alias replaces it; renaming requires the old name and keeps its
collection; deleting a missing alias succeeds.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.adapters.vectors.edge.locks import read_json, write_durably


class RefusedRequest(Exception):
    """A request that is answered with an error; `status` is the HTTP status of Qdrant's server."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AliasTable:
    """Alias → collection, kept in one file. Only the front's event loop uses it."""

    def __init__(self, path: Path, collection_exists: Callable[[str], bool]) -> None:
        self._path = path
        self._exists = collection_exists
        self.table: dict[str, str] = read_json(path) or {}  # replaced as a whole, never changed
        self._lock = asyncio.Lock()

    def resolve(self, name: str) -> str:
        """Return the collection behind an alias, or `name` itself if it is not an alias."""
        return self.table.get(name, name)

    async def apply(self, actions: list[dict[str, Any]]) -> None:
        """Apply Qdrant's alias operations in order. Raises: RefusedRequest, at the first that fails."""
        async with self._lock:
            for action in actions:
                await self._save(self._after(action))

    async def forget(self, collection: str) -> None:
        """Remove every alias of a collection that is being dropped, in one write."""
        async with self._lock:
            left = {name: target for name, target in self.table.items() if target != collection}
            if left != self.table:
                await self._save(left)

    def _after(self, action: dict[str, Any]) -> dict[str, str]:
        ((kind, fields),) = action.items()
        table = dict(self.table)
        if kind == "create_alias":
            name, target = fields["alias_name"], fields["collection_name"]
            if not self._exists(target):
                raise RefusedRequest(404, f"Not found: Collection `{target}` doesn't exist!")
            if self._exists(name):
                raise RefusedRequest(409, f"Wrong input: Collection `{name}` already exists!")
            table[name] = target
        elif kind == "rename_alias":
            old, new = fields["old_alias_name"], fields["new_alias_name"]
            if old not in table:
                raise RefusedRequest(404, f"Not found: Alias {old} does not exist!")
            table[new] = table.pop(old)
        else:
            table.pop(fields["alias_name"], None)
        return table

    async def _save(self, table: dict[str, str]) -> None:
        await asyncio.to_thread(write_durably, self._path, table)
        self.table = table
