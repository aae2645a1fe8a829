"""One file per kind of model: texts in, vectors out. The file name registers the kind.

Each module has a class `EMBEDDER(name, options, folder)`; the last is the folder of a copy of the model's files, None
if it is on this machine. Without its weights, which `opened` loads, it has its `record`, its `tokenizer` and its
`files` (what the lake keeps, by path). `canonical(name)` is the name in the record; `RESULT_OPTIONS` affect vectors.
`usual`, if it has that, are options that its family needs, where neither files nor options say them.
`LIBRARIES` and `EXTRA` name optional libraries that a kind needs, and the extra that provides them.
"""

from functools import partial
from pathlib import Path
from typing import Any

from ingest.errors import SchemaMismatch
from ingest.ports import Embedder
from ingest.records import ModelRecord
from ingest.registry import module_named

find = partial(module_named, __name__, "embedder")


def reopen(record: ModelRecord, options: dict[str, Any] | None = None, folder: Path | None = None) -> Embedder:
    """Return the embedder of a record; `options` say where and how fast it runs.

    Raises: SchemaMismatch for another model's files, InvalidSettings.
    """
    kind = find(record.kind).EMBEDDER
    here = {key: value for key, value in (options or {}).items() if key not in kind.RESULT_OPTIONS}
    model = kind(record.name, {**here, **record.options}, folder)
    if (found := model.record.fingerprint) != record.fingerprint:
        raise SchemaMismatch(f"model {record.name}: it has fingerprint {found}, expected {record.fingerprint}")
    opened: Embedder = model.opened()
    return opened
