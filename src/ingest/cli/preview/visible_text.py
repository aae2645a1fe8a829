"""Document text made safe to show: what controls a terminal or hides from a reader is spelled out."""

import re
from collections.abc import Iterator
from itertools import groupby

from ingest.documents.screening import EMOJI, JOINING, SHAPELESS

PICTURES = {**{code: chr(0x2400 + code) for code in range(32)}, 0x7F: "␡"}  # ␀ to ␟

_SPACES = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")  # all of Unicode's category Zs
_JOINERS, _SELECTORS, _JOINED = "\u200c\u200d", "\ufe00-\ufe0f", f"[{JOINING}{EMOJI}]"
_HIDDEN = re.compile(
    f"(?<!{_JOINED})[{_JOINERS}]|[{_JOINERS}](?!{_JOINED})|(?<![^\\s{SHAPELESS}])[{_SELECTORS}]"
    f"|(?![{_JOINERS}{_SELECTORS}])[{SHAPELESS}]"
)


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
    spaced = _SPACES.sub(" ", text.replace("\t", "    "))
    hidden = {found.start() for found in _HIDDEN.finditer(spaced)}
    hidden |= {at for at, one in enumerate(spaced) if not one.isprintable() and one not in f"\n{_JOINERS}"}
    for is_hidden, places in groupby(range(len(spaced)), hidden.__contains__):
        yield is_hidden, "".join(spaced[at] for at in places)


def sign_of(character: str) -> str:
    """Return the notation for an invisible character: `␛`, `⟨U+202E⟩`."""
    return PICTURES.get(ord(character)) or f"⟨U+{ord(character):04X}⟩"
