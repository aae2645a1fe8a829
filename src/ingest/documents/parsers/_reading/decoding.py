"""Bytes to text, the same way for every text format."""

import logging
import re

from ingest.errors import EmptyDocument, MalformedDocument

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
_PUNCTUATION = "€‚„…†‡‰‹‘’“”•–—™›\xa0¡£¥§©«¬®°±²³´µ·¹»¼½¾¿×÷"
_ASCII = bytes(range(32, 127))
_CONTROLS = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


def decode(data: bytes, path: str, declared: str = "") -> str:
    """Return the text of a file, unchanged: line ends are kept, and a UTF-8 byte order mark is kept as U+FEFF.

    So offsets equal those of `data.decode("utf-8")`. UTF-16, UTF-32, and older encodings that are
    detected with confidence are decoded too, and this is logged.

    Args:
        data: The whole file.
        path: For messages.
        declared: The encoding that the document declares; tried when it is not UTF-8.

    Raises:
        EmptyDocument: No bytes, or white space only.
        MalformedDocument: Not text, with the offset of the first bad byte.
    """
    if not data:
        raise EmptyDocument(f"{path}: the file has no bytes")
    text = _marked(data, path)
    if text is None and b"\0" in data[:_WIDE_HEAD]:
        text = _wide(data, path)
    if text is None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            text = _detected(data, path, declared, error)
    if "\0" in text:
        raise MalformedDocument(f"{path}: NUL at character {text.index(chr(0))} of {len(text)}: not a text file")
    if not text.removeprefix(BOM).strip():
        raise EmptyDocument(f"{path}: {len(data)} bytes, all white space")
    return text


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


def _detected(data: bytes, path: str, declared: str, error: UnicodeDecodeError) -> str:
    """Return the text in the declared or detected encoding.

    Raises: MalformedDocument when the bytes are damaged UTF-8, or when no encoding is found with confidence.
    """
    where = f"{path}: byte {error.start} (0x{data[error.start]:02x}) is not UTF-8 ({error.reason})"
    encoding = declared or _guess(data)
    if not encoding:
        raise MalformedDocument(f"{where}, and no other encoding fits")
    try:
        text = data.decode(encoding)
    except (ValueError, LookupError) as second:
        raise MalformedDocument(f"{where}, nor {encoding}: {second}") from error
    if control := _CONTROLS.search(text):
        raise MalformedDocument(f"{where}; as {encoding} it holds U+{ord(control.group()):04X} at {control.start()}")
    logger.info("%s: decoded as %s", path, encoding)
    return text


def _guess(data: bytes) -> str:
    """Return the name of the encoding, "" without confidence."""
    kept = data.decode("utf-8", "ignore")
    lost = len(data) - len(kept.encode())
    if sum(1 for character in kept if character >= "\x80") > lost:
        return ""  # more valid UTF-8 sequences than bad bytes: damaged, not another encoding
    sample = data
    if len(data) > _SAMPLE:  # ASCII lines give no evidence
        sample = b"\n".join(line for line in data.split(b"\n") if not line.isascii())[:_SAMPLE]
    if sum(1 for byte in sample if byte >= 0x80) < _FEW:
        return _WESTERN if all(map(_is_western, sample.decode(_WESTERN, "replace"))) else ""
    from charset_normalizer import from_bytes

    for match in from_bytes(sample):  # best first
        if match.chaos <= _MESS and _keeps_ascii(match.encoding):
            return match.encoding
    return ""


def _is_western(character: str) -> bool:
    """Return whether Western European text uses a character. 0xff usually means damage."""
    return character < "\x80" or character in _PUNCTUATION or (character.isalpha() and character != "ÿ")


def _keeps_ascii(encoding: str) -> bool:
    """Return whether an encoding extends ASCII: EBCDIC does not, nor does UTF-16, which fits any bytes."""
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except (UnicodeDecodeError, LookupError):
        return False
