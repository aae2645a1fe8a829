"""Blocks of e-mails in any file format: a heading, a paragraph of headers, then paragraphs and quotes, or HTML."""

import logging
import re
from collections.abc import Iterable

from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_tree import declared_encoding, tree
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.charsets import REPLACEMENT, decoded_as, meaning, meant_by_meta
from ingest.documents.parsers._reading.decoding import decode
from ingest.documents.parsers._reading.lines import WORD
from ingest.errors import EmptyDocument, MalformedDocument
from ingest.records import BlockKind, Child

logger = logging.getLogger(__name__)

_QUOTED = re.compile(r"(?:> ?)+")
_WEAK = ("", "cp1252")  # charsets that programs write without a look at the text: `us-ascii`, `iso-8859-1`
_SAME = 0.8  # share of the HTML's words that plain text must contain to replace it
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
PGP = "-----BEGIN PGP MESSAGE-----"


def add_headers(assembly: Assembly, subject: str, fields: Iterable[tuple[str, str]]) -> None:
    """Append the subject as a heading of level 1, and the other non-empty headers as lines of one paragraph."""
    if subject:
        assembly.heading(subject, 1)
    lines = [f"{name}: {' '.join(value.split())}" for name, value in fields if value.strip()]
    assembly.add(BlockKind.PARAGRAPH, lines)


def add_body(assembly: Assembly, plain: str, html: str) -> None:
    """Append the body: the plain text if it matches the HTML or there is no HTML, else the HTML."""
    if html and not _says_the_same(plain, html):
        root = tree(html, assembly.path, nesting=assembly.limits.nesting)
        before = len(assembly.blocks)
        if root is not None:
            add_html(assembly, root, first_level=2)
        if len(assembly.blocks) > before:
            return
    add_plain(assembly, plain)


def add_plain(assembly: Assembly, text: str) -> None:
    """Append plain text: paragraphs separated by blank lines, and quoted replies (`>`) with their depth."""
    lines: list[str] = []
    depth = 0
    for line in [*text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        match = _QUOTED.match(line)
        marks = match.group().count(">") if match else 0
        content = " ".join((line[match.end() :] if match else line).split()) if marks else line.rstrip()
        if (marks != depth or not content.strip()) and lines:
            if depth:
                assembly.add(BlockKind.QUOTE, lines, level=depth)
            else:
                assembly.add(BlockKind.PARAGRAPH, lines)
            lines = []
        depth = marks
        if content.strip():
            lines.append(content if lines else content.lstrip())


def unflowed(text: str, *, delete_space: bool) -> str:
    """Return format=flowed text with its soft line breaks removed (RFC 3676)."""
    found: list[str] = []
    open_depth = -1
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        if found and open_depth == depth and bare != "-- ":
            found.append(bare)
        else:
            found.append(("\n" if open_depth != -2 and found else "") + (">" * depth + " " if depth else "") + bare)
        soft = bare.endswith(" ") and bare != "-- "
        open_depth = depth if soft else -1
        if soft and delete_space:
            found[-1] = found[-1][:-1]
    return "".join(found)


def decoded_text(data: bytes, charset: str, path: str, *, html: bool = False) -> str:
    """Return the text of a part whose charset may be missing or wrong; undecodable bytes become U+FFFD."""
    meta = declared_encoding(data) if html else ""
    charset = meant_by_meta(charset) if html and meaning(charset) == "utf-7" else charset
    labels = (meta, charset) if meta and meaning(charset) in _WEAK else (charset, meta)
    label = next(filter(meaning, labels), "") or charset or meta
    try:
        return decode(data, path, label)
    except EmptyDocument:
        return ""
    except MalformedDocument as error:
        logger.warning("%s: a part of the message is damaged: %s", path, error)
    name = meaning(label)
    return decoded_as(data, "utf-8" if name in ("", REPLACEMENT) else name, "replace").replace("\0", "")


def child(name: str, data: bytes, media_type: str, taken: dict[str, int]) -> Child:
    """Return an attachment under a safe name that is not in `taken`: how often each was wanted; it is added there."""
    safe = _UNSAFE.sub("_", name).strip(" .")[:200] or "attachment"
    stem, dot, extension = safe.rpartition(".")
    unique = safe
    while unique in taken:
        taken[safe] += 1
        unique = f"{stem} ({taken[safe]}){dot}{extension}" if dot and stem else f"{safe} ({taken[safe]})"
    taken[unique] = 1
    return Child(unique, data, media_type)


def _says_the_same(plain: str, html: str) -> bool:
    """Return whether the plain text contains most words of the HTML."""
    if not plain.strip():
        return False
    root = tree(html)
    if root is None:
        return True
    from ingest.documents.parsers._markup.html_inline import seen

    wanted = set(WORD.findall(" ".join(seen(root)).lower()))
    return len(wanted & set(WORD.findall(plain.lower()))) >= _SAME * len(wanted)
