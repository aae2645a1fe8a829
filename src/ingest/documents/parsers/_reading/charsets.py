"""What the label of a charset means, and the decoders that Python lacks.

Labels mean what the Encoding Standard of the WHATWG says (the table is that of `webencodings`): often a superset of
Windows, since documents hold its characters under the smaller label too. Other labels are numbers of Windows' code
pages, or names that Python knows. Japanese, Chinese and Ukrainian are decoded as the standard says, with the rows that
vendors added (NEC, IBM, ETEN), where Python's codecs say something else.
"""

import codecs
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

REPLACEMENT = "replacement"  # what browsers refuse to decode
STATEFUL = ("iso-2022-jp", "iso2022_kr", "hz", "utf-7")  # their bytes are ASCII, but not their text
_LABEL = re.compile(r"[a-z0-9][\w.:+()-]{0,60}", re.ASCII)
_WIDE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]+")  # kana, kanji and signs of their width
_CODE_PAGE = re.compile(r"(?:x-)?(?:cp|win|windows|ms|ibm|dos)[-_]?(\d{3,5})")
_NUMBERED = (
    "708:iso-8859-6 932:shift_jis 936:gbk 949:euc-kr 950:big5 1200:utf-16le 1201:utf-16be 1361:johab "
    "10000:macintosh 10001:shift_jis 10002:big5 10003:euc-kr 10006:mac-greek 10007:x-mac-cyrillic 10008:gbk "
    "10029:mac-latin2 10081:mac-turkish 20127:us-ascii 20866:koi8-r 20932:euc-jp 20936:gbk 20949:euc-kr 21866:koi8-u "
    "38598:iso-8859-8-i 50220:iso-2022-jp 50221:iso-2022-jp 50222:iso-2022-jp 50225:iso-2022-kr 51932:euc-jp "
    "51936:gbk 51949:euc-kr 51950:big5 52936:hz 54936:gb18030 65000:utf-7 65001:utf-8"
)
_CODE_PAGES = dict(pair.split(":") for pair in _NUMBERED.split())
_OUTSIDE = {
    label: name
    for name, labels in (
        ("iso2022_kr", "iso-2022-kr csiso2022kr"),  # browsers refuse it, mail readers do not; so the next two
        ("hz", "hz hz-gb-2312"),
        ("utf-7", "utf-7 utf7 unicode-1-1-utf-7 csunicode11utf7"),
        ("iso-2022-jp", "iso2022-jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-ext iso-2022-jp-ms"),
        ("euc-jp", "eucjp eucjp-ms eucjpms euc-jp-ms eucjp-win"),
        ("cp932", "sjis-win sjis-open shift-jis-2004 shift-jisx0213"),
        ("gb18030", "euc-cn euccn gb18030-2000 gb18030-2005 gb18030-2022"),
        ("big5", "big5-eten big-5"),
        ("utf-8", "utf8mb4 utf-8-sig utf-8-mac"),
    )
    for label in labels.split()
}
_SAME = {"gbk": "gb18030", "x-user-defined": "cp1252"}  # the latter as HTML says: its characters are of private use

_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")

_ESCAPE = re.compile(rb"(\x1b(?:\([A-Za-z]|\$\(?[@A-Za-z]|\.[A-Za-z])|[\x0e\x0f])")
_KANJI = re.compile(rb"\x1b\$\(?[@B]")
_BLANKS = re.compile(rb"([\x00-\x20]+)")
_EUC = re.compile(rb"[\x00-\x7f]+|(?:[\xa1-\xfe]{2})+|(?:\x8e[\xa1-\xdf])+|(?:\x8f[\xa1-\xfe]{2})+|.", re.DOTALL)
_SEVEN_BITS = bytes(code & 0x7F for code in range(256))
_EIGHT_BITS = bytes(code | 0x80 for code in range(256))
_ROMAN = str.maketrans("\\~", "¥‾")
_FOREIGN = re.compile(rb"\x1b(?:\$A|\$\([CO-Q]|\.[AF])")  # sets of China, Korea and JIS X 0213: Python decodes these
_BIG5_PAIRS = re.compile(rb"[\x00-\x80]+|[\x81-\xfe][\x40-\xfe]|[\x81-\xff]")  # for the euro sign, which Python lacks
_BIG5_SIGNS = str.maketrans("•､∼", "‧﹑～")  # Python's codec has Hong Kong's, the standard has those of Windows
_BELARUSIAN = str.maketrans("╝╬", "ўЎ")  # letters of the standard's KOI8-U
_BAD = "\ufffd"


@lru_cache(maxsize=1000)
def meaning(label: str) -> str:
    """Return the name by which `decoded_as` knows the encoding that a label means, "" for a label that nobody knows."""
    from webencodings import lookup

    label = label.strip("\t\n\f\r \"'").lower()
    if not _LABEL.fullmatch(label):
        return ""
    python = _python_name(_paged(label))
    for name in (label, label.replace("_", "-"), _paged(label), python.replace("_", "-")):
        if name in _OUTSIDE:
            return _OUTSIDE[name]
        if (known := lookup(name)) is not None:
            return str(known.name if known.name in _DECODERS else _SAME.get(known.name, known.codec_info.name))
    return python


def meant_by_meta(label: str) -> str:
    """Return the label that browsers take for one in a `meta` element, which they can read as ASCII."""
    from webencodings import lookup

    known = lookup(label)
    if known is None and meaning(label) == "utf-7":
        return ""  # it hides markup, so pages are not decoded so
    if known is None or known.name not in ("utf-16le", "utf-16be", REPLACEMENT):
        return label
    return REPLACEMENT if known.name == REPLACEMENT else "utf-8"


def code_page(number: int) -> str:
    """Return the label of one of Windows' code pages."""
    if 28591 <= number <= 28606:
        return f"iso-8859-{number - 28590}"
    return _CODE_PAGES.get(
        str(number), f"windows-{number}" if 1250 <= number <= 1258 or number == 874 else f"cp{number}"
    )


def decoded_as(data: bytes, name: str, errors: str = "strict") -> str:
    """Return the text of bytes in an encoding from `meaning`; `errors` is "strict" or "replace".

    Raises: UnicodeError.
    """
    decode = _DECODERS.get(name)
    if decode is None:
        return data.decode(name, errors)
    text = decode(data)
    if _BAD in text and errors == "strict":
        raise UnicodeDecodeError(name, data, 0, len(data), f"not text in {name}")
    return text


def is_japanese(data: bytes) -> bool:
    """Return whether bytes are ASCII with the escape sequences of ISO-2022-JP, and text in it."""
    return _KANJI.search(data) is not None and data.isascii() and _BAD not in _iso_2022_jp(data)


def is_shift_jis(data: bytes) -> bool:
    """Return whether a short text that is not UTF-8 is in Shift_JIS: kana and common kanji, and not lone ones alone."""
    try:
        text = data.decode("cp932")
    except UnicodeDecodeError:
        return False
    runs = _WIDE.findall(text)
    signs = "".join(runs)
    if sum(sign > "\x7f" for sign in text) > len(signs) or not signs or max(map(len, runs)) < 2:
        return False
    kanji = [sign.encode("cp932") for sign in signs if sign >= "\u4e00"]
    return all(sign < b"\x98\x73" for sign in kanji) and 2 * sum(s[1] >= 0x80 for s in kanji) >= len(kanji) - 1


def _paged(label: str) -> str:
    """Return the label of a code page that a label names by its number, such as "cp-1251"."""
    match = _CODE_PAGE.fullmatch(label)
    return code_page(int(match[1])) if match else label


def _python_name(label: str) -> str:
    """Return the name of Python's codec for text that extends ASCII, "" when there is none."""
    try:
        found = codecs.lookup(label)
        sound = bytes(range(32, 127)).decode(found.name) == "".join(map(chr, range(32, 127)))
    except (LookupError, ValueError):  # the latter for names of codecs that decode no text
        return ""
    return found.name if sound and found.name not in _NO_CHARSETS else ""


def _iso_2022_jp(data: bytes) -> str:
    """Return text in ISO-2022-JP, with the rows of NEC and IBM, katakana of 7 and 8 bits, and JIS X 0212."""
    if _FOREIGN.search(data):
        for codec in ("iso2022_jp_2", "iso2022_jp_2004", "iso2022_jp_ext"):
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
    parts = _ESCAPE.split(data)
    found = [_ascii(parts[0])]
    chosen: Callable[[bytes], str] = _ascii
    for escape, part in zip(parts[1::2], parts[2::2], strict=True):
        if escape not in b"\x0e\x0f":
            chosen = _SETS.get(escape, _unknown)
        found.append(_katakana(part) if escape == b"\x0e" else chosen(part))
    return "".join(found)


def _euc_jp(data: bytes) -> str:
    found = []
    for match in _EUC.finditer(data):
        part = match[0]
        if part[0] in (0x8E, 0x8F):
            found.append(part.decode("euc_jp", "replace"))
        elif part[0] < 0x80:
            found.append(part.decode("ascii"))
        else:
            found.append(_kanji(part.translate(_SEVEN_BITS)) if len(part) > 1 else _BAD)
    return "".join(found)


def _ascii(part: bytes) -> str:
    if part.isascii():
        return part.decode("ascii")
    return part.decode("cp932", "replace")  # katakana of one byte, as some programs wrote them


def _roman(part: bytes) -> str:
    return _ascii(part).translate(_ROMAN)


def _katakana(part: bytes) -> str:
    return "".join(
        chr(0xFF40 + code) if 0x21 <= code < 0x60 else _control(code) for code in part.translate(_SEVEN_BITS)
    )


def _control(code: int) -> str:
    return chr(code) if code <= 0x20 else _BAD


def _kanji(part: bytes) -> str:
    """Return pairs of bytes by the rows of JIS X 0208 in Windows' Shift JIS; blanks between them stay."""
    found = []
    for piece in _BLANKS.split(part):
        if not piece or piece[0] <= 0x20:
            found.append(piece.decode("ascii"))
            continue
        pairs = memoryview(piece[: len(piece) // 2 * 2]).cast("H")
        found.append("".join(map(_rows().__getitem__, pairs)) + _BAD * (len(piece) % 2))
    return "".join(found)


def _supplement(part: bytes) -> str:
    """Return pairs of bytes by the rows of JIS X 0212."""
    found = []
    for piece in _BLANKS.split(part):
        if not piece or piece[0] <= 0x20:
            found.append(piece.decode("ascii"))
            continue
        eight = piece.translate(_EIGHT_BITS)
        found.append(
            b"".join(b"\x8f" + eight[at : at + 2] for at in range(0, len(eight), 2)).decode("euc_jp", "replace")
        )
    return "".join(found)


def _unknown(part: bytes) -> str:
    return _BAD * len(part)


@lru_cache(maxsize=1)
def _rows() -> list[str]:
    """Return pairs of bytes, read as numbers of this machine's byte order → the character of row and cell."""
    found = [_BAD] * 0x10000
    for row in range(94):
        for cell in range(94):
            lead = row // 2 + (0x81 if row < 62 else 0xC1)
            trail = cell + 0x9F if row % 2 else cell + (0x40 if cell < 63 else 0x41)
            (number,) = memoryview(bytes((row + 0x21, cell + 0x21))).cast("H")
            found[number] = bytes((lead, trail)).decode("cp932", "replace")[:1]
    return found


def _big5(data: bytes) -> str:
    if b"\xa3\xe1" not in data:
        return data.decode("big5hkscs", "replace").translate(_BIG5_SIGNS)
    pairs = _BIG5_PAIRS.findall(data)
    text = "".join("€" if pair == b"\xa3\xe1" else pair.decode("big5hkscs", "replace") for pair in pairs)
    return text.translate(_BIG5_SIGNS)


def _koi8_u(data: bytes) -> str:
    return data.decode("koi8_u").translate(_BELARUSIAN)


_SETS: Mapping[bytes, Callable[[bytes], str]] = {
    **dict.fromkeys((b"\x1b(B", b"\x1b(H"), _ascii),
    b"\x1b(J": _roman,
    b"\x1b(I": _katakana,
    **dict.fromkeys((b"\x1b$@", b"\x1b$B", b"\x1b$(@", b"\x1b$(B"), _kanji),
    b"\x1b$(D": _supplement,
}
_DECODERS: Mapping[str, Callable[[bytes], str]] = {
    "big5": _big5,
    "euc-jp": _euc_jp,
    "iso-2022-jp": _iso_2022_jp,
    "koi8-u": _koi8_u,
}
