"""Scratch tables: rows that may not fit in memory, in a temporary SQLite file that vanishes with the process.

SQLite creates the file in SQLITE_TMPDIR or TMPDIR. It has no name there, so nothing is left behind after a kill.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Self

from ingest.errors import TransientError

# No journal: a scratch table is never rolled back. The cache is 64 MiB, the rest is spilled.
PRAGMAS = "PRAGMA temp_store=FILE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;"


class Scratch:
    """Tables in a temporary file. Use as a context manager; after an error the content is undefined."""

    def __init__(self, tables: str) -> None:
        """Create the tables, given as SQL statements."""
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(PRAGMAS + tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def insert(self, table: str, rows: Iterable[tuple[Any, ...]], columns: int) -> None:
        """Append rows in one transaction; those yielded before `rows` raises stay.

        Raises: TransientError if the temporary space is full, and whatever `rows` raises.
        """
        try:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
            finally:
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise TransientError(f"scratch table {table}: no temporary space, see SQLITE_TMPDIR: {error}") from error
