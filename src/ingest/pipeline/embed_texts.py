"""Vectors of texts: one that the model cannot embed costs itself, not the texts beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingest.errors import AccessDenied, DimensionMismatch, DocumentError, FatalError, UnembeddableDocument
from ingest.ports import Embedder
from ingest.records import Vectors

LEAST_COSINE = 0.999  # between a stored vector and what its model gives for the same text later
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
            if len(places) == 1:
                self._refuse(int(places[0]), error)
            else:
                for half in np.array_split(places, 2):
                    self.fill(half)
        else:
            self._keep(places, found)

    def _keep(self, places: NDArray[np.int64], found: Vectors) -> None:
        name = self.embedder.record.name
        if found.shape != (wanted := (len(places), self.vectors.shape[1])):
            told = f"vectors of shape {found.shape} for {wanted[0]} texts in {wanted[1]} dimensions"
            raise DimensionMismatch(f"model {name}: {told}")
        norms = np.linalg.norm(found, axis=1)
        good = np.abs(norms - 1) < NORM_TOLERANCE  # False for what is not finite
        self.vectors[places[good]] = found[good]
        for place in places[~good]:
            if len(places) > 1:
                self.fill(np.array([place]))
            else:
                told = f"model {name}: the vector of a chunk has norm {norms[0]:g}, not 1"
                self._refuse(int(place), UnembeddableDocument(told))

    def _refuse(self, place: int, error: DocumentError | FatalError) -> None:
        """Keep why a text has no vector. Raises: FatalError when the model is at fault."""
        told, norm = error, 1.0
        try:
            if not self.refused:
                norm = float(np.linalg.norm(self.embedder.embed([PLAIN])))
        except (DocumentError, FatalError) as other:
            told, norm = other, 0.0
        if not abs(norm - 1) < NORM_TOLERANCE:
            raise FatalError(f"model {self.embedder.record.name}: no vector for a plain text either; {told}")
        self.refused[place] = error if isinstance(error, DocumentError) else UnembeddableDocument(str(error))
