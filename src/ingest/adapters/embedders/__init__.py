"""One file per kind of model: texts in, vectors out. The file name registers the kind.

Each module has `describe(name, options)` (the record, without weights), `open_embedder(name, options)`,
`open_tokenizer(name, options)` and `reopen(record, options)`; `canonical(name)`, the name in the record; `files(name)`,
a model's files that the lake keeps, by path. If a kind has files, all its functions but `open_embedder` take as last
argument the folder of a copy of them. A kind that needs optional libraries names them in `LIBRARIES`, and in `EXTRA`
the extra that provides them.
"""

from functools import partial

from ingest.registry import module_named

find = partial(module_named, __name__, "embedder")
