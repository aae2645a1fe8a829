"""One file per kind of re-ranker: a question and its candidates in, scores out. The file name registers the kind.

Each module has `open_reranker(model, wording, read)`: `model` is the profile's `reranker_model`, `read` returns a file
of the lake by SHA-256. `LIBRARIES` and `EXTRA` name optional libraries and the extra that provides them.
"""

from functools import partial

from ingest.registry import module_named

find = partial(module_named, __name__, "reranker")
