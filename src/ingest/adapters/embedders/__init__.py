"""One file per kind of model: texts in, vectors out. The file name registers the kind.

Each module has `describe(name, options)` (the record, without weights), `open_embedder(name, options)`,
`open_tokenizer(name, options)` and `reopen(record, options)`; `canonical(name)`, the name in the record; `files(name)`,
what the lake keeps of a model, by path. Where a kind has files, its functions but `open_embedder` take as last argument
the folder where a copy of them lies. A kind that needs libraries beyond the mandatory ones names them, `LIBRARIES`, and
what brings them, `EXTRA`.
"""

from functools import partial

from ingest.registry import module_named

find = partial(module_named, __name__, "embedder")
