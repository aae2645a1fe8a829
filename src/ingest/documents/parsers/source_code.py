"""Source code and settings: blocks of code, in the language that the media type names.

The canonical text is the decoded file, unchanged. A block begins at an unindented line after a blank one.
"""

from dataclasses import replace
from itertools import pairwise

from ingest.documents.parsers._reading.decoding import BOM, decode, told_charset
from ingest.documents.parsers._reading.lines import Lines
from ingest.errors import OversizedDocument
from ingest.records import BlockKind, Document, RawDocument

_LANGUAGES = {
    "text/x-python": "python",
    "text/javascript": "javascript",
    "text/x-typescript": "typescript",
    "text/x-java": "java",
    "text/x-go": "go",
    "text/x-rust": "rust",
    "text/x-c": "c",
    "text/x-c++": "c++",
    "text/x-csharp": "csharp",
    "text/x-kotlin": "kotlin",
    "text/x-swift": "swift",
    "text/x-scala": "scala",
    "text/x-ruby": "ruby",
    "text/x-php": "php",
    "text/x-perl": "perl",
    "text/x-lua": "lua",
    "text/x-r": "r",
    "text/x-sh": "sh",
    "text/x-powershell": "powershell",
    "application/sql": "sql",
    "text/css": "css",
    "text/x-protobuf": "protobuf",
    "text/x-terraform": "terraform",
    "text/x-graphql": "graphql",
    "application/yaml": "yaml",
    "application/toml": "toml",
    "text/x-ini": "ini",
    "text/x-properties": "properties",
}
MEDIA_TYPES = tuple(_LANGUAGES)
VERSION = "3"
LIBRARIES = ("charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    text = decode(raw.data, raw.ref.path, told_charset(raw))
    base = len(text) - len(text.removeprefix(BOM))
    written = text[base:].splitlines(keepends=True)
    starts = [base]
    for line in written:
        starts.append(starts[-1] + len(line))
    lines = Lines(text, starts)
    borders = [i for i, line in enumerate(written) if i and not line[0].isspace() and not written[i - 1].strip()]
    blocks = []
    for first, end in pairwise([0, *borders, len(written)]):
        block = lines.block(BlockKind.CODE, first, end, language=_LANGUAGES[raw.media_type])
        if block is not None:
            breaks = tuple(at for at in lines.every_line(first, end) if at > block.start)
            blocks.append(replace(block, breaks=breaks))
    if len(blocks) > raw.options.limits.blocks:
        raise OversizedDocument(f"{raw.ref.path}: {len(blocks)} blocks, the limit is {raw.options.limits.blocks}")
    return Document(text, tuple(blocks), "", raw.media_type, "source_code")
