"""Vectors of texts: one that the model cannot embed costs itself, not the texts beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.errors import AccessDenied, DimensionMismatch, DocumentError, FatalError, UnembeddableDocument
from ingest.ports import Embedder
from ingest.records import Vectors

NORM_TOLERANCE = 1e-3  # of vectors that are kept; also where they are checked later
PLAIN = "a plain text"  # for which any model that works has a vector


def embed_texts(embedder: Embedder, texts: Sequence[str]) -> tuple[Vectors, dict[int, DocumentError]]:
    """Return (n, dimension) float32, L2-normalised, and by position why a text has no vector; its row is zero.

    What the embedder refuses together is tried in halves, and a vector that is not of length 1 once more alone.

    Raises: FatalError when a plain text has no vector either, so that the model is at fault; and DimensionMismatch,
    AccessDenied, TransientError.
    """
    embedding = _Embedding(embedder, texts, np.zeros((len(texts), embedder.record.dimension), np.float32))
    embedding.fill(np.arange(len(texts)))
    return embedding.vectors, embedding.refused


@dataclass
class _Embedding:
    embedder: Embedder
    texts: Sequence[str]
    vectors: Vectors
    refused: dict[int, DocumentError] = field(default_factory=dict)

    def fill(self, places: NDArray[np.int64]) -> None:
        """Embed the texts at some places, in halves where the embedder refuses them together."""
        try:
            found = self.embedder.embed([self.texts[i] for i in places])
        except (AccessDenied, DimensionMismatch):
            raise
        except (DocumentError, FatalError) as error:
            if len(places) < 2:
                self._refuse(places, error)
                return
        else:
            self._keep(places, found)
            return
        for half in np.array_split(places, 2):
            self.fill(half)

    def _keep(self, places: NDArray[np.int64], found: Vectors) -> None:
        if found.shape != (wanted := (len(places), self.vectors.shape[1])):
            told = f"vectors of shape {found.shape} for {wanted[0]} texts in {wanted[1]} dimensions"
            raise DimensionMismatch(f"model {self.embedder.record.name}: {told}")
        norms = np.linalg.norm(found, axis=1)
        good = np.abs(norms - 1) < NORM_TOLERANCE  # False for what is not finite
        self.vectors[places[good]] = found[good]
        wrong = places[~good]
        if len(places) == 1 and len(wrong):
            told = f"model {self.embedder.record.name}: the vector of a chunk has norm {norms[0]:g}, not 1"
            self._refuse(wrong, UnembeddableDocument(told))
            return
        for place in wrong:
            self.fill(np.array([place]))

    def _refuse(self, places: NDArray[np.int64], error: DocumentError | FatalError) -> None:
        """Keep why the one text has no vector. Raises: FatalError when the model is at fault."""
        if not self.refused:
            self._check_model(error)
        for place in places:
            told = error if isinstance(error, DocumentError) else UnembeddableDocument(str(error))
            self.refused[int(place)] = told

    def _check_model(self, error: DocumentError | FatalError) -> None:
        try:
            norm = float(np.linalg.norm(self.embedder.embed([PLAIN])))
        except (DocumentError, FatalError) as other:
            norm, error = 0.0, other
        if not abs(norm - 1) < NORM_TOLERANCE:
            raise FatalError(f"model {self.embedder.record.name}: no vector for a plain text either; {error}")
