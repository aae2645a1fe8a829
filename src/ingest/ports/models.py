"""Models: of text, of words, and of what answers best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.records import ModelRecord, Result, Vectors


class Tokenizer(Protocol):
    """The embedder's own tokenizer, without its weights."""

    fingerprint: str

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return for each text the spans of its tokens, (tokens, 2) code points, no special tokens, no truncation."""

    def parts(self, before: str, after: str) -> bool:
        """Return whether a text cut between these two code points has as many tokens as its pieces together, always.

        False where it is not known: the pieces are then counted again.
        """


@dataclass(frozen=True)
class WordTable:
    """The embedding model's own vectors of word pieces, without context."""

    vectors: NDArray[np.float16]  # (pieces, dimensions), centred, L2-normalised
    pieces: Callable[[Sequence[str]], list[tuple[int, ...]]]  # rows of `vectors` for each word; threads may call


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    record: ModelRecord
    backend: str  # library, device and arithmetic, for people: results in bf16 differ by about 1e-3
    forward_passes: int  # since it was opened

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dimension) float32, L2-normalised, in input order. Raises rather than truncate a text."""

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """As `embed`, with the model's question prompt; a question over the limit is cut and a warning is logged."""

    @property
    def word_table(self) -> WordTable | None:
        """The model's own vectors of words; None for a kind that has none."""
        return None

    def prepare_questions(self) -> None:
        """Make questions fast from now on, where the kind has a faster way for them. May take seconds."""
        return None


@dataclass(frozen=True)
class Wording:
    """How one generation sees words. Threads may call."""

    terms: Callable[[Sequence[str]], list[list[str]]]  # the keyword index's analysis
    bound: Callable[[Sequence[str]], float]  # greatest keyword score for these terms; of one term: its idf
    table: WordTable | None = None  # None: the model has no vectors of words


class Reranker(Protocol):
    """Scores candidates anew, together with their question."""

    slice: int  # candidates scored in one call at best: the clock is looked at between calls

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        """Return (n,) float64 in input order, higher is better; comparable within a question.

        A candidate's score does not depend on the other candidates of the call. Candidates carry `dense` and `bm25`.
        """
