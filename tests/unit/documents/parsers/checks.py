"""What every parser promises of every document."""

from itertools import pairwise
from types import ModuleType

from ingest.records import Block, BlockKind, Document, DocumentRef, RawDocument


def raw(data: str | bytes, path: str = "a.md", media_type: str = "") -> RawDocument:
    content = data.encode() if isinstance(data, str) else data
    return RawDocument(DocumentRef(f"file:///{path}", "docs", path, "1", len(content)), content, media_type)


def parsed(parser: ModuleType, data: str | bytes, media_type: str = "") -> Document:
    document: Document = parser.parse(raw(data, "a", media_type or parser.MEDIA_TYPES[0]))
    return document


def uncovered(document: Document) -> str:
    """Return the text outside all blocks, without white space and a leading byte order mark."""
    at, outside = 0, []
    for block in document.blocks:
        outside.append(document.text[at : block.start])
        at = block.end
    outside.append(document.text[at:])
    return "".join("".join(outside).split()).removeprefix("\ufeff")


def faults(document: Document) -> list[str]:
    """Return every broken promise, in words."""
    found = [f"not in a block: {left!r}"] if (left := uncovered(document)) else []
    at = 0
    for block in document.blocks:
        if not at <= block.start < block.end <= len(document.text):
            found.append(f"out of order: {block}")
        if not all(block.start < cut < block.end for cut in block.breaks) or list(block.breaks) != sorted(block.breaks):
            found.append(f"breaks: {block}")
        if block.header_end and not block.start < block.header_end <= block.end:
            found.append(f"header: {block}")
        if (block.kind is BlockKind.HEADING) != bool(block.title and block.level):
            found.append(f"heading without level or title, or the reverse: {block}")
        at = block.end
    return found


def headings(document: Document) -> list[tuple[int, str]]:
    return [(block.level, block.title) for block in document.blocks if block.kind is BlockKind.HEADING]


def shown(document: Document) -> list[tuple[str, str]]:
    """Return (kind, text) of each block."""
    return [(block.kind.value, document.text[block.start : block.end]) for block in document.blocks]


def pieces(document: Document, block: Block) -> list[str]:
    """Return a block's text cut at all of its breaks."""
    cuts = [block.start, *block.breaks, block.end]
    return [document.text[a:b] for a, b in pairwise(cuts)]


def paths(document: Document) -> dict[int, list[str]]:
    """Return where each heading starts → its path of titles."""
    stack: list[tuple[int, str]] = []
    found = {}
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            stack = [(level, title) for level, title in stack if level < block.level] + [(block.level, block.title)]
            found[block.start] = [title for _, title in stack]
    return found
