"""HTML lists and preformatted text inside Markdown, as lists and code: `<ul>`, `<ol>`, `<dl>`, `<pre>`.

As with tables, CommonMark may see several blocks in one such element. Those that begin within a line, in a list item or
in a quote stay what they are, and so do those around tables, headings and fenced code.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.documents.parsers._markup.markdown_tables import is_fenced, put_in
from ingest.documents.parsers._reading.lines import NEWLINE
from ingest.records import Block, BlockKind

_HINT = re.compile(r"<(?:ul|ol|dl|pre)(?![\w:.-])", re.I)
_PART = re.compile(
    r"[<`](?:(?P<ticks>(?<=`)`*)|!--|(?<!\\<)(?P<end>/?)(?P<name>ul|ol|dl|pre|li|dt)(?![\w:.-])"
    r"(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*'){0,1000}>)",
    re.I,
)
_LANGUAGE = re.compile(r"(?:(?:language|lang|brush:?)[- ]|\blang=[\"']?)([\w+#-]{1,30})", re.I)
_ITEMS = ("li", "dt")


@dataclass(slots=True)
class _Element:
    name: str
    start: int
    end: int = 0
    items: list[int] = field(default_factory=list)


def with_html_lists(text: str, blocks: list[Block]) -> list[Block]:
    """Return the blocks with a list or code for each such element; what else is in the blocks stays theirs."""
    if not _HINT.search(text):
        return blocks
    found = [block for element in _outermost(text, blocks) if (block := _block(text, blocks, element)) is not None]
    return put_in(text, blocks, found)


def _outermost(text: str, blocks: list[Block]) -> Iterator[_Element]:
    """Yield the elements that are in no other; ends without a start count as text."""
    open_: list[_Element] = []
    for block in blocks:
        indented = block.kind is BlockKind.CODE and bool(open_) and not is_fenced(text, block)
        if block.kind is not BlockKind.PARAGRAPH and not indented:
            open_ = open_ if block.kind is BlockKind.METADATA else []
            continue
        for tag in _tags(text, block):
            name, ends = tag["name"].lower(), bool(tag["end"])
            if open_ and open_[-1].name == "pre" and name != "pre":
                continue
            if name in _ITEMS:
                for around in open_[: not ends]:
                    around.items.append(tag.start())
            elif not ends:
                open_.append(_Element(name, tag.start()))
            elif open_ and open_[-1].name == name:
                done = open_.pop()
                done.end = tag.end()
                if not open_:
                    yield done


def _tags(text: str, block: Block) -> Iterator[re.Match[str]]:
    """Yield the tags of lists in a block, without those in comments and in code on one line."""
    skipped = block.start
    for match in _PART.finditer(text, block.start, block.end):
        if match.start() < skipped:
            continue
        if match["name"]:
            yield match
            continue
        close = "-->" if match["ticks"] is None else match.group()
        line = block.end if match["ticks"] is None else _line_end(text, match.end(), block.end)
        at = text.find(close, match.end(), line)
        skipped = at + len(close) if at >= 0 else match.end() if match["ticks"] is not None else block.end


def _line_end(text: str, at: int, end: int) -> int:
    found = NEWLINE.search(text, at, end)
    return found.start() if found else end


def _block(text: str, blocks: list[Block], element: _Element) -> Block | None:
    """Return the block of an element, None for one that begins within a line, and for a list without items."""
    at = bisect_left(blocks, element.start + 1, key=lambda block: block.start) - 1
    start = _line_start(text, element.start, blocks[at].start)
    if start < 0:
        return None
    if element.name == "pre":
        lines = (newline.end() for newline in NEWLINE.finditer(text, start, element.end))
        named = _LANGUAGE.search(text[element.start : element.start + 200].partition("\n")[0])
        language = named[1].lower() if named else ""
        return Block(BlockKind.CODE, start, element.end, breaks=tuple(lines), language=language)
    places = (_line_start(text, item, start) for item in element.items)
    breaks = tuple(sorted({place for place in places if start < place < element.end}))
    return Block(BlockKind.LIST, start, element.end, breaks=breaks) if element.items else None


def _line_start(text: str, position: int, least: int) -> int:
    """Return where the line begins in which nothing but indentation is before a place, -1 if there is more."""
    at = position
    while at > least and text[at - 1] in " \t":
        at -= 1
    return at if at == least or text[at - 1] in "\r\n" else -1
