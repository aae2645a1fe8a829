"""Characters of symbol fonts in RTF, written as Unicode, before a program reads it that does not look at fonts.

RTF stores such a character as a letter, as a byte, or as a code in the private use area; which font it is in stands in
front of it, by a number of the font table.
"""

import re
from typing import NamedTuple

from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, with_symbols

_TOKEN = re.compile(
    r"\\'(?P<byte>[0-9A-Fa-f]{2})|\\(?P<word>[A-Za-z]{1,32})(?P<number>-?[0-9]{1,10})? ?|\\(?P<sign>[^A-Za-z'])"
    r"|(?P<open>\{)|(?P<close>\})|(?P<line>[\r\n]+)|(?P<text>[^\\{}\r\n]+)",
    re.S,
)
_TABLE = re.compile(r"\{\\fonttbl")
_FONT = re.compile(r"\\f(\d{1,6})\b(?:[^{}\\;]|\\[^;{}]|\{[^{}]{0,300}\}){0,300};")
_NAME = re.compile(r"(?:\\[A-Za-z]+-?\d* ?|\\'[0-9A-Fa-f]{2}|\{[^{}]*\})+")
_TABLE_LENGTH = 200_000  # characters
_DATA = frozenset(("fonttbl", "colortbl", "stylesheet", "info", "pict", "objdata", "listtable", "themedata"))


class _State(NamedTuple):
    """What holds inside a group."""

    font: int
    fallback: int = 1  # characters behind `\\u` for programs that do not know it
    is_data: bool = False


def rtf_with_symbols(data: bytes) -> bytes:
    """Return an RTF document with the characters of its symbol fonts as Unicode; other documents unchanged."""
    if not data.lstrip().startswith(b"{\\rtf"):
        return data
    source = data.decode("latin-1")
    fonts = _symbol_fonts(source)
    if not fonts and "\\u-" not in source:
        return data
    groups, found, skipped = _Groups(), list[str](), 0
    for match in _TOKEN.finditer(source):
        groups.follow(match)
        kind, token, state = match.lastgroup, match[0], groups.state
        font = fonts.get(state.font, "")
        if match["word"] == "u" and not state.is_data:
            skipped = state.fallback
            found.append(_written(with_symbols(chr(int(match["number"] or 0) % 65536), font)))
            continue
        if kind in ("byte", "text", "sign") and skipped:
            length = len(token) if kind == "text" else 1
            token, skipped = token[skipped:] if length > skipped else "", max(skipped - length, 0)
        elif kind != "line":
            skipped = 0
        found.append(_shown(match, token, font) if font and token and not state.is_data else token)
    return "".join(found).encode("latin-1")


class _Groups:
    """Knows what holds at each token."""

    def __init__(self) -> None:
        self.state = _State(-1)
        self._around: list[_State] = []

    def follow(self, match: re.Match[str]) -> None:
        """Take the next token into account."""
        word, number, state = match["word"], match["number"], self.state
        if match["open"]:
            self._around.append(state)
        elif match["close"]:
            self.state = self._around.pop() if self._around else state
        elif match["sign"] == "*" or word in _DATA:
            self.state = state._replace(is_data=True)
        elif word == "plain" or (word == "f" and number):
            self.state = state._replace(font=int(number or -1) if word == "f" else -1)
        elif word == "uc":
            self.state = state._replace(fallback=min(max(int(number or 1), 0), 100))


def _shown(match: re.Match[str], token: str, font: str) -> str:
    """Return letters or a byte in a symbol font as what they show; other tokens as they are."""
    if match["byte"]:
        return _written(with_symbols(chr(int(match["byte"], 16)), font))
    if not match["text"]:
        return token
    return "".join(each if (shown := with_symbols(each, font)) == each else _written(shown) for each in token)


def _written(text: str) -> str:
    """Return text as RTF writes what is not ASCII: in UTF-16, signed, without a fallback."""
    if text.isascii() and text.isalnum():
        return text
    units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    return "{\\uc0" + "".join(f"\\u{unit - 65536 if unit > 32767 else unit} " for unit in units) + "}"


def _symbol_fonts(source: str) -> dict[int, str]:
    """Return number → name of the symbol fonts in the font table."""
    start = _TABLE.search(source)
    if start is None:
        return {}
    table = source[start.end() : start.end() + _TABLE_LENGTH]
    fonts = {int(match[1]): _NAME.sub("", match[0]).rstrip(";").strip() for match in _FONT.finditer(table)}
    return {number: name for number, name in fonts.items() if is_symbol_font(name)}
