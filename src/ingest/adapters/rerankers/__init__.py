"""One file per kind of re-ranker: a question and its candidates in, scores out. The file name registers the kind.

Each module has `open_reranker(model, wording, read)`: `model` is the profile's `reranker_model`, `read` returns
the bytes of a file that the lake stores by SHA-256. `none` returns None: the fused order stands. `LIBRARIES` and
`EXTRA` name the optional libraries that a kind needs, and the extra that provides them.
"""

from functools import partial

from ingest.registry import module_named

find = partial(module_named, __name__, "reranker")
