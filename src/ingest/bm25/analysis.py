"""Text → terms, the same way for chunks and for questions."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import chain
from typing import Any, Self

from ingest.errors import InvalidSettings, UnknownReaderFormat
from ingest.ids import digest_of

FORMAT = 1
WORD = re.compile(r"[^\W_]+")  # runs of Unicode letters and digits
PROBE = (
    "Rolling back promoted indexes quickly: nightly re-embeddings of 1,234 documents (generously normalised) "
    "Straße ΣΊΣΥΦΟΣ İstanbul ﬁne naïve café 東京 हिन्दी x_y don't relational conditional hopping skies generalizations"
)


@cache
def _marks() -> frozenset[str]:
    """Return the characters that belong to the letter before them; Unicode has them in these two ranges only."""
    places = chain(range(0x300, 0x20000), range(0xE0000, 0xE0200))
    return frozenset(c for c in map(chr, places) if unicodedata.category(c) in ("Mn", "Mc"))


@cache
def _word_with_marks() -> re.Pattern[str]:
    r"""Return a slower pattern: `\w` leaves out marks, and most words of Hindi or Thai would fall to pieces."""
    return re.compile(rf"\w[\w{''.join(sorted(_marks()))}]*")


@dataclass(frozen=True)
class Analyser:
    """How text becomes terms: NFKC, case folding, words of letters and digits, stems. No stop words are dropped.

    Identifiers in code get rules of their own in `_words`, the one place that splits text.
    """

    language: str = "english"  # of the Snowball stemmer
    stem: bool = True
    lowercase: bool = True  # full case folding: "Straße" and "STRASSE" meet
    max_term_characters: int = 64  # of a longer word (hex dumps, base64) only the head counts

    def __post_init__(self) -> None:
        if self.max_term_characters < 1:
            raise InvalidSettings(f"analyser: max_term_characters must be at least 1, not {self.max_term_characters}")
        if self.stem:
            import Stemmer

            if self.language not in Stemmer.algorithms():
                known = ", ".join(Stemmer.algorithms())
                raise InvalidSettings(f"analyser: no stemmer for language {self.language!r}; known: {known}")

    def record(self) -> dict[str, Any]:
        """Return the stored form: options, and a digest of what this code makes of a fixed text.

        The digest tells a reader of another version of Python or the stemmer that its terms would not be the index's.
        """
        return {"format": FORMAT, **asdict(self), "probe": digest_of(self.terms([PROBE])[0])}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the analyser of a record; keys that are not the analyser's (k1, b) are left alone.

        Raises: UnknownReaderFormat when the record is of a newer format, or when its options now give other terms.
        """
        if record.get("format", FORMAT) != FORMAT:
            raise UnknownReaderFormat(f"analyser: format {record['format']}, this version reads {FORMAT}")
        analyser = cls(**{name: record[name] for name in cls.__dataclass_fields__ if name in record})
        if "probe" in record and (now := analyser.record()["probe"]) != record["probe"]:
            raise UnknownReaderFormat(
                f"analyser: the probe text gives terms {now[:12]}, the index was built with {record['probe'][:12]}; "
                "Python's Unicode tables or the stemmer have changed"
            )
        return analyser

    def terms(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the terms of each text, in the text's order, repeats kept."""
        words = [self._words(text) for text in texts]
        as_term = self._as_terms(sorted({word for line in words for word in line}))
        return [[as_term[word] for word in line] for line in words]

    def _words(self, text: str) -> list[str]:
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        if self.lowercase:
            text = text.casefold()
        if text.isascii() or _marks().isdisjoint(text):
            return WORD.findall(text)
        return _word_with_marks().findall(text.replace("_", " "))

    def _as_terms(self, words: Sequence[str]) -> dict[str, str]:
        """Return word → term. Stemming each distinct word once is what makes a batch fast."""
        cut = [word[: self.max_term_characters] for word in words]
        if self.stem:
            import Stemmer

            # Made anew at each call (under a microsecond): a stemmer may not be shared by threads, nor pickled.
            cut = Stemmer.Stemmer(self.language, 0).stemWords(cut)
        return dict(zip(words, cut, strict=True))
