"""Headers of e-mails as text: encoded words (RFC 2047), parameters (RFC 2231), and bytes that nobody encoded.

The standard library decodes words by the charsets that Python knows, one by one, and replaces bytes above 0x7f. Here a
label means what it means everywhere, a character may be cut between two words, as many programs cut it, and raw bytes
are UTF-8 or what the rest of the message is written in.
"""

import binascii
import logging
import re
from collections.abc import Iterator
from email.message import Message
from email.policy import Compat32
from functools import lru_cache
from typing import Any

from ingest.documents.parsers._reading.alphabets import told_by_alphabets
from ingest.documents.parsers._reading.charsets import decoded_as, is_japanese, is_shift_jis, meaning
from ingest.documents.parsers._reading.decoding import probable_encoding

logger = logging.getLogger(__name__)

_WORD = re.compile(r"=\?([^?\s]{1,100})\?([bBqQ])\?")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_CHARSET = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?([\w.:+-]{1,60})", re.IGNORECASE)
_SAMPLE = 64 * 1024  # bytes of a message that tell in which charset its headers are
_PARAMETERS = 8192  # characters of a header with parameters: the library's time grows with the square
_LETTERS = 3  # beyond ASCII, that a short text must have so that they tell its language
_COMMON = ("", "utf-8", "cp1252")  # do not tell what bytes that are not UTF-8 mean


class RawHeaders(Compat32):
    """A policy that keeps headers as they are, but for bytes above 0x7f, which become text."""

    message = b""  # its beginning

    def header_fetch_parse(self, name: str, value: str) -> Any:
        """Return a header's value as text."""
        if not value.isascii() or "\x1b$" in value:
            value = _raw_text(value.encode("utf-8", "surrogateescape"), bytes(self.message))
        return value[:_PARAMETERS] if name.lower() in ("content-type", "content-disposition") else value


def raw_headers(data: bytes) -> RawHeaders:
    """Return the policy for a message."""
    options: dict[str, Any] = {"message": data[:_SAMPLE]}
    return RawHeaders(**options)


def decoded_words(value: str, path: str) -> str:
    """Return a header with its encoded words decoded; white space between two of them is dropped."""
    found: list[str] = []
    waiting: tuple[str, bytes] = ("", b"")  # label and bytes of words that may go on
    for label, content, between in _words(value):
        if label and label == waiting[0]:
            waiting = label, waiting[1] + content
            continue
        if waiting[0]:
            found.append(_word(*waiting, path))
        waiting = label, content
        if not label:
            found.append(between)
    return "".join([*found, _word(*waiting, path) if waiting[0] else ""])


def parameter(part: Message, name: str, header: str, path: str) -> str:
    """Return a parameter of a header as text, "" when it has none that can be read.

    Where programs write it twice, once for those that know no more than ASCII, the other one counts.
    """
    try:
        values: list[Any] = [value for key, value in part.get_params([], header) if key.lower() == name]
    except (LookupError, ValueError, TypeError):
        return ""
    values.sort(key=lambda value: not isinstance(value, tuple))
    value = values[0] if values else ""
    if isinstance(value, tuple):  # RFC 2231: charset, language, percent-decoded bytes as Latin-1
        content = value[2].encode("latin-1") if value[2].isascii() or max(value[2]) < "\u0100" else value[2].encode()
        return _text(value[0] or ("utf-8" if _utf_8(content) is not None else ""), content, path)
    return decoded_words(str(value or ""), path)


def _words(value: str) -> Iterator[tuple[str, bytes, str]]:
    """Yield label and bytes of each encoded word, and what is between them, with an empty label."""
    at, after_word = 0, False
    while (match := _WORD.search(value, at)) and (end := value.find("?=", match.end())) >= 0:
        between = value[at : match.start()]
        if between.strip() or (between and not after_word):
            yield "", b"", between
        content = value[match.end() : end].encode("utf-8", "surrogateescape")
        label = match[1].partition("*")[0].lower()
        yield label, _base64(content) if match[2] in "bB" else _quoted(content), ""
        at, after_word = end + 2, True
    if value[at:]:
        yield "", b"", value[at:]


def _base64(content: bytes) -> bytes:
    """Return as much as can be decoded."""
    digits = _NOT_BASE64.sub(b"", content)
    digits = digits[: len(digits) - 1] if len(digits) % 4 == 1 else digits
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _quoted(content: bytes) -> bytes:
    return _HEX.sub(lambda match: bytes((int(match[1], 16),)), content.replace(b"_", b" "))


def _word(label: str, content: bytes, path: str) -> str:
    text = _text(label, content, path)
    return text.replace("\r", " ").replace("\n", " ")


def _text(label: str, content: bytes, path: str) -> str:
    """Return bytes by their label; if nobody knows it, or it is wrong, by what they tell themselves."""
    name = meaning(label)
    if name in _COMMON and (plain := _utf_8(content)) is not None:
        if not name and not content.isascii():
            logger.warning("%s: charset %r of a header is unknown; read as utf-8 by its content", path, label[:60])
        return plain
    if name:
        try:
            return decoded_as(content, name)
        except UnicodeError:
            plain = _utf_8(content)
            return decoded_as(content, name, "replace") if plain is None else plain
    encoding = probable_encoding(content) or "cp1252"
    logger.warning("%s: charset %r of a header is unknown; read as %s by its content", path, label[:60], encoding)
    return content.decode(encoding, "replace")


def _raw_text(content: bytes, message: bytes) -> str:
    """Return bytes of a header that nobody encoded: UTF-8, or in the charset of the message, or of what it tells."""
    if content.isascii() and is_japanese(content):
        return decoded_as(content, "iso-2022-jp")
    if (plain := _utf_8(content)) is not None:
        return plain
    declared = _declared(message)
    for name in declared or (("cp932",) if is_shift_jis(content) else _told(message)):
        try:
            return decoded_as(content, name)
        except UnicodeError:
            continue
    encoding = probable_encoding(content) or told_by_alphabets(content, _LETTERS) or "cp1252"
    return content.decode(encoding, "replace")


@lru_cache(maxsize=2)
def _declared(message: bytes) -> tuple[str, ...]:
    """Return the encodings that a message declares."""
    labels = dict.fromkeys(meaning(match[1].decode("ascii", "replace")) for match in _CHARSET.finditer(message))
    return tuple(name for name in labels if name not in _COMMON)


@lru_cache(maxsize=2)
def _told(message: bytes) -> tuple[str, ...]:
    """Return the encoding that all bytes of a message tell, if they tell one."""
    return tuple(filter(None, (probable_encoding(message),)))


def _utf_8(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
