"""The body of an Outlook message that is kept as compressed RTF: its text, or the HTML of which it was made.

MS-OXRTFCP describes the compression, MS-OXRTFEX how HTML is wrapped in RTF. One pass over the tokens, in bounded
memory: the libraries for either look ahead without a limit, or fail on damaged bodies.
"""

import re
import struct
from dataclasses import dataclass, field, replace

from ingest.documents.parsers._reading.charsets import code_page, decoded_as, meaning

_HEADER = struct.Struct("<II4sI")  # lengths packed and unpacked, kind, checksum
_FIRST = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)  # with this the dictionary begins
_WINDOW = 4096
_MOST = 64 * 2**20  # bytes unpacked
_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)|.", re.S
)
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"sect": "\n\n", b"page": "\n\n", b"tab": "\t", b"cell": "\t"}
_SIGNS = {
    **{b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’"},
    **{b"ldblquote": "“", b"rdblquote": "”", b"emspace": "\u2003", b"enspace": "\u2002"},
    **_BREAKS,
}
_ESCAPED = {b"~": "\xa0", b"_": "\u2011", b"-": "", b"\n": "\n", b"\r": "\n", b"{": "{", b"}": "}", b"\\": "\\"}
_CHARSETS = (b"f", b"plain", b"fcharset", b"ansicpg")
_ASIDE = frozenset(
    b"fonttbl colortbl stylesheet info pict header headerl headerr headerf footer footerl footerr footerf fldinst "
    b"objdata listtable listoverridetable generator themedata datastore xmlnstbl rsidtbl latentstyles revtbl".split()
)  # groups that nobody sees
_FONT_PAGES = {
    **{77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255},
    **{178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850},
}  # of a font's charset


def unpacked_rtf(data: bytes) -> bytes:
    """Return the RTF of a compressed body; as much as can be unpacked of a damaged one."""
    if len(data) < _HEADER.size:
        return b""
    _, size, kind, _ = _HEADER.unpack_from(data)
    packed = data[_HEADER.size :]
    if kind == b"MELA":
        return packed[:size]
    if kind != b"LZFu":
        return b""
    found = bytearray(_FIRST)
    at, first = 0, len(_FIRST)
    while at < len(packed) and len(found) < min(_MOST, first + size):
        flags, at = packed[at], at + 1
        for bit in range(8):
            if at >= len(packed):
                break
            if not flags >> bit & 1:
                found.append(packed[at])
                at += 1
                continue
            pair = int.from_bytes(packed[at : at + 2], "big")
            at += 2
            back = (len(found) - (pair >> 4)) % _WINDOW
            if back == 0:  # the end
                return bytes(found[first:])
            for _ in range((pair & 15) + 2):
                found.append(found[-back] if back <= len(found) else 0x20)
    return bytes(found[first:])


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits."""

    shown: bool = True
    tag: bool = False  # inside of a piece of HTML
    rtf: bool = False  # what the HTML has in other words
    skip: int = 1  # characters after one in Unicode that stand for it
    font: int = -1


@dataclass
class _Reader:
    """Reads tokens one by one."""

    html: bool
    page: str = "cp1252"
    found: list[str] = field(default_factory=list)
    pages: dict[int, str] = field(default_factory=dict)  # of fonts
    state: _State = field(default_factory=_State)
    stack: list[_State] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)  # bytes in the charset of the font
    left: int = 0  # characters to skip
    fonts: bool = False  # inside of the table of fonts
    star: bool = False

    def read(self, data: bytes) -> str:
        """Return the text."""
        at = 0
        while at < len(data) and (match := _TOKEN.match(data, at)):
            at = match.end()
            word, number, code, escaped, brace, text = match.groups()
            if code is not None:
                self._bytes(bytes((int(code, 16),)))
                continue
            if text is not None and not self.fonts:
                self._bytes(text)
                continue
            self._flush()
            if brace is not None:
                self._brace(brace)
            elif word is not None:
                value = int(number) if number else None
                if word == b"bin":
                    at += min(max(value or 0, 0), len(data) - at)
                else:
                    self._word(word, value)
            elif escaped == b"*":
                self.star = True
            elif escaped is not None:
                self._show(_ESCAPED.get(escaped, ""))
        self._flush()
        return "".join(self.found).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _brace(self, brace: bytes) -> None:
        self.left, self.star = 0, False
        if brace == b"{":
            self.stack.append(self.state)
        elif self.stack:
            self.state = self.stack.pop()
            self.fonts = self.fonts and not self.state.shown

    def _word(self, word: bytes, value: int | None) -> None:
        star, self.star = self.star, False
        if word == b"u" and value is not None:
            self._show(chr(value % 0x10000))
            self.left = self.state.skip
        elif word == b"uc":
            self.state = replace(self.state, skip=min(max(value or 0, 0), 100))
        elif word in _CHARSETS:
            self._charset(word, value or 0)
        elif word == b"htmlrtf":
            self.state = replace(self.state, rtf=value != 0)
        elif word == b"htmltag" and self.html:
            self.state = replace(self.state, shown=True, tag=True)
        elif star or word in _ASIDE:
            self.state = replace(self.state, shown=False)
            self.fonts = self.fonts or word == b"fonttbl"
        elif word in _SIGNS:
            self._show(_SIGNS[word])

    def _charset(self, word: bytes, value: int) -> None:
        if word in (b"f", b"plain"):
            self.state = replace(self.state, font=value if word == b"f" else -1)
        elif word == b"ansicpg":
            self.page = _codec(value) or self.page
        elif self.fonts:
            self.pages[self.state.font] = _codec(_FONT_PAGES.get(value, 0)) or self.page

    def _bytes(self, text: bytes) -> None:
        skipped = min(self.left, len(text))
        self.left -= skipped
        if self._visible():
            self.raw += text[skipped:]

    def _visible(self) -> bool:
        return self.state.shown and not (self.html and self.state.rtf and not self.state.tag)

    def _show(self, text: str) -> None:
        if self._visible():
            self.found.append(text)

    def _flush(self) -> None:
        if self.raw:
            self.found.append(decoded_as(bytes(self.raw), self.pages.get(self.state.font, self.page), "replace"))
            self.raw.clear()


def rtf_body(packed: bytes) -> tuple[str, str]:
    """Return the text and the HTML of a compressed body: one of them, the other is ""."""
    data = unpacked_rtf(packed)
    html = b"\\fromhtml" in data[:1000]
    found = _Reader(html).read(data)
    return ("", found) if html else (found, "")


def _codec(number: int) -> str:
    return meaning(code_page(number)) if number else ""
