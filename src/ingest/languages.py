"""Which natural language a text is in, as ISO 639-1 codes.

py3langid decides, always alike; its model takes half a second and 100 MB, so plainly English text is told without it.
"""

import copy
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

UNKNOWN, ENGLISH, NO_LANGUAGE, UNTOLD = "", "en", "zxx", "und"  # the last where languages are counted: none is known
LIKELY, SURE = 0.7, 0.9  # probability of a language, alone and against what is declared: templates say "en" everywhere
POSSIBLE = 0.05  # of a question's language that is looked for too
OFTEN_ENGLISH = 0.25  # share of these words in a text that is mostly English, where they are a third
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(_WORD.findall("the of and to in is for that with this are be was by from it as on"))
# With a Snowball stemmer of their own. All others share the rules for English, which leave other alphabets as they are.
_STEMMED = "ar ca cs da de el eo es et eu fa fi fr ga hi hu hy id it lt ne nl no pl pt ro ru sr st sv ta tr"
OTHER_CODES = {"nb": "no", "iw": "he", "in": "id"}  # as documents say, and as the detector does
STEMMED = frozenset(_WORD.findall(_STEMMED))


def language_of(text: str, declared: str = "") -> str:
    """Return the language of a text, UNKNOWN if it cannot be told, or the declared one ("de" of "de-AT").

    That counts if the detector knows its code, unless the text is surely in another language.
    """
    words, said = _WORD.findall(text), re.split("[-_]", declared.strip().lower())[0]
    said = OTHER_CODES.get(said, said)
    if said in (UNKNOWN, ENGLISH) and sum(word.lower() in _ENGLISH for word in words) > OFTEN_ENGLISH * len(words):
        return ENGLISH
    told = said if said in (UNKNOWN, ENGLISH) or (said in ranked("") and said != NO_LANGUAGE) else UNKNOWN
    best, probability = next(iter(ranked(text).items())) if words else (NO_LANGUAGE, 1.0)
    return best if best != NO_LANGUAGE and probability >= (SURE if told else LIKELY) else told


def ranked(text: str, among: Collection[str] = ()) -> dict[str, float]:
    """Return languages with their probabilities, the best first; only those `among`, of all if there are none."""
    return dict(_detector(frozenset(among)).rank(text))


def foreign(chunks: Mapping[str, int], known: Collection[str]) -> dict[str, float] | None:
    """Return the share of chunks, counted by language, of each that a model does not know; None if it names none."""
    told, total = {UNTOLD, *known}, sum(chunks.values())
    return {code: count / total for code, count in chunks.items() if count and code not in told} if known else None


@lru_cache(maxsize=8)
def _detector(among: frozenset[str] = frozenset()) -> Any:
    """Return a detector of some languages, or of all that have a code of two letters."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = copy.copy(_detector()) if among else LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    short = {code for code in found.labels if len(code) == 2 or code == NO_LANGUAGE}
    found.set_languages(sorted(short & among or short))
    return found
