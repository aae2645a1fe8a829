"""Text of documents as it may be shown: control characters made visible, secrets masked."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ingest.screening import marks_of

MASK = "▒▒▒▒▒▒"
PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 0x7F: "␡"}  # ␀ to ␟


def visible(text: str) -> str:
    """Return `text` with everything that drives a terminal or hides from a reader written out.

    Line feeds stay. Tabs become spaces, so that columns can be counted. Code points that are not printable (escape
    sequences, bidirectional controls, zero-width and tag characters, halves of surrogate pairs) become `␛` or
    `⟨U+202E⟩`.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _written(c) for c in text)


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` as `visible` has it, on one line, cut at `limit` characters."""
    line = visible(" ".join(text.split()))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def is_invisible(character: str) -> bool:
    """Tell whether a reader cannot see a character, although it is no white space."""
    return not character.isprintable() and character not in "\n\t" and unicodedata.category(character) != "Zs"


def name_of(character: str) -> str:
    """Return what stands for a character that cannot be seen: `␛`, `⟨U+202E⟩`."""
    return PICTURES.get(ord(character)) or f"⟨U+{ord(character):04X}⟩"


def _written(character: str) -> str:
    if character == "\n":
        return character
    if character == "\t":
        return "    "
    return " " if unicodedata.category(character) == "Zs" else name_of(character)


class Mask:
    """Hides the secrets of one document wherever they are shown.

    Args:
        text: The canonical text.
        spans: Where secrets are in it, sorted, not overlapping; None: nothing is hidden.
    """

    def __init__(self, text: str, spans: Sequence[tuple[int, int]] | None = None) -> None:
        self._text, self._spans = text, tuple(spans or ())
        self._hides = spans is not None

    def slice(self, start: int, end: int) -> str:
        """Return text[start:end] with `MASK` for every line of a secret that it shares something with."""
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
        """Return a title, a context or a path, or `MASK` when there is a secret in it."""
        return MASK if self._hides and "secret" in marks_of(text) else text


def secret_spans(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the lines in which secrets stand, in order; a whole piece where no line of it tells.

    A private key has many lines, of which the first tells: the rest of its piece is part of it.

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
