"""Text → terms, the same for chunks and questions.

Each language with a stemmer has its own terms, `<code>:<stem>`: no word holds a colon. All other text shares the plain
ones, those of English; so do words with digits, dots or underscores (numbers, codes, identifiers) of any language.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.errors import InvalidSettings, UnknownReaderFormat
from ingest.ids import digest_of
from ingest.keyword.words import BORROWED, folded, rejoined, words_in
from ingest.languages import ENGLISH, POSSIBLE, STEMMED, UNTOLD, ranked

FORMAT = 4
AUTO, PLAIN = "auto", ""  # the language of each document; of terms without a code
LONGEST_TERM = 64  # characters; longer words (hex dumps, base64) are cut to this length
FIXED = {"format": FORMAT, "lowercase": True, "max_term_characters": LONGEST_TERM}  # of every record
WITHOUT_ACCENTS = ("english", "porter", "lovins")  # stemmers that do not know them; others need them
SHARED = re.compile(r"[\d._+#]")  # in words that are alike in all languages
LATIN, BESIDE_LATIN = re.compile("[A-Za-zÀ-ɏ\u1e00-\u1eff]+"), re.compile("[^\\W\\d_A-Za-zÀ-ɏ\u1e00-\u1eff]")
REMEMBERED = 2**18  # pieces whose terms are kept: most pieces of a text recur
PROBE = (
    "Rolling back promoted indexes quickly: nightly re-embeddings of 1,234 documents (generously normalised) "
    "Straße ΣΊΣΥΦΟΣ İstanbul ﬁne naïve café 東京 हिन्दी x_y don't relational conditional hopping skies generalizations"
    " ERR_4031 foo.bar_baz() v1.2.3 HTTPServer 東京都に住む ภาษาไทย ພາສາລາວ ភាសាខ្មែរ မြန်မာ 색인을 책을"
    " C++20 C# CD4+ .NET re-use ERR-4031 utf8 10mg 1'234.56 1.234,56 1 234,56 ٣٤٥ ёлка שָׁלוֹם Việt ø İ"
    " soft\u00adhyphen infor-\nmation Note¹ Objective-C++ C#12 E-4031 kullanıcı maður"
)


class Encoded(NamedTuple):
    """The terms of many texts, as numbers into a vocabulary."""

    indices: NDArray[np.int64]  # text after text, with repeats
    vocabulary: list[str]  # distinct
    sizes: NDArray[np.int64]  # (texts,) terms per text


@dataclass(frozen=True)
class Analyser:
    """How text becomes terms: NFKC, full case folding ("Straße" equals "STRASSE"), words (`words`), stems, no accents.

    Identifiers are also kept whole, and scripts without spaces are cut into pairs of characters.
    """

    language: str = "english"  # of the Snowball stemmer, or AUTO
    stem: bool = True
    stop_words: tuple[str, ...] = ()  # words as written in lower case, dropped before stemming
    heading_weight: int = 1  # how many times a term of the heading path counts; 0: not at all
    always: ClassVar[dict[str, Any]] = FIXED
    probed: ClassVar[str] = PROBE
    borrowed: ClassVar[Mapping[str, re.Pattern[str]]] = BORROWED  # accents that a language's stemmer does not know
    _rejoined, _words, _folded = staticmethod(rejoined), staticmethod(words_in), staticmethod(folded)

    def __post_init__(self) -> None:
        if self.stem:
            import Stemmer

            if self.language not in (AUTO, *Stemmer.algorithms()):
                known = ", ".join(Stemmer.algorithms())
                raise InvalidSettings(f"analyser: no stemmer for language {self.language!r}; known: {known}")

    def record(self) -> dict[str, Any]:
        """Return the options, and a digest of a fixed text's terms: another Python or stemmer may make others."""
        options = {**self.always, **asdict(self), "stop_words": list(self.stop_words)}
        codes = sorted(filter(self.space, STEMMED))
        probed = self.terms([self.probed] * (1 + len(codes)), [PLAIN, *codes])
        return {**options, "probe": digest_of([*chain.from_iterable(probed)])}

    def space(self, language: str) -> str:
        """Return the code before the terms of a text in this language."""
        return language if self.stem and self.language == AUTO and language in STEMMED else PLAIN

    def spaces(self, question: str, held: Collection[str] | None) -> list[str]:
        """Return where a question's words are looked for, its likeliest language first; `held`: by `asked`."""
        known = {self.space(code) for code in held or ()} or {PLAIN}
        if held is not None and len(known) == 1:
            return [*known]
        among = [ENGLISH if code == UNTOLD else code for code in held or ()]
        found = ranked(question, among)
        least = min(POSSIBLE, max(found.values()))
        latin = LATIN.findall(question) if BESIDE_LATIN.search(question) else []  # another script outweighs it
        apart = ranked(" ".join(latin), among) if latin else {}
        likely = ((self.space(code), p) for code, p in (*found.items(), *apart.items()))
        return [*dict.fromkeys(space for space, p in likely if p >= least or space in known & {PLAIN})]

    def asked(self, questions: Sequence[str], held: Collection[str] | None = None) -> list[list[str]]:
        """Return the terms of questions; `held` are the languages of an index's chunks, None if they are not known."""
        found = []
        for question in questions:
            spaces = sorted(self.spaces(question, held))  # plain terms come first, with those that all share
            first, *others = self.terms([question] * len(spaces), spaces)
            found.append([*first, *(term for terms in others for term in terms if ":" in term)])
        return found

    def compared(self, texts: Sequence[str], held: Collection[str] | None = None) -> list[list[str]]:
        """Return the terms of a question, the first text, and of what is compared with it, all in its language."""
        return self.terms(texts, self.spaces(texts[0], held)[:1] * len(texts)) if texts else []

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return a record's analyser. Raises: UnknownReaderFormat for another format, or if terms differ now."""
        if (found := {**cls.always, **record}) != found | cls.always:
            raise UnknownReaderFormat(f"analyser: format {found['format']}, this version reads {FORMAT}")
        options = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        analyser = cls(**{**options, "stop_words": tuple(options.get("stop_words", ()))})
        if "probe" in record and (now := analyser.record()["probe"]) != record["probe"]:
            raise UnknownReaderFormat(
                f"analyser: the probe text gives terms {now[:12]}, the index was built with {record['probe'][:12]}; "
                "Python's Unicode tables or the stemmer have changed"
            )
        return analyser

    def terms(self, texts: Sequence[str], languages: Sequence[str] = ()) -> list[list[str]]:
        """Return the terms of each text in order, with repeats; `languages` are those of the texts, if any are told."""
        found = self.encode(texts, languages)
        flat = map(found.vocabulary.__getitem__, found.indices.tolist())
        return [list(islice(flat, size)) for size in found.sizes.tolist()]

    def encode(self, texts: Sequence[str], languages: Sequence[str] = ()) -> Encoded:
        """Return the terms of texts as numbers; each distinct whitespace-separated piece is analysed once."""
        try:
            column = pa.array(texts, pa.string())
        except UnicodeEncodeError:  # a lone surrogate is no letter
            column = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
        lists = pc.utf8_split_whitespace(self._rejoined(column))
        pieces = lists.flatten()
        if any(spaces := [self.space(language) for language in languages]):
            codes = pa.array([f"{space} " if space else "" for space in spaces])
            pieces = pc.binary_join_element_wise(codes.take(pc.list_parent_indices(lists)), pieces, "")
        pieces = pieces.dictionary_encode()
        counts, numbers, vocabulary = self._numbered(pieces.dictionary.to_pylist())
        starts = np.cumsum(counts) - counts
        owner = np.asarray(pieces.indices).astype(np.int64)
        per_piece = counts[owner]
        firsts = np.cumsum(per_piece) - per_piece
        # Term j of the occurrence that starts at firsts is numbers[starts + j].
        flat = numbers[np.arange(int(per_piece.sum())) + np.repeat(starts[owner] - firsts, per_piece)]
        ends = np.concatenate([[0], np.cumsum(per_piece)])[np.asarray(lists.offsets).astype(np.int64)]
        return Encoded(flat, vocabulary, np.diff(ends))

    def _numbered(self, pieces: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
        """Return the number of terms per piece, the terms' numbers in order, and the distinct terms."""
        known = _remembered(replace(self, heading_weight=1))
        found = list(map(known.get, pieces))
        new = [piece for piece, terms in zip(pieces, found, strict=True) if terms is None]
        made = dict(zip(new, self._analysed(new), strict=True))
        lines = [made[piece] if terms is None else terms for piece, terms in zip(pieces, found, strict=True)]
        if len(known) + len(made) > REMEMBERED:
            known.clear()
        known.update(made if len(made) <= REMEMBERED else {})
        counts = np.fromiter(map(len, lines), np.int64, len(lines))
        by_term = pa.array(list(chain.from_iterable(lines)), pa.string()).dictionary_encode()
        return counts, np.asarray(by_term.indices).astype(np.int64), by_term.dictionary.to_pylist()

    def _analysed(self, pieces: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the terms of each piece, which may have a language before it."""
        dropped, lines, by_space = frozenset(self.stop_words), list[list[str]](), defaultdict[str, list[str]](list)
        for piece in pieces:
            space, _, bare = piece.rpartition(" ")
            words = [word[:LONGEST_TERM] for word in self._words(bare) if word not in dropped]
            by_space[space] += words
            lines.append([space] * len(words))
        terms = {space: iter(self._terms(words, space)) for space, words in by_space.items()}
        return [tuple(next(terms[space]) for space in line) for line in lines]

    def _terms(self, words: list[str], space: str) -> list[str]:
        """Return the terms of words. Stemming many words at once makes a batch fast."""
        if not self.stem:
            return self._folded(words)
        import Stemmer

        language = "english" if self.language == AUTO else self.language
        bare = self._folded(words) if language in WITHOUT_ACCENTS else words
        # Made per call, which is cheap: a stemmer can neither be shared between threads nor pickled.
        stems = Stemmer.Stemmer(language, 0).stemWords(bare)
        plain = self._folded(
            [word if "_" in word or "." in word else stem for word, stem in zip(bare, stems, strict=True)]
        )
        known = folded(words, self.borrowed[space]) if space in self.borrowed else words
        own = self._folded(Stemmer.Stemmer(space, 0).stemWords(known)) if space else plain
        told = zip(words, plain, own, strict=True)
        return [shared if not space or SHARED.search(word) else f"{space}:{stem}" for word, shared, stem in told]


@lru_cache(4)
def _remembered(analyser: Analyser) -> dict[str, tuple[str, ...]]:
    """Return the terms of pieces seen before, for all threads; `_numbered` keeps it bounded."""
    return {}
