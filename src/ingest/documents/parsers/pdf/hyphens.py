"""What stands between two lines of a text: a space, nothing, or a hyphen that was only due to the line's end.

A hyphen at the end of a line is part of the word ("state-of-the-art") or not ("docu-mentation"). The document's other
words decide; where they do not, the parts of the word do, and whether the document splits words at all.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SOFT = "\xad"
HYPHENS = ("-", "\u2010", SOFT)
_DASHES = ("–", "—")
_BEFORE_SLASH = ("-", "/")  # and letters or figures
_WORD = re.compile(r"\w[\w\u2010-]*\w|\w")
_PARTS = re.compile(r"[-\u2010]")
_FIRST = re.compile(r"[^\W\d_]+")
_LAST = re.compile(r"[^\W\d_]+$")
_SHORT = 3  # letters of a word inside a compound, such as "of" or "the", at most
_SUFFIX = 3  # letters of "ish", "ing": shorter parts do not follow "self-"
_LINES = 300  # of a document that tell whether it splits words
_SPLITTING = 0.005  # of the lines end in a hyphen, at least, in a document that splits words
_COMPOUNDED = frozenset({"self", "well", "quasi"})  # first parts that are hardly ever written together
# what stands between the parts of "pre- and postwar"
_JOINTS = frozenset({"and", "or", "to", "nor", "und", "oder", "bzw", "bis", "sowie", "och", "og", "eller", "et", "ou"})


@dataclass(slots=True)
class Vocabulary:
    """The words of a document in lower case, except those that the end of a line may have split."""

    counts: Counter[str] = field(default_factory=Counter)
    splits: bool | None = None  # whether words are split at line ends; None: nothing tells


def vocabulary(lines: Sequence[str]) -> Vocabulary:
    """Return the words of lines, and whether the document splits words: more are known whole than with a hyphen."""
    found = Vocabulary()
    cut: list[tuple[str, str]] = []
    before = ""
    for line in lines:
        words = _WORD.findall(line.lower())
        split = before.endswith(HYPHENS) and before[-2:-1].isalpha() and line[:1].islower()
        if split:
            cut.append((before, line))
        found.counts.update(words[split : len(words) - line.endswith(HYPHENS)])
        before = line
    known = Counter(_known(before, line, found.counts) for before, line in cut)
    if known[1] or known[-1]:
        found.splits = known[1] >= known[-1]
    elif len(lines) >= _LINES:
        found.splits = len(cut) >= _SPLITTING * len(lines)
    return found


def with_seams(lines: Iterable[str], words: Vocabulary) -> str:
    """Return lines, none of them empty, as one text."""
    text: list[str] = []
    for line in lines:
        if text and line:
            cut, between = _seam(text[-1], line, words)
            text[-1] = text[-1][: len(text[-1]) - cut]
            text.append(between)
        text.append(line)
    return "".join(text)


def _seam(before: str, line: str, words: Vocabulary) -> tuple[int, str]:
    """Return how many characters to remove at the end of a line, and what goes between it and the next one."""
    last, second_last, first = before[-1:], before[-2:-1], line[:1]
    if last == SOFT:
        return (1, "-") if _known(before, line, words.counts) < 0 else (1, "")
    if last in HYPHENS and second_last.isalnum() and (first.isalnum() or first == "/"):
        return _hyphen(before, line, words)
    if last in _DASHES and second_last.isalnum() and first.isalnum():
        return 0, ""
    if last == "/" and first.isalnum() and (second_last.isalnum() or second_last in _BEFORE_SLASH):
        return 0, ""
    return (0, "") if _spaceless(last) and _spaceless(first) else (0, " ")


def _hyphen(before: str, line: str, words: Vocabulary) -> tuple[int, str]:
    """Return the same as `_seam` for a line that ends in a hyphen behind a letter or figure."""
    token, following = before.rsplit(None, 1)[-1][:-1], line.split(None, 1)[0].rstrip(".,;:!?)\u201d\"'")
    known = _known(before, line, words.counts)
    if following.lower() in _JOINTS and known == 0:
        return 0, " "
    first, second = _LAST.search(token), _FIRST.match(following)
    if first is None or second is None or "://" in token or token.startswith("www."):
        return 0, ""
    if not second[0][0].islower():
        return int(known > 0 and first[0].isupper() and second[0].isupper()), ""
    if len(first[0]) == 1 or first[0].isupper():  # "e-mail", "DNA-binding"
        return 0, ""
    if known:
        return int(known > 0), ""
    return int(not _compound(token, first[0].lower(), second[0].lower(), words)), ""


def _compound(token: str, first: str, second: str, words: Vocabulary) -> bool:
    """Return whether a word that is nowhere else in the document has a hyphen of its own."""
    if _PARTS.search(token) and (len(first) <= _SHORT or words.counts[first]):
        return True
    if first in _COMPOUNDED and len(second) > _SUFFIX:
        return True
    if words.splits is None:
        return len(first) > 2 and len(second) > 2 and bool(words.counts[first] and words.counts[second])
    return not words.splits


def _known(before: str, line: str, counts: Counter[str]) -> int:
    """Return 1 if the document has the word around a line's end rather without a hyphen, -1 with one, 0 if neither."""
    token, following = _WORD.findall(before[-80:].lower()), _WORD.match(line[:80].lower())
    if not token or following is None:
        return 0
    first, second = _inner(token[-1], following[0])
    whole, hyphened = counts[first + second], counts[f"{token[-1]}-{following[0]}"] or counts[f"{first}-{second}"]
    return 0 if whole == hyphened == 0 else 1 if whole >= hyphened else -1


def _inner(before: str, after: str) -> tuple[str, str]:
    """Return the parts next to the hyphen, of words that may have further ones."""
    return _PARTS.split(before.lstrip("([{\"'“„‘«¿¡"))[-1], _PARTS.split(after)[0]


def _spaceless(character: str) -> bool:
    """Return whether a character's script has no spaces between words: Chinese, Japanese, full-width signs."""
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef" or character >= "\U00020000"
