"""Models: tokenizers, embedders and re-rankers."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.records import ModelRecord, Result, Vectors

log = logging.getLogger(__name__)


class Tokenizer(Protocol):
    """The embedder's own tokenizer, without its weights."""

    fingerprint: str

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return each text's token spans, (tokens, 2) in code points, without special tokens or truncation."""

    def unread(self, texts: Sequence[str]) -> list[float]:
        """Return the share of each text's letters and digits, or of all it shows if it has none, in no known token."""

    def parts(self, before: str, after: str) -> bool:
        """Return whether a cut between these two code points never changes the number of tokens; False if unknown."""


@dataclass(frozen=True)
class WordTable:
    """The embedding model's own, context-free vectors of word pieces."""

    vectors: NDArray[np.float16]  # (pieces, dimensions), centred, L2-normalised
    pieces: Callable[[Sequence[str]], list[tuple[int, ...]]]  # rows of `vectors` for each word; thread-safe


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    record: ModelRecord
    tokenizer: Tokenizer
    backend: str  # library, device and number format, for people: bfloat16 changes results slightly
    forward_passes: int  # since opening

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dimension) float32, L2-normalised, in input order. Raises instead of truncating a text.

        A row of another length, or of numbers that are not finite, says that the model has no vector for that text.
        """

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Embed with the model's question prompt; a question over the limit is truncated, with a warning in the log."""

    @property
    def word_table(self) -> WordTable | None:
        """The model's own word vectors; None for a kind without them."""
        return None

    def prepare_questions(self) -> None:
        """Speed up question embedding from now on, if the kind can. May take seconds."""
        return None


def truncated(questions: Sequence[str], tokenizer: Tokenizer, room: int, model: str) -> list[str]:
    """Return questions of at most `room` tokens; longer ones are cut there, with a warning."""
    short = list(questions)
    for i, spans in enumerate(tokenizer.offsets(short)):
        if len(spans) > room:
            log.warning("question truncated: %d tokens, model %s takes %d", len(spans), model, room)
            short[i] = short[i][: spans[room - 1, 1]]
    return short


@dataclass(frozen=True)
class Wording:
    """How one generation analyses and compares words. Thread-safe."""

    terms: Callable[[Sequence[str]], list[list[str]]]  # of a question and texts to compare it with, in its language
    asked: Callable[[Sequence[str]], list[list[str]]]  # of questions, in each language in which they are looked for
    bound: Callable[[Sequence[str]], float]  # highest possible keyword score for these terms; for one term: its idf
    table: WordTable | None = None  # None: the model has no word vectors


class Reranker(Protocol):
    """Rescores candidates, each together with the question."""

    def scores(self, question: str, candidates: Sequence[Result]) -> NDArray[np.float64]:
        """Return (n,) float64 in input order, higher is better; comparable only within a question.

        A candidate's score does not depend on the others in the call. Candidates carry `dense` and `bm25` scores.
        """
