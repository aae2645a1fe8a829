"""Plain text: paragraphs separated by blank lines, no headings. The canonical text is the decoded file, unchanged."""

import re

from ingest.documents.parsers._reading.decoding import BOM, decode, told_charset
from ingest.records import Block, BlockKind, Document, RawDocument

MEDIA_TYPES = ("text/plain", "text/x-log", "text/x-tex")
VERSION = "3"
LIBRARIES = ("charset-normalizer", "webencodings")

_LINE = re.compile(r"[^\r\n\f]*(?:\r\n|[\r\n\f]|\Z)")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument."""
    text = decode(raw.data, raw.ref.path, told_charset(raw))
    blocks: list[Block] = []
    start = end = 0
    for line in _LINE.finditer(text, len(text) - len(text.removeprefix(BOM))):
        inside = line.group().rstrip()
        if inside:
            start = start if end > start else line.start()
            end = line.start() + len(inside)
        if not inside or line.group().endswith("\f"):
            blocks += _paragraph(start, end)
            start = end
    blocks += _paragraph(start, end)
    return Document(text=text, blocks=tuple(blocks), title="", media_type=raw.media_type, parser="plain")


def _paragraph(start: int, end: int) -> list[Block]:
    return [Block(BlockKind.PARAGRAPH, start, end)] if end > start else []
