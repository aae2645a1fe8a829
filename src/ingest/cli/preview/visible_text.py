"""Document text made safe to show: what controls a terminal or hides from a reader is spelled out."""

import re
from collections.abc import Iterator
from itertools import groupby

from ingest.documents.screening import EMOJI, JOINING, SHAPELESS

PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 0x7F: "␡"}  # ␀ to ␟

_SHAPELESS, _SELECTORS = re.compile(f"[{SHAPELESS}]"), re.compile("[\ufe00-\ufe0f]")
_JOINED = re.compile(f"[{JOINING}{EMOJI}]")
_SPACES = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # all of Unicode's category Zs
_PLAIN = re.compile("[\n\t -~]*")  # most texts: no need to look at single characters
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    """Return `text` with everything spelled out that controls a terminal or hides from a reader.

    Line feeds stay. Tabs become spaces, so that columns can be counted. What no reader sees (escape sequences,
    bidirectional controls, zero-width and tag characters, halves of surrogate pairs) becomes `␛` or `⟨U+202E⟩`.
    A joiner between letters that it shapes and the single selector of an emoji stay.
    """
    return "".join("".join(map(sign_of, run)) if hidden else run for hidden, run in runs(text))


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` as `visible` does, on one line, cut at `limit` characters."""
    line = visible(" ".join(text.split()))
    return line if limit is None or len(line) <= limit else f"{line[: limit - 1]}…"


def runs(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the text in runs, each with whether it is invisible; all kinds of spaces become plain ones."""
    if _PLAIN.fullmatch(text):
        if text:
            yield False, text.replace("\t", "    ")
        return
    for hidden, places in groupby(range(len(text)), lambda at: _is_hidden(text, at)):
        run = "".join(text[at] for at in places)
        yield hidden, run if hidden else _SPACES.sub(" ", run.replace("\t", "    "))


def sign_of(character: str) -> str:
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
    return not character.isprintable() and not _SPACES.match(character)
