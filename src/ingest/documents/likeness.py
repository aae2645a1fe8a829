"""How similar two texts are: normalised words, shingles, Jaccard similarity."""

import unicodedata
import zlib

import numpy as np
from numpy.typing import NDArray

SHINGLE = 3  # words; twice as many code points in scripts without spaces
LEAST_WORDS = 8  # shorter chunks are similar by chance
MOST_SHINGLES = 4096  # per text; a longer text is sampled by its smallest hashes
LONG_WORD = 20  # characters per word on average; more means a text without spaces


def normalised(text: str) -> str:
    """Return a text without differences of case, white space and compatibility forms."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingles(plain: str) -> NDArray[np.uint32] | None:
    """Return the distinct hashes of a normalised text's shingles, sorted; None for a text that is too short."""
    words: list[str] | str = plain.split(" ")
    size = SHINGLE
    if len(plain) > LONG_WORD * len(words):
        words, size = plain, 2 * SHINGLE
    if len(words) < LEAST_WORDS:
        return None
    joint = "" if isinstance(words, str) else " "
    hashes = {zlib.crc32(joint.join(words[i : i + size]).encode()) for i in range(len(words) - size + 1)}
    return np.array(sorted(hashes)[:MOST_SHINGLES], np.uint32)


def jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Return intersection / union, 0 to 1, of two sets of distinct hashes."""
    if not len(one) or not len(other):
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
