"""How much the texts of one answer repeat each other: near-duplicates, and an order that prefers new content."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from ingest.documents.duplicates import LONG_WORD, normalised, shingles
from ingest.keyword.words import WORD

SIMILARITY = 0.9  # Jaccard of word shingles at which two texts are the same


class NearDuplicates:
    """Texts seen so far. A text too short for shingles repeats another only if both are equal."""

    def __init__(self) -> None:
        self._holders = defaultdict[int | str, list[int]](list)  # shingle → numbers of the texts that have it
        self._kept: list[tuple[str, int]] = []  # id and number of shingles

    def find(self, text: str) -> str | None:
        """Return the id of the seen text that this one repeats most; None if it repeats none."""
        hashes = _hashes(text)
        shared = Counter(number for h in hashes for number in self._holders.get(h, ()))
        near = [(n / (len(hashes) + self._kept[number][1] - n), -number) for number, n in shared.items()]
        best, number = max(near, default=(0.0, 0))
        return self._kept[-number][0] if best >= SIMILARITY else None

    def add(self, name: str, text: str) -> None:
        """Remember a text under an id."""
        for h in (hashes := _hashes(text)):
            self._holders[h].append(len(self._kept))
        self._kept.append((name, len(hashes)))


def _hashes(text: str) -> list[int | str]:
    """Return a text's shingles, or the text itself if it is too short for them."""
    found = shingles(plain := normalised(text))
    return [plain] if found is None else found.tolist()


def diversified(texts: Sequence[str], scores: Sequence[float], weight: float) -> list[int]:
    """Return the positions of texts in the order of maximal marginal relevance.

        next = argmax over what is left of  (1 − w) · score′(t) − w · max over what was taken of  J(t, s)

    with score′ scaled to 0…1 over all, J the Jaccard similarity of the sets of words, and the weight w from 0 (order by
    score) to 1. Texts are given best first; ties keep their order.

    Source: Carbonell & Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents".
    """
    if not texts:
        return []
    words, given = [_words(text) for text in texts], np.asarray(scores, np.float64)
    numbers = {word: i for i, word in enumerate(sorted(set().union(*words)))}
    holds = np.zeros((len(texts), max(1, len(numbers))), np.float32)
    for row, own in zip(holds, words, strict=True):
        row[[numbers[word] for word in own]] = 1
    spread, sizes = float(given.max() - given.min()), holds.sum(axis=1)
    value = (1 - weight) * ((given - given.min()) / spread if spread > 0 else np.ones(len(given)))
    nearest, order = np.zeros(len(texts)), list[int]()
    for _ in texts:
        marginal = value - weight * nearest
        marginal[order] = -np.inf
        order.append(chosen := int(np.argmax(marginal)))
        shared = holds @ holds[chosen]
        nearest = np.maximum(nearest, shared / np.maximum(sizes + sizes[chosen] - shared, 1))
    return order


def _words(text: str) -> set[str]:
    """Return the distinct words of a text, or its pairs of code points if it has no spaces."""
    words = WORD.findall(text.casefold())
    if sum(map(len, words)) > LONG_WORD * max(1, len(words)):
        joined = "".join(words)
        return {joined[i : i + 2] for i in range(len(joined) - 1)}
    return set(words)
