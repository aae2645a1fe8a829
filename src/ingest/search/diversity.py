"""How much the texts of one answer repeat each other: near-duplicates, and an order that prefers new content."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.documents.likeness import LONG_WORD, normalised, shingles
from ingest.keyword.words import WORD


class NearDuplicates:
    """Texts seen so far. A text too short for shingles repeats another only if both are equal."""

    def __init__(self, similarity: float) -> None:
        """Treat two texts as the same if their word shingles have at least this Jaccard similarity."""
        self._similarity = similarity
        self._equal: dict[str, str] = {}  # normalised text → id
        self._holders: dict[int, list[int]] = {}  # shingle → numbers of the texts that have it
        self._kept: list[tuple[str, int]] = []  # id and number of shingles

    def find(self, text: str) -> str | None:
        """Return the id of the seen text that this one repeats most; None if it repeats none."""
        plain = normalised(text)
        if plain in self._equal:
            return self._equal[plain]
        hashes = shingles(plain)
        if hashes is None:
            return None
        shared = Counter(number for h in hashes.tolist() for number in self._holders.get(h, ()))
        near = [(n / (len(hashes) + self._kept[number][1] - n), -number) for number, n in shared.items()]
        best, number = max(near, default=(0.0, 0))
        return self._kept[-number][0] if best >= self._similarity else None

    def add(self, name: str, text: str) -> None:
        """Remember a text under an id."""
        plain = normalised(text)
        self._equal.setdefault(plain, name)
        hashes = shingles(plain)
        if hashes is not None:
            for h in hashes.tolist():
                self._holders.setdefault(h, []).append(len(self._kept))
            self._kept.append((name, len(hashes)))


def diversified(texts: Sequence[str], scores: Sequence[float], weight: float) -> list[int]:
    """Return the positions of texts in the order of maximal marginal relevance.

        next = argmax over what is left of  (1 − w) · score′(t) − w · max over what was taken of  J(t, s)

    with score′ scaled to 0…1 over all, J the Jaccard similarity of the sets of words, and the weight w from 0 (order by
    score) to 1. Texts are given best first; ties keep their order.

    Source: Carbonell & Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents".
    """
    if not texts:
        return []
    likeness = _jaccard([_words(text) for text in texts])
    given = np.asarray(scores, np.float64)
    spread = float(given.max() - given.min())
    value = (1 - weight) * ((given - given.min()) / spread if spread > 0 else np.ones(len(given)))
    nearest = np.zeros(len(texts))
    order: list[int] = []
    for _ in texts:
        marginal = value - weight * nearest
        marginal[order] = -np.inf
        chosen = int(np.argmax(marginal))
        order.append(chosen)
        nearest = np.maximum(nearest, likeness[chosen])
    return order


def _words(text: str) -> set[str]:
    """Return the distinct words of a text, or its pairs of code points if it has no spaces."""
    words = WORD.findall(text.casefold())
    if sum(map(len, words)) > LONG_WORD * max(1, len(words)):
        joined = "".join(words)
        return {joined[i : i + 2] for i in range(len(joined) - 1)}
    return set(words)


def _jaccard(sets: Sequence[set[str]]) -> NDArray[np.float64]:
    """Return the Jaccard similarity of every pair of sets, (n, n)."""
    numbers = {word: i for i, word in enumerate(sorted(set().union(*sets)))}
    holds = np.zeros((len(sets), max(1, len(numbers))), np.float32)
    for row, words in zip(holds, sets, strict=True):
        row[[numbers[word] for word in words]] = 1
    shared, sizes = holds @ holds.T, holds.sum(axis=1)
    either = np.maximum(sizes[:, None] + sizes[None, :] - shared, 1)
    return np.asarray(shared / either, np.float64)
