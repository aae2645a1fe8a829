"""One file per kind of re-ranker: a question and its candidates in, scores out. The file name registers the kind.

Each module has `open_reranker(model, wording, read)`: `model` is the profile's `reranker_model`, `read` gives the bytes
of a file that the lake keeps under its SHA-256. `none` gives None: the fused order stands. `LIBRARIES` and `EXTRA`
name what a kind needs beyond the mandatory libraries, and what brings it.
"""

from functools import partial

from ingest.registry import module_named

find = partial(module_named, __name__, "reranker")
