"""Builds the canonical text of formats that have none of their own: blocks of lines separated by blank lines."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ingest.documents.parsers._reading.table_blocks import is_caption
from ingest.errors import OversizedDocument
from ingest.records import Block, BlockKind, RawDocument
from ingest.records.options import ParseLimits

MAX_TITLE = 1000  # characters; a longer heading is a paragraph
BROKEN_AT_LINES = (BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE)


class Assembly:
    """A canonical text and its blocks, in order, under the limits of the document from which they come."""

    def __init__(self, raw: RawDocument) -> None:
        """Start with nothing."""
        self.blocks: list[Block] = []
        self._path, self._limits = raw.ref.path, raw.options.limits
        self._parts: list[str] = []
        self._length = 0

    @property
    def path(self) -> str:
        """The document's path, for messages."""
        return self._path

    @property
    def limits(self) -> ParseLimits:
        """The limits of the document."""
        return self._limits

    @property
    def text(self) -> str:
        """The canonical text so far."""
        return "".join(self._parts)

    def add(self, kind: BlockKind, lines: Sequence[str], header_lines: int = 0, **fields: Any) -> None:
        """Append a block, unless its lines hold only white space.

        Lists, tables and code may be cut where their lines begin, unless `fields` has other `breaks` (offsets from the
        start of the block). NUL becomes U+FFFD, since downstream tools do not accept it in texts.

        Args:
            kind: The kind of block.
            lines: Its text; none holds a line break.
            header_lines: For a table, how many of the first lines are its header.
            **fields: Other fields of the block: level, title, language, page, marks, breaks.

        Raises: OversizedDocument.
        """
        text = "\n".join(lines).rstrip().replace("\0", "\ufffd")
        if not text.strip():
            return
        start = self._begin()
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        header = min(starts[header_lines], len(text)) if 0 < header_lines < len(lines) else 0
        breaks = fields.pop("breaks", starts[1:-1] if kind in BROKEN_AT_LINES else ())
        first, end = max(header - 1, 0), len(text)
        inside = tuple(start + at for at in breaks if first < at < end)
        header_end = start + header if header else 0
        self._append(text, [Block(kind, start, start + end, breaks=inside, header_end=header_end, **fields)])

    def heading(self, title: str, level: int, **fields: Any) -> None:
        """Append a heading, its title on one line."""
        title = " ".join(title.split()).replace("\0", "\ufffd")
        self.add(BlockKind.HEADING, [title], level=level, title=title, **fields)

    def name_table(self) -> None:
        """Make the last block the caption of the table that follows, if it is a paragraph that reads like one."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or last.kind is not BlockKind.PARAGRAPH or last.end - last.start != len(self._parts[-1]):
            return
        if is_caption(self._parts[-1]):
            self.blocks[-1] = replace(last, kind=BlockKind.CAPTION, breaks=())

    def include(self, text: str, blocks: Sequence[Block], **fields: Any) -> None:
        """Append another canonical text with its blocks; `fields` override those of each block."""
        if not blocks:
            return
        at = self._begin()
        self._append(text.rstrip(), [_moved(block, at, fields) for block in blocks])

    def _begin(self) -> int:
        """Separate the next block from the last one; return where it starts."""
        if self._parts:
            self._parts.append("\n\n")
            self._length += 2
        return self._length

    def _append(self, text: str, blocks: list[Block]) -> None:
        self._parts.append(text)
        self._length += len(text)
        self.blocks += blocks
        if self._length > self._limits.text_characters:
            raise OversizedDocument(f"{self._path}: text over the limit of {self._limits.text_characters} characters")
        if len(self.blocks) > self._limits.blocks:
            raise OversizedDocument(f"{self._path}: over the limit of {self._limits.blocks} blocks")


def _moved(block: Block, by: int, fields: dict[str, Any]) -> Block:
    return replace(
        block,
        start=block.start + by,
        end=block.end + by,
        breaks=tuple(at + by for at in block.breaks),
        header_end=block.header_end + by if block.header_end else 0,
        **fields,
    )
