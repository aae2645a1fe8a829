"""An embedder that has no vector for some texts."""

from collections.abc import Mapping, Sequence

import numpy as np

from ingest.records import Vectors
from ingest_conformance.hashing_embedder import HashingEmbedder


class UnluckyEmbedder(HashingEmbedder):
    """Gives a wrong number, or raises, for each text that holds one of the marks."""

    def __init__(self, faults: Mapping[str, float | Exception], *, salt: str = "", only_together: bool = False) -> None:
        super().__init__("hashing", {"salt": salt})
        self.faults = dict(faults)
        self.only_together = only_together
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors; those of marked texts are wrong by the number that is their fault."""
        self.calls += 1
        vectors = super().embed(texts)
        for i, text in enumerate(texts):
            for mark, fault in self.faults.items():
                if mark not in text or (self.only_together and len(texts) == 1):
                    continue
                if isinstance(fault, Exception):
                    raise fault
                with np.errstate(invalid="ignore"):
                    vectors[i] *= np.float32(fault)
        return vectors
