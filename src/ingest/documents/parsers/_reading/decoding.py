"""Bytes to text, the same way for every text format.

byte order mark ──▶ zero bytes of UTF-16 ──▶ escapes of ISO-2022 ──▶ UTF-8 ──▶ what is declared ──▶ what the bytes tell
"""

import logging
import re
from typing import Any

from ingest.documents.parsers._reading.alphabets import FAMILIES, LATIN, told_by_alphabets
from ingest.documents.parsers._reading.charsets import REPLACEMENT, STATEFUL, decoded_as, is_japanese, meaning
from ingest.errors import EmptyDocument, MalformedDocument
from ingest.records import RawDocument

logger = logging.getLogger(__name__)

BOM = "\ufeff"
_SAMPLE = 256 * 1024  # bytes for the detector: its time grows with the size times the number of encodings
_MESS = 0.1  # highest share of unlikely characters (charset-normalizer's "chaos") that counts as confident
_MARKED = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_WIDE_HEAD = 64 * 1024  # bytes examined to recognise UTF-16 and UTF-32 without a mark
_STRAY, _MOSTLY = 0.02, 0.5  # highest share of zeros at filled positions, lowest at empty ones
_FEW = 16  # with fewer bytes above 0x7f the detector only guesses: Windows-1252 if they look like it, else nothing
_WESTERN = "cp1252"
_LETTERS = 3  # beyond ASCII, at least, tell a language
_USUAL = (
    *("cp1252", "cp1251", "cp932", "gb18030", "cp949", "big5", "euc_jp", "koi8_r", "cp1250", "cp1253", "cp1254"),
    *("cp1255", "cp1256", "cp1257", "cp1258", "cp874", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_6", "cp866"),
)  # encodings of mails and pages, the most usual first
_PUNCTUATION = "€‚„…†‡‰‹‘’“”•–—™›\xa0¡£¥§©«¬®°±²³´µ·¹»¼½¾¿×÷"
_ASCII = bytes(range(32, 127))
_COOKIE = re.compile(rb"(?:\A|\n)[ \t\f]*(?:#|[^\n]{0,200}-\*-)[^\n]{0,200}?coding[:=][ \t]*([\w.-]+)")
_COOKIE_WITHIN = 400  # bytes; two lines, as Python reads them
_TOLD = re.compile(r";\s*charset\s*=\s*[\"']?([^\"';\s]+)", re.IGNORECASE)
_PAIRED = ("gb18030", "cp949", "big5", "cp932", "euc-jp", "johab")  # one or two bytes for a character
_FEWEST = 4  # pairs of bytes, up to which text in one of these may be UTF-8 by chance
_DAMAGED = 0.05  # highest share of wrong characters among those that are not ASCII, in text whose encoding is declared
_CONTROLS = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


def told_charset(raw: RawDocument) -> str:
    """Return the charset with which a document came, as in `text/html; charset=koi8-r`, "" without one that is known.

    The source tells it, or the e-mail to which it was attached.
    """
    found = _TOLD.search(raw.ref.media_type)
    return found[1] if found and meaning(found[1]) else ""


def decode(data: bytes, path: str, declared: str = "") -> str:
    """Return the text of a file, unchanged: line ends are kept, and a UTF-8 byte order mark is kept as U+FEFF.

    So offsets equal those of `data.decode("utf-8")`. UTF-16, UTF-32, and older encodings that are declared, or
    detected with confidence, are decoded too, and this is logged: as a warning where it contradicts what is declared.

    Args:
        data: The whole file.
        path: For messages.
        declared: The label of the encoding that the document declares, or that was told with it.

    Raises:
        EmptyDocument: No bytes, or white space only.
        MalformedDocument: Not text, with the offset of the first bad byte.
    """
    if not data:
        raise EmptyDocument(f"{path}: the file has no bytes")
    declared = declared or _cookie(data)
    name = meaning(declared)
    if name == REPLACEMENT:
        raise MalformedDocument(f"{path}: in the charset {declared!r}, which no browser shows")
    text = _marked(data, path)
    if text is None and b"\0" in data[:_WIDE_HEAD]:
        text = _wide(data, path)
    if text is None:
        text = _escaped(data, path, name)
    if text is None:
        text = _narrow(data, path, declared, name)
    if "\0" in text:
        raise MalformedDocument(f"{path}: NUL at character {text.index(chr(0))} of {len(text)}: not a text file")
    if not text.removeprefix(BOM).strip():
        raise EmptyDocument(f"{path}: {len(data)} bytes, all white space")
    return text


def _cookie(data: bytes) -> str:
    """Return the known label that a comment in the first two lines declares, as Python and editors read it, or ""."""
    found = _COOKIE.search(b"\n".join(data[:_COOKIE_WITHIN].splitlines()[:2]))
    label = found[1].decode("ascii") if found else ""
    return label if meaning(label) else ""


def _escaped(data: bytes, path: str, name: str) -> str | None:
    """Return the text of an encoding whose bytes are those of ASCII, None for other bytes."""
    if name not in STATEFUL and not (data.isascii() and is_japanese(data)):
        return None
    name = name if name in STATEFUL else "iso-2022-jp"
    try:
        text = decoded_as(data, name)
    except UnicodeError:
        return None
    logger.info("%s: decoded as %s", path, name)
    return text


def _narrow(data: bytes, path: str, declared: str, name: str) -> str:
    """Return the text of UTF-8, of the encoding that is declared, or else detected. Raises: MalformedDocument."""
    told = f"charset {declared[:60]!r} is unknown" if declared and not name else ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _detected(data, path, (declared, name), error)
    if name in _PAIRED and (paired := _paired(data, text, name)):
        return paired
    if told and not data.isascii():
        logger.warning("%s: %s; read as utf-8 by its content", path, told)
    return text


def _paired(data: bytes, text: str, name: str) -> str:
    """Return the text in an encoding of pairs if it is UTF-8 by chance, as a few pairs may be; else ""."""
    few = [character for character in text if character >= "\x80"] if len(text) < _SAMPLE else []
    if not 0 < len(few) <= _FEWEST or max(few) >= "\u0800":
        return ""
    try:
        return decoded_as(data, name)
    except UnicodeError:
        return ""


def _marked(data: bytes, path: str) -> str | None:
    """Return the text of UTF-16 or UTF-32 with a byte order mark, None for anything else."""
    for mark, encoding in _MARKED:
        if data.startswith(mark):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                raise MalformedDocument(
                    f"{path}: byte order mark of {encoding}, but byte {error.start}: {error.reason}"
                ) from error
            logger.info("%s: decoded as %s", path, encoding)
            return text
    return None


def _wide(data: bytes, path: str) -> str | None:
    """Return the text of UTF-16 or UTF-32 without a byte order mark, None for another pattern of zero bytes.

    In text that is mostly ASCII, one byte of two is zero, or three of four, always at the same positions.
    """
    head = data[: min(_WIDE_HEAD, len(data) // 4 * 4)]
    zeros = [head[i::4].count(0) * 4 for i in range(4)]  # per position of four, scaled to len(head)
    filled = [zero <= _STRAY * len(head) for zero in zeros]
    encoding = {"0101": "utf-16-le", "1010": "utf-16-be", "0111": "utf-32-le", "1110": "utf-32-be"}.get(
        "".join("0" if full else "1" for full in filled)
    )
    if encoding is None or not all(
        zero >= _MOSTLY * len(head) for zero, full in zip(zeros, filled, strict=True) if not full
    ):
        return None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if _CONTROLS.search(text):
        return None
    logger.info("%s: decoded as %s, without a byte order mark", path, encoding)
    return text


def _detected(data: bytes, path: str, told: tuple[str, str], error: UnicodeDecodeError) -> str:
    """Return the text in the declared encoding, `told` as label and name, or in the detected one.

    Raises: MalformedDocument when the bytes are damaged UTF-8, or when no encoding is found with confidence.
    """
    declared, name = told
    where = f"{path}: byte {error.start} (0x{data[error.start]:02x}) is not UTF-8 ({error.reason})"
    text = _declared(data, path, declared, name) if name else ""
    if not text:
        encoding = probable_encoding(data) if declared else guessed_encoding(data)
        if not encoding:
            raise MalformedDocument(
                f"{where}, {f'nor {declared}' if name else 'and no other encoding fits'}"
            ) from error
        text = data.decode(encoding, "replace")
        if declared:
            why = "is not that of its content" if name else "is unknown"
            logger.warning("%s: charset %r %s; read as %s by its content", path, declared[:60], why, encoding)
        else:
            logger.info("%s: decoded as %s", path, encoding)
    if control := _CONTROLS.search(text):
        raise MalformedDocument(f"{where}; decoded, it holds U+{ord(control.group()):04X} at {control.start()}")
    return text


def _declared(data: bytes, path: str, declared: str, name: str) -> str:
    """Return the text in the declared encoding, marked where some characters are wrong; "" where many are."""
    try:
        text = decoded_as(data, name)
    except UnicodeError:
        text = decoded_as(data, name, "replace")
        bad = text.count("\ufffd")
        if bad > _DAMAGED * sum(1 for character in text if character >= "\x80"):
            return ""
        logger.warning("%s: %d characters are damaged, in the charset %r", path, bad, declared[:60])
    else:
        logger.info("%s: decoded as %s", path, name)
    return text


def guessed_encoding(data: bytes) -> str:
    """Return the encoding of bytes that are not UTF-8, by themselves; "" without confidence."""
    if _is_damaged(data):
        return ""
    sample = _not_ascii(data)
    if sum(1 for byte in sample if byte >= 0x80) < _FEW:
        told = told_by_alphabets(sample, _LETTERS)
        if all(map(_is_western, set(sample.decode(_WESTERN, "replace")))):
            return told or _WESTERN
        return told if told in LATIN else ""
    from charset_normalizer import from_bytes

    for match in from_bytes(sample):  # best first
        if match.chaos <= _MESS and _keeps_ascii(match.encoding):
            return _of_family(match.encoding, sample)
    told = told_by_alphabets(sample, _FEW)
    return told if told in LATIN else ""


def _of_family(encoding: str, sample: bytes) -> str:
    """Return an encoding, or the one of its kind in which the letters are those of one language."""
    return (told_by_alphabets(sample, _LETTERS) or encoding) if encoding in FAMILIES else encoding


def probable_encoding(data: bytes) -> str:
    """Return the encoding of bytes that are not UTF-8 but came with the label of some charset; "" without confidence.

    So it is one of those that are used in mails and in the web: a language that is recognised in it counts, and the
    more usual one of two that fit alike.
    """
    sample = _not_ascii(data)
    high = sum(1 for byte in sample if byte >= 0x80)
    if high < _FEW and 2 * high < sum(1 for byte in sample if byte > 0x40):
        return guessed_encoding(data)  # Latin letters: too few others to tell languages apart
    if _is_damaged(data):
        return ""
    from charset_normalizer import from_bytes

    found = [match for match in from_bytes(sample, cp_isolation=[*_USUAL]) if match.chaos <= _MESS]
    best = max(found, key=_likelihood, default=None)
    return _of_family(best.encoding, sample) if best else guessed_encoding(data)


def _likelihood(match: Any) -> tuple[float, float, int]:
    return round(match.coherence, 1), -match.chaos, -_USUAL.index(match.encoding)


def _is_damaged(data: bytes) -> bool:
    """Return whether bytes have more valid sequences of UTF-8 than bad ones: they are in no other encoding."""
    kept = data.decode("utf-8", "ignore")
    return sum(1 for character in kept if character >= "\x80") > len(data) - len(kept.encode())


def _not_ascii(data: bytes) -> bytes:
    """Return the part of a text that gives evidence."""
    if len(data) <= _SAMPLE:
        return data
    return b"\n".join(line for line in data.split(b"\n") if not line.isascii())[:_SAMPLE]


def _is_western(character: str) -> bool:
    """Return whether Western European text uses a character. 0xff usually means damage."""
    return character < "\x80" or character in _PUNCTUATION or (character.isalpha() and character != "ÿ")


def _keeps_ascii(encoding: str) -> bool:
    """Return whether an encoding extends ASCII: EBCDIC does not, nor does UTF-16, which fits any bytes."""
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except (UnicodeDecodeError, LookupError):
        return False
