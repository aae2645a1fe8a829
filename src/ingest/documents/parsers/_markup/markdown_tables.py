"""HTML tables inside Markdown, wherever CommonMark puts their lines, as blocks with rows and a header; their captions.

CommonMark ends HTML at a blank line, so that one table may be several HTML blocks, paragraphs and code blocks, or part
of a list item or a quote. The rows are found by their tags; which of them are a header, and whether the table only
arranges the page, is decided as for HTML.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_tables import cells, is_layout, leading_headers, own_rows
from ingest.documents.parsers._markup.html_tree import tree
from ingest.documents.parsers._markup.markdown_html import TAG
from ingest.documents.parsers._reading.table_blocks import is_caption
from ingest.errors import OversizedDocument
from ingest.records import Block, BlockKind

_TABLE = re.compile("<table", re.I)
_PART = re.compile(  # begins with one character, so that it is looked for fast
    r"[<`](?:(?P<ticks>(?<=`)`*)|!--|(?<!\\<)(?P<end>/?)(?P<name>table|thead|tbody|tr)(?![\w:.-])"
    r"(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*'){0,1000}>)",
    re.I,
)
_BEFORE = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?\Z")
_FENCED = re.compile(r"[ \t>]*(?:```|~~~)")
_BOLD_CELL = re.compile(r"\s*(?:\*\*[^*]+\*\*|__[^_]+__)\s*\Z")
_FIGURE = re.compile(r"<figcaption(?![\w-])", re.I)
_SINGLE = re.compile(r"(\*\*|__|\*|_)(?=\S)(?:(?!\1).){1,200}(?<=\S)\1[.:]?\Z")
_PANDOC = re.compile(r"(?:table)?[ \t]*:[ \t]+\S|\[[^\[\]]{1,300}\](?:\[[^\[\]]{1,100}\])?\Z", re.I)
_DEFINED = re.compile(r"\n[ \t]*\n(?=:[ \t]+\S[^\n]*\Z)")
_CAPTION = 600  # characters with the markup


@dataclass(slots=True)
class _Table:
    start: int
    end: int = 0
    rows: list[int] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    head: int = 0  # the end of `</thead>`

    def note(self, tag: re.Match[str], name: str, *, ends: bool) -> None:
        """Remember where a part of the table begins or ends."""
        if name == "tr" and not ends:
            self.rows.append(tag.start())
        elif name == "tbody" and not ends:
            self.bodies.append(tag.start())
        elif name == "thead" and ends and not self.head:
            self.head = tag.end()


def with_html_tables(text: str, blocks: list[Block], path: str) -> list[Block]:
    """Return the blocks with a block for each HTML table that holds data; what else is in the blocks stays theirs."""
    if not _TABLE.search(text):
        return blocks
    found = [block for table in _outermost(text, blocks) if (block := _block(text, blocks, table, path)) is not None]
    return put_in(text, blocks, found)


def put_in(text: str, blocks: list[Block], found: list[Block]) -> list[Block]:
    """Return the blocks with those that were found in them in their places."""
    if not found:
        return blocks
    result: list[Block] = []
    at = 0  # of the next one
    for block in blocks:
        done = block.start
        while at < len(found) and found[at].start < block.end:
            result += part_of(text, block, done, found[at].start)
            if not result or result[-1] is not found[at]:
                result.append(found[at])
            done = max(done, found[at].end)
            if found[at].end > block.end:
                break
            at += 1
        result += part_of(text, block, done, block.end)
    return result


def part_of(text: str, block: Block, start: int, end: int) -> list[Block]:
    """Return a trimmed part of a block, or nothing."""
    if (start, end) == (block.start, block.end):
        return [block]
    part = text[start:end]
    if not part.strip():
        return []
    header = block.header_end if start < block.header_end <= end else 0
    end -= len(part) - len(part.rstrip())
    start += len(part) - len(part.lstrip())
    breaks = block.breaks[bisect_right(block.breaks, start) : bisect_left(block.breaks, end)]
    header = min(header, end) if start < header else 0
    kind = block.kind if TAG.sub("", part).strip() else BlockKind.METADATA  # such as the end of a `<div>` around it
    return [replace(block, kind=kind, start=start, end=end, breaks=breaks, header_end=header)]


def _outermost(text: str, blocks: list[Block]) -> list[_Table]:
    """Return the tables that are in no other, in order; tags without their counterparts count as text."""
    closed: list[_Table] = []
    open_: list[_Table] = []
    for block in blocks:
        if not _is_scanned(text, block, bool(open_)):
            continue
        for tag in _tags(text, block):
            name, ends = tag["name"].lower(), bool(tag["end"])
            if (name, ends) == ("table", False):
                open_.append(_Table(tag.start()))
            elif open_ and name == "table":
                open_[-1].end = tag.end()
                closed.append(open_.pop())
            elif open_:
                open_[-1].note(tag, name, ends=ends)
    found: list[_Table] = []
    for table in sorted(closed, key=lambda table: table.start):
        if not found or table.start >= found[-1].end:
            found.append(table)
    return found


def _is_scanned(text: str, block: Block, inside: bool) -> bool:
    """Return whether the tags of a block count; inside a table those of lines that are only code by indentation do."""
    if block.kind is BlockKind.CODE:
        return inside and not is_fenced(text, block)
    if block.kind is BlockKind.TABLE:
        return inside
    return block.kind not in (BlockKind.METADATA, BlockKind.HEADING)


def is_fenced(text: str, block: Block) -> bool:
    """Return whether a block of code has a fence around it."""
    return bool(_FENCED.match(text, block.start, block.end))


def _tags(text: str, block: Block) -> Iterator[re.Match[str]]:
    """Yield the tags of tables in a block, without those in comments and in code on one line."""
    skipped = block.start
    for match in _PART.finditer(text, block.start, block.end):
        if match.start() < skipped:
            continue
        if match["ticks"] is not None:
            ticks = match.group()
            line = text.find("\n", match.end(), block.end)
            close = text.find(ticks, match.end(), line if line >= 0 else block.end)
            skipped = close + len(ticks) if close >= 0 else match.end()
        elif not match["name"]:
            close = text.find("-->", match.end(), block.end)
            skipped = close + 3 if close >= 0 else block.end
        else:
            yield match


def _block(text: str, blocks: list[Block], table: _Table, path: str) -> Block | None:
    """Return the block of a table, None for one without rows, or that only arranges the page."""
    if not table.rows and not table.head:
        return None
    try:
        root = tree(text[table.start : table.end], path)
    except OversizedDocument:
        return None
    read = root.find(".//table") if root is not None else None
    rows = [] if read is None else own_rows(read)
    if read is None or is_layout(read, [cells(row) for row in rows]):
        return None
    headers = leading_headers(rows, Hiding(root)) if len(rows) == len(table.rows) else 0
    bold = not headers and len(rows) > 1 and len(rows[0]) > 1
    if bold and all(_BOLD_CELL.match("".join(cell.itertext())) for cell in rows[0]):
        headers = 1
    named = headers or table.head or read.find("caption") is not None or next(read.iter("th"), None) is not None
    if not named and _holds_sections(text, blocks, table):
        return None
    start = _whole_line(text, table.start, _block_at(blocks, table.start).start)
    header = _header_end(table, headers)
    below = [at for at in table.rows if at >= header]
    cuts = [_whole_line(text, at, start) for at in ((header, *below[1:]) if header else below)]
    breaks = tuple(sorted({at for at in cuts if start < at < table.end}))
    header = _whole_line(text, header, start) if header else 0
    return Block(BlockKind.TABLE, start, table.end, breaks=breaks, header_end=header)


def _header_end(table: _Table, headers: int) -> int:
    """Return where the first row below the header begins, 0 without a header or without such a row."""
    last = table.rows[headers - 1] if headers else table.head
    after = [at for at in table.rows if at > last]
    if not last or not after:
        return 0
    return next((at for at in table.bodies if last < at < after[0]), after[0])


def _block_at(blocks: list[Block], position: int) -> Block:
    at = bisect_left(blocks, position + 1, key=lambda block: block.start) - 1
    return blocks[at]


def _holds_sections(text: str, blocks: list[Block], table: _Table) -> bool:
    """Return whether headings or fenced code stand inside a table: it arranges the page, if nothing names columns."""
    at = bisect_left(blocks, table.start, key=lambda block: block.start)
    while at < len(blocks) and blocks[at].start < table.end:
        kind = blocks[at].kind
        if kind is BlockKind.HEADING or (kind is BlockKind.CODE and _FENCED.match(text, blocks[at].start)):
            return True
        at += 1
    return False


def _whole_line(text: str, position: int, least: int) -> int:
    """Return the start of a line instead of a place behind nothing but indentation, or marks of quotes and items."""
    line = max(text.rfind("\n", least, position) + 1, least)
    return line if position - line < _CAPTION and _BEFORE.match(text, line, position) else position


def with_captions(text: str, blocks: list[Block]) -> list[Block]:
    """Return the blocks with the line above each table as its caption, if it looks like one."""
    result: list[Block] = []
    above = -1  # the last block that is embedded
    for block in blocks:
        if above >= 0 and block.kind is BlockKind.TABLE and result[above].end - result[above].start <= _CAPTION:
            result[above : above + 1] = _as_caption(text, result[above])
        result.append(block)
        above = above if block.kind is BlockKind.METADATA else len(result) - 1
    return result


def _as_caption(text: str, block: Block) -> list[Block]:
    inside = text[block.start : block.end]
    if block.kind is BlockKind.LIST and (term := _DEFINED.search(inside)):
        below = block.start + term.end()
        above = replace(block, kind=BlockKind.PARAGRAPH, end=block.start + term.start(), breaks=())
        return [above, replace(block, kind=BlockKind.CAPTION, start=below, breaks=())]
    plain = TAG.sub("", inside).strip()
    told = is_caption(plain) or _SINGLE.match(plain) or _PANDOC.match(plain) or _FIGURE.search(inside)
    if block.kind is BlockKind.PARAGRAPH and plain and told:
        return [replace(block, kind=BlockKind.CAPTION, breaks=())]
    return [block]
