"""Strings that a question quotes: chunks that hold one exactly come first, whatever else the question says."""

import re
from collections.abc import Mapping, Sequence

from ingest.keyword.words import SPACELESS, WORD, alike
from ingest.records import Hit

QUOTED = re.compile(  # in backticks or quotation marks, `alike`; an apostrophe within a word is none
    r"(?<!`)`++([^`]+)`++|\"(?!\s)([^\"]+)(?<!\s)\"|[“„]([^“”„]+)[“”]|(?<!\w)”(?!\s)([^“”]+)(?<!\s)”(?!\w)|«([^«»]+)»"
    r"|»([^«»]+)«|‹([^‹›]+)›|›([^‹›]+)‹|‚([^‚']+)'|「([^「」]+)」|『([^『』]+)』|《([^《》]+)》|〈([^〈〉]+)〉"
    r"|(?<!\w)'(?!\s)((?:[^']|(?<=\w)'(?=\w)){2,})(?<!\s)'(?!\w)"  # of two characters: rock 'n' roll
)
INSIDE = (
    "[\\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff]"  # a word, with the marks of its letters
)
MOST = 8  # strings of a question that are looked for
LONGEST = 1_000  # characters of one
LOOKED_AT = 50  # best chunks of each search, and of one for each string alone, whose texts are compared


def quotations(question: str) -> list[str]:
    """Return the different strings that are quoted, at least one letter or digit in each, as `_spelt`."""
    marked = QUOTED.finditer(alike(question))
    found = (_spelt(next(filter(None, match.groups()))).rstrip(",.;:!?\\") for match in marked)
    return [one for one in dict.fromkeys(found) if len(one) <= LONGEST and WORD.search(one)][:MOST]


def held(strings: Sequence[str], text: str) -> int:
    """Return how many of the strings a text holds, not within a longer word; white space and case do not count."""
    spelt = _spelt(text)
    return sum(re.search(_edge(one[0], "<") + re.escape(one) + _edge(one[-1]), spelt) is not None for one in strings)


def exact_first(hits: list[Hit], holding: Mapping[str, int]) -> list[Hit]:
    """Return all hits, those that hold most strings first, else in the same order; scores rise above all others."""
    if not holding:
        return hits
    step = max(1.0, hits[0].score - hits[-1].score) if hits else 1.0
    ranked = sorted(hits, key=lambda hit: -holding.get(hit.chunk_id, 0))
    return [Hit(hit.chunk_id, hit.score + step * holding.get(hit.chunk_id, 0)) for hit in ranked]


def _spelt(text: str) -> str:
    return " ".join(alike(text).casefold().replace("`", "").split())


def _edge(character: str, side: str = "") -> str:
    signs = "" if side else r"|\+\+|#(?!\w)"  # C is no C++
    return f"(?{side}!{INSIDE}{signs})" if re.match(INSIDE, character) and not SPACELESS.match(character) else ""
