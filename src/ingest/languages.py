"""Which natural language a text is in, as ISO 639-1 codes.

py3langid decides, always alike; its model takes half a second and 100 MB, so plainly English text is told without it.
"""

import re
from functools import cache
from typing import Any

UNKNOWN, ENGLISH, NO_LANGUAGE = "", "en", "zxx"
LIKELY, SURE = 0.7, 0.9  # probability of a language, alone and against what is declared: templates say "en" everywhere
OFTEN_ENGLISH = 0.25  # share of these words in a text that is mostly English, where they are a third
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(_WORD.findall("the of and to in is for that with this are be was by from it as on"))


def language_of(text: str, declared: str = "") -> str:
    """Return the language of a text, UNKNOWN if it cannot be told, or the declared one ("de" of "de-AT").

    That counts if the detector knows its code, unless the text is surely in another language.
    """
    words, said = _WORD.findall(text), re.split("[-_]", declared.strip().lower())[0]
    if said in (UNKNOWN, ENGLISH) and sum(word.lower() in _ENGLISH for word in words) > OFTEN_ENGLISH * len(words):
        return ENGLISH
    told = said if said in (UNKNOWN, ENGLISH) or (said in ranked("") and said != NO_LANGUAGE) else UNKNOWN
    best, probability = next(iter(ranked(text).items())) if words else (NO_LANGUAGE, 1.0)
    return best if best != NO_LANGUAGE and probability >= (SURE if told else LIKELY) else told


def ranked(text: str) -> dict[str, float]:
    """Return languages with their probabilities, the best first."""
    return dict(_detector().rank(text))


@cache
def _detector() -> Any:
    """Return a detector of the languages that have a code of two letters."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages([code for code in found.labels if len(code) == 2 or code == NO_LANGUAGE])
    return found
