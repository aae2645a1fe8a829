"""From the order in which a line is seen to that in which it is read: the Unicode bidirectional algorithm turned round.

A line is given from left to right, one text per glyph. Without explicit embeddings, only three levels occur: letters of
a left-to-right line (0), letters written from right to left (1), and Latin words and numbers among these (2). The order
inside a run of one level is the same in both orders or exactly reversed, so it is enough to find the runs that stay: in
a line from right to left, Latin words with what is between them, and numbers with their separators.

What cannot be told: "A 12" seen in a line from right to left is "A 12" or "12 A"; it is read as the former, except
before units of measure. A number seen left of Hebrew in an English line belongs to the English.

Source: Unicode Standard Annex 9, rules W1 to W7, N0 to N2 and L2.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

_UNIT = re.compile(
    r"[kmgt]?b|[kmg]bps|[kmg]?hz|mm|cm|k?m|[km]?g|ml|mah?|[km]?[vw]|kwh|ms|sec|ha|ft|lb|oz|px|dpi|rpm|bar|psi|[km]?pa|ppm|"
    r"[ap]m|usd|eur|gbp|ils|nis|aed|sar|egp"
)
_SENTENCE = frozenset(".,;:!?\u060c\u061b\u061f\u06d4")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_PHONE = 9  # digits and separators: more are the number of a phone
_FAR = 300  # glyphs to each side of a gap that are looked at
_IN_NUMBERS = ("EN", "AN", "CS", "ES", "ET")
_Runs = list[tuple[int, int]]  # first and last place


class ReadingPlace(NamedTuple):
    """A glyph in reading order."""

    at: int  # in the order seen
    reversed: bool  # it is written from right to left: brackets are mirrored there


def bidi_class(text: str) -> str:
    """Return the bidirectional class of a glyph's text: that of its first character with one."""
    found = "BN"
    for letter in text:
        found = "CS" if letter in "\u066b\u066c" else unicodedata.bidirectional(letter) or "L"
        if found not in ("BN", "NSM"):
            break
    return found


def reading_order(seen: Sequence[str], rtl: bool, before: str = "") -> list[ReadingPlace]:
    """Return the glyphs of a line in reading order.

    Args:
        seen: The text of each glyph, from left to right.
        rtl: Whether the line is read from right to left.
        before: The class of the last letter on the line before it in its paragraph, "" without one.
    """
    line = _Line(seen)
    return line.backward(0, len(seen), before) if rtl else line.forward()


class _Line:
    def __init__(self, seen: Sequence[str]) -> None:
        self.seen = seen
        self.classes = [bidi_class(text) for text in seen]

    def forward(self) -> list[ReadingPlace]:
        """Return a line read from left to right: only stretches of right-to-left letters are turned."""
        found: list[ReadingPlace] = []
        at, count = 0, len(self.seen)
        while at < count:
            if self.classes[at] not in ("R", "AL", "AN"):
                found.append(ReadingPlace(at, False))
                at += 1
                continue
            last, ahead = at, at
            while ahead < count and self.classes[ahead] != "L":
                if self.classes[ahead] in ("R", "AL", "AN"):
                    last = ahead
                ahead += 1
            first, last = self._bracketed(self._numbered(at), last + 1)
            del found[len(found) - (at - first) :]
            found += self.backward(first, last, "")
            at = last
        return found

    def _numbered(self, first: int) -> int:
        """Return where a stretch begins with a number that touches its left end or has Arabic digits."""
        start = first
        while start and self.classes[start - 1] in _IN_NUMBERS:
            start -= 1
        if not any(kind in ("EN", "AN") for kind in self.classes[start:first]):
            start = first
        told = first > 1 and self.seen[first - 1] in _SENTENCE and self.seen[first - 2].isspace()  # "12 ,R"
        start, gap = first if told else start, first - 1 if told else start
        while gap and self.seen[gap - 1].isspace():
            gap -= 1
        begin = gap
        while begin and self.classes[begin - 1] in _IN_NUMBERS:
            begin -= 1
        if begin < gap and told:
            return begin
        if begin < gap and any("\u06f0" <= text[:1] <= "\u06f9" for text in self.seen[begin:gap]):
            return begin
        return start

    def _bracketed(self, first: int, last: int) -> tuple[int, int]:
        """Return a stretch extended by brackets at its ends whose partners are inside of it (rule N0)."""
        depth, lowest = self._depth(first, last - 1)
        if lowest < 0 and first and self.seen[first - 1] in _OPENING:
            return first - 1, last
        if depth > 0 and last < len(self.seen) and self.seen[last] in _CLOSING:
            return first, last + 1
        return first, last

    def backward(self, first: int, last: int, before: str) -> list[ReadingPlace]:
        """Return what is seen from `first` to `last`, read from right to left."""
        found: list[ReadingPlace] = []
        at = last - 1
        while at >= first:
            if self.classes[at] in ("R", "AL"):
                before = self.classes[at]
                found.append(ReadingPlace(at, True))
                at -= 1
                continue
            start = at
            while start > first and self.classes[start - 1] not in ("R", "AL"):
                start -= 1
            for left, right in reversed(self._runs(start, at, before)):
                found += [ReadingPlace(place, True) for place in range(at, right, -1)]
                found += [ReadingPlace(place, False) for place in range(left, right + 1)]
                at = left - 1
            found += [ReadingPlace(place, True) for place in range(at, start - 1, -1)]
            at = start - 1
        return found

    def _runs(self, first: int, last: int, before: str) -> _Runs:
        """Return the runs read from left to right in a stretch without right-to-left letters, from left to right."""
        latin = [at for at in range(first, last + 1) if self.classes[at] == "L"]
        if not latin:
            return self._numbers(first, last, before == "AL")
        joined: _Runs = []
        for left, right in self._words(first, last, self._numbers(first, last, False)):
            if joined and self._goes_on(joined[-1], (left, right), last):
                joined[-1] = joined[-1][0], right
            elif joined and joined[-1][1] >= latin[-1]:
                break
            else:
                joined.append((left, right))
        joined = [self._closed(run, first, last) for run in joined]
        return joined + self._numbers(joined[-1][1] + 1, last, before == "AL")  # these come before the Latin words

    def _words(self, first: int, last: int, numbers: _Runs) -> _Runs:
        """Return stretches of letters and numbers without anything else between, from left to right."""
        inside = {at for left, right in numbers for at in range(left, right + 1)}
        words: _Runs = []
        for at in range(first, last + 1):
            if self.classes[at] == "L" or at in inside:
                if words and words[-1][1] == at - 1:
                    words[-1] = words[-1][0], at
                else:
                    words.append((at, at))
        return words

    def _goes_on(self, left: tuple[int, int], right: tuple[int, int], last: int) -> bool:
        """Return whether two words side by side, of a stretch that ends at `last`, are of one run (rules W7 and N1)."""
        left, last = (max(left[0], left[1] - _FAR), left[1]), min(last, right[0] + _FAR)
        right = right[0], min(right[1], last)
        latin = [any(self.classes[at] == "L" for at in range(run[0], run[1] + 1)) for run in (left, right)]
        if not any(latin) or "AN" in (self.classes[left[1]], self.classes[right[0]]):
            return False
        between = self.seen[left[1] + 1 : right[0]]
        if between and between[-1] in _SENTENCE and between[0].isspace():
            return False  # "Word ,25": the comma follows what is on its right
        opened = self._depth(left[1] + 1, right[0] - 1)[0] > 0 and not self._closes(left[1] + 1, last)
        if opened and not self._closes_outside(left[0], right[0], last):
            return False  # the bracket closes what is on the right, and looks the other way round
        if latin[1]:
            return True
        if any(text in _CLOSING for text in between) and self._depth(*left)[0] <= 0:
            return False  # "(A) 12" is "12 (A)"
        blank = bool(between) and all(text.isspace() for text in between)
        return not blank or not _UNIT.fullmatch("".join(self.seen[left[0] : left[1] + 1]).lower())  # "GB 25" is "25 GB"

    def _closes(self, first: int, last: int) -> bool:
        """Return whether all brackets that open in a stretch before any closes are closed in it."""
        depth = opened = 0
        for text in self.seen[first : last + 1]:
            depth += (text in _OPENING) - (text in _CLOSING)
            opened = max(opened, depth)
            if opened and not depth:
                return True
        return False

    def _closes_outside(self, first: int, word: int, last: int) -> bool:
        """Return whether a bracket opened before a word is closed at the other end of its run, which begins at `first`.

        So do programs without rule N0: "API (REST)" is seen as "(API (REST".
        """
        return first > 0 and self.seen[first - 1] in _OPENING and self._depth(word, last)[1] == 0

    def _closed(self, run: tuple[int, int], first: int, last: int) -> tuple[int, int]:
        """Return a run extended by a bracket whose partner is inside of it (rule N0)."""
        left, right = run
        depth, lowest = self._depth(left, right)
        if lowest == 0 and depth > 0 and right < last and self.seen[right + 1] in _CLOSING:
            return left, right + 1
        if lowest < 0 and depth < 0 and left > first and self.seen[left - 1] in _OPENING:
            return left - 1, right
        return left, right

    def _depth(self, first: int, last: int) -> tuple[int, int]:
        """Return how many brackets are open after a stretch, and the least number inside of it."""
        depth = lowest = 0
        for text in self.seen[first : last + 1]:
            depth += (text in _OPENING) - (text in _CLOSING)
            lowest = min(lowest, depth)
        return depth, lowest

    def _numbers(self, first: int, last: int, arabic: bool) -> _Runs:
        """Return the numbers with their separators and signs (rules W2, W4, W5)."""
        kinds = ["AN" if arabic and kind == "EN" else kind for kind in self.classes[first : last + 1]]
        runs: _Runs = []
        for at, kind in enumerate(kinds):
            if kind not in ("EN", "AN"):
                continue
            if runs:
                gap = kinds[runs[-1][1] + 1 : at]
                joins = ["CS"] if kind == "AN" else ["CS", "ES"]
                alike = kinds[runs[-1][1]] == kind
                if not gap or (alike and len(gap) == 1 and gap[0] in joins):
                    runs[-1] = runs[-1][0], at
                    continue
            runs.append((at, at))
        signed: _Runs = []
        for left, right in runs:
            start, end = left, right
            while kinds[left] == "EN" and start and kinds[start - 1] == "ET":
                start -= 1
            while kinds[right] == "EN" and end + 1 < len(kinds) and kinds[end + 1] == "ET":
                end += 1
            if end - start > _PHONE and start and self.seen[first + start - 1] == "+":
                before = self.seen[first + start - 2] if start > 1 else " "
                start -= before.isspace() or before in _SENTENCE  # a number of a phone, set from the left
            if signed and start <= signed[-1][1] + 1:
                start = signed.pop()[0]
            signed.append((start, end))
        return [(first + left, first + right) for left, right in signed]
