"""Near-duplicates among the texts of one answer."""

from collections import Counter, defaultdict

from ingest.documents.duplicates import normalised, shingles

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
