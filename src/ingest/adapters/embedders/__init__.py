"""One file per kind of model: texts in, vectors out. The file name registers the kind.

Each module has `describe(name, options)` (the record, without weights), `open_embedder(name, options)`,
`open_tokenizer(name, options)`, `reopen(record, options)`, `canonical(name)` (the name in the record) and `files(name)`
(what the lake keeps, by path). If there are files, all but `open_embedder` take the folder of a copy of them as last
argument. `LIBRARIES` and `EXTRA` name optional libraries that a kind needs, and the extra that provides them.
"""

import logging
from collections.abc import Sequence
from functools import partial

from ingest.ports import Tokenizer
from ingest.registry import module_named

log = logging.getLogger(__name__)
find = partial(module_named, __name__, "embedder")


def truncated(questions: Sequence[str], tokenizer: Tokenizer, room: int, model: str) -> list[str]:
    """Return questions of at most `room` tokens; longer ones are cut there, with a warning."""
    short = list(questions)
    for i, spans in enumerate(tokenizer.offsets(short)):
        if len(spans) > room:
            log.warning("question truncated: %d tokens, model %s takes %d", len(spans), model, room)
            short[i] = short[i][: spans[room - 1, 1]]
    return short
