"""Whether a chunk holds a gold place. Judgments are anchored to documents, so the answer holds for every chunker."""

import math
import re
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
        shared = min(result.end, gold.end) - max(result.start, gold.start)
        shorter = min(result.end - result.start, gold.end - gold.start)
        return shared > 0 and shared >= ENOUGH_OF_OFFSETS * shorter
    if gold.headings:
        path = [_words(heading) for heading in result.heading_path[: len(gold.headings)]]
        return path == [_words(heading) for heading in gold.headings]
    return True


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
