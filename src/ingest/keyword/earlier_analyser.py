"""Analysers by their records: an index of an earlier format is asked as it was built until a run builds it anew."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, ClassVar

import pyarrow as pa

from ingest.keyword.analyser import FIXED, PROBE, Analyser
from ingest.keyword.words import ACCENTS, CAMEL, CAMEL_START, folded, marked_letters, runs

IDENTIFIER = re.compile(r"(\w*[^\W_](?:[._]+\w*[^\W_])+)")  # snake_case, v1.2.3, foo.bar_baz
SPACELESS = re.compile(  # Thai, Lao, Myanmar, Khmer, kana, Han
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+)"
)


def analyser_of(record: Mapping[str, Any]) -> Analyser:
    """Return the analyser of a manifest. Raises: UnknownReaderFormat for an unknown format, or if terms differ now."""
    kinds = {kind.always["format"]: kind for kind in (SecondAnalyser, ThirdAnalyser)}
    return kinds.get(record.get("format"), Analyser).from_record(record)


class ThirdAnalyser(Analyser):
    """Format 3: took ı for d and ð for i. Some names and codes are asked as now: C#12, E-4031."""

    always: ClassVar[dict[str, Any]] = {**FIXED, "format": 3}
    probed = PROBE[: PROBE.index(" Objective")]
    borrowed: ClassVar[Mapping[str, re.Pattern[str]]] = {}

    @staticmethod
    def _folded(words: Iterable[str], accents: re.Pattern[str] = ACCENTS) -> list[str]:
        return folded((word.translate({ord("ı"): "đ", ord("ð"): "ı"}) for word in words), accents)


class SecondAnalyser(Analyser):
    """Format 2: words of letters and digits with their accents."""

    always: ClassVar[dict[str, Any]] = {**FIXED, "format": 2}
    probed = PROBE[: PROBE.index(" 색인을")]

    @staticmethod
    def _rejoined(texts: pa.StringArray) -> pa.StringArray:
        return texts

    @staticmethod
    def _words(piece: str) -> list[str]:
        found: list[str] = []
        for i, part in enumerate(SPACELESS.split(unicodedata.normalize("NFKC", piece))):
            letters = marked_letters(part) if i % 2 else []
            found += [*map("".join, pairwise(letters))] or letters or _names_and_parts(part)
        return [word.casefold() for word in found]

    def _terms(self, words: list[str], space: str) -> list[str]:
        if not self.stem:
            return words
        import Stemmer

        stems = Stemmer.Stemmer(self.language, 0).stemWords(words)
        return [word if "_" in word or "." in word else stem for word, stem in zip(words, stems, strict=True)]


def _names_and_parts(text: str) -> list[str]:
    parts = enumerate(IDENTIFIER.split(text))
    return [word for i, part in parts for word in ((part.strip("_"), *_humps(part)) if i % 2 else _humps(part))]


def _humps(text: str) -> list[str]:
    found: list[str] = []
    for word in runs(text):
        parts = CAMEL.findall(word) if word.isascii() and CAMEL_START.search(word) else []
        found += [word, *(parts if len(parts) > 1 and all(len(part) > 1 for part in parts) else ())]
    return found
