"""Vectors of texts: one that the model cannot embed costs itself, not the texts beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ingest.errors import AccessDenied, DimensionMismatch, DocumentError, FatalError, UnembeddableDocument
from ingest.ports import Embedder
from ingest.records import Vectors

LEAST_COSINE = 0.999  # between a stored vector and what its model gives for the same text later
NORM_TOLERANCE = 1e-3  # of vectors that are kept; also where they are checked later
PLAIN = "a plain text"  # for which any model that works has a vector


def embed_texts(embedder: Embedder, texts: Mapping[str, str]) -> tuple[dict[str, Vectors], dict[str, DocumentError]]:
    """Return by key the (dimension,) float32, L2-normalised vector of a text, or why it has none.

    What the embedder refuses together is tried in halves, and a vector that is not of length 1 once more alone. Raises:
    FatalError when a plain text has none either: the model is at fault; DimensionMismatch, AccessDenied, TransientError
    """
    embedding = _Embedding(embedder, texts)
    embedding.fill([*texts])
    return embedding.vectors, embedding.refused


@dataclass
class _Embedding:
    embedder: Embedder
    texts: Mapping[str, str]
    vectors: dict[str, Vectors] = field(default_factory=dict)
    refused: dict[str, DocumentError] = field(default_factory=dict)

    def fill(self, keys: list[str]) -> None:
        """Embed some of the texts, in halves where the embedder refuses them together."""
        try:
            found = self.embedder.embed([self.texts[key] for key in keys])
        except (AccessDenied, DimensionMismatch):
            raise
        except (DocumentError, FatalError) as error:
            if len(keys) == 1:
                self._refuse(keys[0], error)
            else:
                half = (len(keys) + 1) // 2
                self.fill(keys[:half])
                self.fill(keys[half:])
        else:
            self._keep(keys, found)

    def _keep(self, keys: list[str], found: Vectors) -> None:
        model = self.embedder.record
        if found.shape != (len(keys), model.dimension):
            told = f"vectors of shape {found.shape} for {len(keys)} texts in {model.dimension} dimensions"
            raise DimensionMismatch(f"model {model.name}: {told}")
        for key, vector, norm in zip(keys, found, np.linalg.norm(found, axis=1), strict=True):
            if abs(norm - 1) < NORM_TOLERANCE:  # False for what is not finite
                self.vectors[key] = vector
            elif len(keys) > 1:
                self.fill([key])
            else:
                told = f"model {model.name}: the vector of a chunk has norm {norm:g}, not 1"
                self._refuse(key, UnembeddableDocument(told))

    def _refuse(self, key: str, error: DocumentError | FatalError) -> None:
        """Keep why a text has no vector. Raises: FatalError when the model is at fault."""
        told, norm = error, 1.0
        try:
            if not self.refused:
                norm = float(np.linalg.norm(self.embedder.embed([PLAIN])))
        except (DocumentError, FatalError) as other:
            told, norm = other, 0.0
        if not abs(norm - 1) < NORM_TOLERANCE:
            raise FatalError(f"model {self.embedder.record.name}: no vector for a plain text either; {told}")
        self.refused[key] = error if isinstance(error, DocumentError) else UnembeddableDocument(str(error))
