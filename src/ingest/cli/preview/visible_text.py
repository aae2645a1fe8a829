"""Text of documents as it may be shown: control characters made visible, secrets masked."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ingest.documents.screening import marks_of

MASK = "▒▒▒▒▒▒"
PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 0x7F: "␡"}  # ␀ to ␟

# Printable by their category, yet without a shape: fillers and variation selectors.
_SHAPELESS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_SELECTORS = re.compile("[\ufe00-\ufe0f]")
_PLAIN = re.compile("[\n\t -~]*")  # most texts: no need to look at single characters
_JOINERS = "\u200c\u200d"
_JOINED = re.compile(  # letters that joiners shape (Arabic, Indic, …), and emoji
    "[\u0600-\u10ff\u1780-\u18af\u1900-\u1cff\u2190-\u2bff\ua800-\uabff\ufb50-\ufdff\ufe0f\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001f000-\U0001faff]"
)


def visible(text: str) -> str:
    """Return `text` with everything written out that steers a terminal or hides from a reader.

    Line feeds stay. Tabs become spaces, so that columns can be counted. What no reader sees (escape sequences,
    bidirectional controls, zero-width and tag characters, halves of surrogate pairs) becomes `␛` or `⟨U+202E⟩`.
    A joiner between letters that it shapes and the single selector of an emoji stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join("".join(map(name_of, run)) if hidden else run for hidden, run in runs(text))


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` as `visible` does, on one line, cut at `limit` characters."""
    line = visible(" ".join(text.split()))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def runs(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the text in runs, each with whether a reader cannot see it; all kinds of spaces become plain ones."""
    if _PLAIN.fullmatch(text):
        if text:
            yield False, text.replace("\t", "    ")
        return
    for hidden, places in groupby(range(len(text)), lambda at: _is_hidden(text, at)):
        run = "".join(text[at] for at in places)
        yield hidden, run if hidden else "".join(map(_spaced, run))


def name_of(character: str) -> str:
    """Return the notation for an invisible character: `␛`, `⟨U+202E⟩`."""
    return PICTURES.get(ord(character)) or f"⟨U+{ord(character):04X}⟩"


def _is_hidden(text: str, at: int) -> bool:
    character = text[at]
    if character.isascii():
        return not character.isprintable() and character not in "\n\t"
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if character in _JOINERS:
        return not (_JOINED.match(before) and _JOINED.match(after))
    if _SHAPELESS.match(character):
        return not (_SELECTORS.match(character) and before.strip() and not _SHAPELESS.match(before))
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def _spaced(character: str) -> str:
    return "    " if character == "\t" else " " if unicodedata.category(character) == "Zs" else character


class Mask:
    """Hides the secrets of one document wherever they are shown.

    Args:
        text: The canonical text.
        spans: Where secrets are in it, sorted and not overlapping; None: nothing is hidden.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]] | None = None) -> None:
        self._text, self._spans = text, tuple(spans or ())
        self._hides = spans is not None

    def slice(self, start: int, end: int) -> str:
        """Return text[start:end] with `MASK` for every line of a secret that it overlaps."""
        parts, at = [], start
        first = bisect_right(self._spans, (start, start))
        for begin, until in self._spans[max(0, first - 1) :]:
            if begin >= end:
                break
            if until > at:
                hidden = self._text[max(begin, at) : min(until, end)]
                parts += [self._text[at : max(begin, at)], "\n".join(MASK for _ in hidden.split("\n"))]
                at = min(until, end)
        return "".join([*parts, self._text[at:end]])

    def words(self, text: str) -> str:
        """Return a title, a context or a path, or `MASK` if there is a secret in it."""
        return MASK if self._hides and "secret" in marks_of(text) else text


def secret_spans(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the lines that hold secrets, in order; a whole piece if no single line shows its secret.

    Of a private key, only the first of many lines can be recognised: the rest of its piece belongs to it.

    Args:
        text: The canonical text.
        pieces: Spans with a secret, sorted; they may overlap.
    """
    reached = 0
    for begin, until in pieces:
        for first, last in _secret_lines(text[begin:until]) or [(0, until - begin)]:
            start, end = max(begin + first, reached), begin + last
            if start < end:
                yield start, end
                reached = end


def _secret_lines(text: str) -> list[tuple[int, int]]:
    """Return the spans of the lines with a secret."""
    found: list[tuple[int, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if _is_key(line):
            return [*found, (at, len(text))]
        if "secret" in marks_of(line):
            found.append((at, at + len(line.rstrip())))
        at += len(line)
    return found


def _is_key(line: str) -> bool:
    return "PRIVATE KEY" in line or "PuTTY-User-Key-File" in line
