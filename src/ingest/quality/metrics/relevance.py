"""Whether a chunk holds a gold place. Judgments are anchored to documents, so the answer holds for every chunker."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from ingest.keyword.words import WORD
from ingest.records import Gold, Result

WITHOUT_SPACES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")  # Thai, kana, Han
LONG_SPAN = 30  # words; of a longer span, one run of part of it is enough
ENOUGH_OF_SPAN = 0.7
ENOUGH_OF_OFFSETS = 0.5


def relevant(result: Result, gold: Gold) -> bool:
    """Return whether a chunk answers a question, according to a gold place in its document.

    Only the first rule for which both sides have data decides:

    1. spans: the chunk's text holds one of them, comparing case-folded letters and digits; of a span of more than 30
       words, one run of 70 % of them;
    2. offsets: the chunk and start…end share at least half of the shorter of the two;
    3. headings: the chunk's heading path begins with them;
    4. otherwise, being in the document is enough.
    """
    if not gold.is_in(result.source, result.path):
        return False
    if gold.spans:
        return any(holds(result.text, span) for span in gold.spans)
    if gold.start is not None and gold.end is not None and has_offsets(result):
        return _share((result.start, result.end), (gold.start, gold.end))
    if gold.headings:
        path = [_words(heading) for heading in result.heading_path[: len(gold.headings)]]
        return path == [_words(heading) for heading in gold.headings]
    return True


def distinct_places(gold: Sequence[Gold]) -> list[list[Gold]]:
    """Return the places in order, those that are the same one together, however often and in whatever way it is listed.

    In one document, places with offsets are the same if they share at least half of the shorter one; places of which
    one has no offsets, if their spans and headings have the same words.
    """
    places: list[list[Gold]] = []
    for one in gold:
        same = [place for place in places if any(_same(one, other) for other in place)]
        places = [place for place in places if place not in same]
        places.append([*(other for place in same for other in place), one])
    return sorted(places, key=lambda place: gold.index(place[0]))


def _same(one: Gold, other: Gold) -> bool:
    if one.doc != other.doc or (one.source and other.source and one.source != other.source):
        return False
    spans = [(g.start, g.end) for g in (one, other) if g.start is not None and g.end is not None]
    if len(spans) == 2:
        return _share(spans[0], spans[1])
    texts = [([*map(_words, g.spans)], [*map(_words, g.headings)]) for g in (one, other)]
    return texts[0] == texts[1]


def _share(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two spans share enough of the shorter one."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared > 0 and shared >= ENOUGH_OF_OFFSETS * min(one[1] - one[0], other[1] - other[0])


def has_offsets(result: Result) -> bool:
    """Return whether a chunk knows its place in the document; an empty span means it does not."""
    return result.end > result.start >= 0


def holds(text: str, span: str) -> bool:
    """Return whether a text holds a span: all its words in one run or, of more than 30 words, 70 % in one run."""
    within, wanted = _words(text), _words(span)
    if not wanted:
        return False
    if f" {wanted} " in f" {within} " or (WITHOUT_SPACES.search(wanted) and wanted in within):
        return True
    parts = wanted.split()
    if len(parts) <= LONG_SPAN:
        return False
    size = math.ceil(ENOUGH_OF_SPAN * len(parts))
    return any(" ".join(parts[i : i + size]) in within for i in range(len(parts) - size + 1))


@lru_cache(maxsize=2048)  # one chunk is compared with every place of its document
def _words(text: str) -> str:
    return " ".join(WORD.findall(text.casefold()))
