"""Raised and lowered figures of a page: "10³" and "H₂O" are other texts than "103" and "H2O". See `raised_figures`."""

import re
from collections.abc import Sequence

from ingest.documents.parsers._reading.raised_figures import FIGURES, script
from ingest.documents.parsers.pdf.fonts import UNSEEN
from ingest.documents.parsers.pdf.page import Word

_SMALLER = 0.9  # times the size of the word at which it stands, at most
_RAISED = (0.1, 0.8)  # font sizes of that word, from its baseline
_LOWERED = (0.06, 0.5)
_NEAR = 0.6  # font sizes between both, at most
_TOUCHING = 0.15
_TIGHT = 0.08
_MARK = 3  # characters of a mark at the beginning of a note, at most
_RIGHT_TO_LEFT = "\u0590"  # the first letter of scripts written so
_LONGEST = 12  # characters
_LINE = 0.05  # font sizes: words are on one line
_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_FRACTION = re.compile(r"(\d?)([⁰¹²³⁴-⁹]+)(?:⁄([₀-₉0-9]+)|/([₀-₉]+))")


def with_scripts(words: Sequence[Word]) -> list[Word]:
    """Return words in content order, with raised and lowered ones written as such and joined to their neighbours."""
    mains = _mains(words)
    found: list[Word] = []
    for at, (word, main) in enumerate(zip(words, mains, strict=True)):
        last = found[-1] if found else None
        if last is None or not (word.joined or _touches(words[at - 1], word, (mains[at - 1], main))):
            last = None
        if main is not None:
            after = words[at + 1] if at + 1 < len(words) else None
            word.text = _written(word, main, last.text if last else "", after)
        if last is None:
            found.append(word)
            continue
        last.text += word.text
        last.x0, last.x1 = min(last.x0, word.x0), max(last.x1, word.x1)
        if main is None and mains[at - 1] is word:
            last.base, last.size, last.bold = word.base, word.size, word.bold
    for word, main in zip(words, mains, strict=True):
        if main is not None:
            word.base, word.size, word.bold = main.base, main.size, main.bold
    for word in found:
        if "⁄" in word.text or "/" in word.text:
            word.text = _FRACTION.sub(_fraction, word.text)
    return found


def _mains(words: Sequence[Word]) -> list[Word | None]:
    """Return for each word the one at which it stands raised or lowered, None for others."""
    found: list[Word | None] = []
    last: Word | None = None  # that is neither
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else None
        main = None
        if len(word.text) <= _LONGEST and word.face is not UNSEEN and not _begins_line(word, after):
            near = last is not None and (_near(last, word, last.size) or _near(words[at - 1], word, last.size))
            if near and last is not None and _shifted(word, last):
                main = last
            elif after is not None and _near(word, after, after.size) and _is_mark(word, after):
                main = after
        found.append(main)
        last = word if main is None else last
    return found


def _begins_line(word: Word, after: Word | None) -> bool:
    """Return whether the next word has the same place and size: text behind a large initial, not a raised figure."""
    return (
        after is not None
        and after.turn == word.turn
        and abs(after.base - word.base) <= _LINE * word.size
        and abs(after.size - word.size) <= _LINE * word.size
        and _TOUCHING * word.size < after.x0 - word.x1 < 2 * word.size
    )


def _near(left: Word, right: Word, size: float) -> bool:
    together = left.turn == right.turn and left.hidden == right.hidden
    return together and -_NEAR * size <= right.x0 - left.x1 <= _NEAR * size


def _shifted(word: Word, main: Word) -> bool:
    """Return whether a word is smaller than another one and above or below its baseline, but within its line."""
    if not 0 < word.size <= _SMALLER * main.size or word.turn != main.turn:
        return False
    if main.text[-1:] >= _RIGHT_TO_LEFT and not word.text.isdecimal():
        return False
    rise = (main.base - word.base) / main.size
    return _RAISED[0] <= rise <= _RAISED[1] or _LOWERED[0] <= -rise <= _LOWERED[1]


def _is_mark(word: Word, after: Word) -> bool:
    """Return whether a word is the raised mark at which a note begins."""
    mark = len(word.text) <= _MARK and (bool(FIGURES.fullmatch(word.text)) or len(word.text) == 1)
    return mark and word.base < after.base and _shifted(word, after)


def _touches(before: Word, word: Word, mains: tuple[Word | None, Word | None]) -> bool:
    """Return whether a raised or lowered word, or the one behind it, begins where the word before ends, or below it."""
    if mains == (None, None) or before.turn != word.turn:
        return False
    gap = _TIGHT * max(before.size, word.size)
    stacked = mains[1] is not None and mains[0] is mains[1] and abs(word.x0 - before.x0) < _TOUCHING * mains[1].size
    return stacked or (abs(word.x0 - before.x1) < gap and mains[0] in (None, mains[1], word))


def _written(word: Word, main: Word, before: str, after: Word | None) -> str:
    """Return the text of a raised or lowered word, behind the text `before` if they touch."""
    if after is not None and after.text[:1] == "⁄" and _near(word, after, main.size):
        return word.text
    behind = after.text[:1] if after is not None and after.joined else ""
    return script(word.text, before, behind, raised=word.base < main.base)


def _fraction(found: re.Match[str]) -> str:
    """Return a fraction of raised and lowered figures with plain ones, apart from a number before it."""
    before, above, below, lowered = found.groups()
    return f"{before}{' ' if before else ''}{above}/{below or lowered}".translate(_PLAIN)
