"""Any sentence-transformers CrossEncoder on this machine; nothing is downloaded."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.bounded_cache import BoundedCache
from ingest.errors import InvalidSettings
from ingest.ports import Wording
from ingest.records import QueryProfile, Result

EXTRA = "ingest[models]"
LIBRARIES = ("sentence-transformers", "torch")
BATCH = 16  # candidates per forward pass

_opened: BoundedCache[str, "CrossEncoderReranker"] = BoundedCache(4)  # of this process, by model


def open_reranker(profile: QueryProfile, wording: Wording) -> "CrossEncoderReranker":
    """Return the re-ranker of a local model, opened once per process, on a GPU if possible. Raises: InvalidSettings."""
    model = profile.reranker_model
    return _opened.keep(model, lambda: CrossEncoderReranker(_model(model)))


class CrossEncoderReranker:
    """Reads question and candidate together, headings before the text. Concurrent calls wait for each other."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        if not candidates:
            return np.zeros(0)
        pairs = [(question, _read(candidate)) for candidate in candidates]
        with self._lock:
            found = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False)
        return np.asarray(found, np.float64).reshape(len(pairs))


def _read(candidate: Result) -> str:
    heading = " > ".join(candidate.heading_path) or candidate.title
    return f"{heading}\n{candidate.text}" if heading else candidate.text


def _model(name: str) -> Any:
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder

    if not name:
        raise InvalidSettings("reranker cross_encoder: reranker_model must name a model or its folder")
    try:
        model = CrossEncoder(name, local_files_only=True)
    except (OSError, ValueError, SafetensorError) as error:
        raise InvalidSettings(f"reranker model {name}: not on this machine, or not a CrossEncoder: {error}") from error
    if model.num_labels != 1:
        raise InvalidSettings(f"reranker model {name}: gives {model.num_labels} scores per pair, a re-ranker gives 1")
    return model
