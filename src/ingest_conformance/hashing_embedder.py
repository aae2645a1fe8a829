"""An embedder for tests and benchmarks, by feature hashing: shared words make texts similar."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ingest.errors import FatalError, InvalidSettings, first_fault
from ingest.ids import digest_of
from ingest.ports import Embedder, truncated
from ingest.records import ModelRecord, Options, Vectors

KIND = "hashing"
LONGEST_PIECE = 8  # code points; a longer word has several tokens, as in WordPiece

_PIECE = re.compile(rf"\w{{1,{LONGEST_PIECE}}}|[^\w\s]")
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"\w")
_ENDLESS = re.compile(r"\w{101,}")  # counts as unknown, as in WordPiece


class HashingOptions(Options):
    """Options of such a model in the settings."""

    dimension: int = Field(default=64, ge=1)
    salt: str = ""  # another one makes another model
    max_tokens: int = Field(default=254, ge=1)
    batch: int = Field(default=32, ge=1)


class HashingTokenizer:
    """Splits words into pieces of at most LONGEST_PIECE code points; punctuation marks are single tokens."""

    fingerprint = digest_of(["hashing tokenizer", 1, LONGEST_PIECE])

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return [
            np.array([match.span() for match in _PIECE.finditer(text)], dtype=np.int32).reshape(-1, 2) for text in texts
        ]

    def unread(self, texts: Sequence[str]) -> list[float]:
        return [sum(map(len, _ENDLESS.findall(text))) / max(len(_LETTER.findall(text)), 1) for text in texts]

    def parts(self, before: str, after: str) -> bool:
        return before.isspace() or after.isspace()


class HashingEmbedder(Embedder):
    """Sums a signed unit vector for each distinct lower-cased word of a text."""

    RESULT_OPTIONS = frozenset(HashingOptions.model_fields)
    canonical = staticmethod(str)

    def __init__(self, name: str, given: dict[str, Any], folder: Path | None = None) -> None:
        try:
            self._options = options = HashingOptions.model_validate(given)
        except ValidationError as error:
            raise InvalidSettings(f"embedder hashing: {first_fault(error)}") from error
        self.tokenizer = HashingTokenizer()
        self.record = ModelRecord(
            kind=KIND,
            name=name,
            fingerprint=digest_of([KIND, 1, options.dimension, options.salt, options.max_tokens]),
            dimension=options.dimension,
            max_tokens=options.max_tokens,
            options=options.model_dump(),
        )
        self.backend = "hashing"
        self.forward_passes = 0

    def opened(self) -> Self:
        return self

    def files(self) -> dict[str, Path]:
        return {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        for i, spans in enumerate(self.tokenizer.offsets(texts)):
            if len(spans) > self.record.max_tokens:
                raise FatalError(f"text {i} has {len(spans)} tokens, the model takes {self.record.max_tokens}")
        return self._vectors(texts)

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        return self._vectors(truncated(texts, self.tokenizer, self.record.max_tokens, self.record.name))

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        self.forward_passes += -(-len(texts) // self._options.batch)
        vectors = np.zeros((len(texts), self.record.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in sorted(set(_WORD.findall(text.lower()))) or [""]:
                digest = hashlib.sha256(f"{self._options.salt}\x1f{word}".encode()).digest()
                row[int.from_bytes(digest[:4], "big") % len(row)] += 1.0 if digest[4] & 1 else -1.0
            if not row.any():  # words that cancel each other out
                row[0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


EMBEDDER = HashingEmbedder
