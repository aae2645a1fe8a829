"""Deltas: where little changed in a shard, a part's files stay, and a small one of new rows is put onto them.

Its metadata says which rows count then, in order: runs of rows that counted before, and behind the last of those of its
own rows. Once a part has MOST_FILES, or more than MOST_DEAD of its rows no longer count, it becomes one file again.
"""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest.errors import SchemaMismatch

MOST_FILES = 8
MOST_DEAD = 0.2
PLACES = b"ingest.places"

Places = NDArray[np.int64]


def with_places(new: pa.Table, chosen: Places, onto: str) -> pa.Table:
    """Return a delta's rows with what tells that `chosen` count then, onto the file with the SHA-256 `onto`."""
    starts = np.flatnonzero(np.diff(chosen, prepend=-2) != 1)
    runs = zip(chosen[starts].tolist(), np.diff(starts, append=len(chosen)).tolist(), strict=True)
    return new.replace_schema_metadata({PLACES: json.dumps({"onto": onto, "runs": [*runs]})})


def rows_that_count(files: Sequence[pa.Table]) -> Places:
    """Return which rows of all files of a part, the oldest first, count, in order. Raises: SchemaMismatch."""
    places, stored = np.arange(len(files[0])), len(files[0])
    for delta in files[1:]:
        places = np.append(places, np.arange(stored, stored + len(delta)))
        stored += len(delta)
        try:
            runs = json.loads((delta.schema.metadata or {})[PLACES])["runs"]
            places = places[np.concatenate([np.zeros(0, np.int64), *(np.arange(a, a + n) for a, n in runs)])]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SchemaMismatch(f"a delta does not say which rows count: {error!r}") from error
    return places


def put_together(files: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of a part that count, from all its files, the oldest first. Raises: SchemaMismatch."""
    if len(files) == 1:
        return files[0]
    schema = files[-1].schema.remove_metadata()
    return pa.concat_tables(file.cast(schema) for file in files).take(pa.array(rows_that_count(files)))
