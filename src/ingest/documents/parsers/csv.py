"""CSV and TSV: a table whose breaks are the true starts of its rows, even with line breaks in quotes.

The canonical text is the decoded file, unchanged. Why not the standard library: `csv.reader` does not report where a
row begins, and an unclosed quote turns the rest of the file into one cell; `csv.Sniffer` mistakes letters for
delimiters and takes quadratic time on hostile samples. Here, after an unclosed quote, quotes have no meaning and every
line is a row. Ragged rows are kept as they are. Blank lines separate tables where the number of columns changes.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ingest.documents.parsers._reading.decoding import BOM, decode, told_charset
from ingest.documents.parsers._reading.table_blocks import header_rows
from ingest.errors import OversizedDocument
from ingest.records import Block, BlockKind, Document, RawDocument

MEDIA_TYPES = ("text/csv", "text/tab-separated-values")
VERSION = "3"
LIBRARIES = ("charset-normalizer", "webencodings")

_DELIMITERS = ",;\t|"  # in order of preference if several fit equally
_SAMPLE = 64 * 1024  # characters examined to find the delimiter
_SAMPLE_ROWS = 100
_HEADER_ROWS = 50  # rows examined to find the header
_NAMED = re.compile(r"sep=([,;\t|])\r?\n", re.I)  # a first line that Excel understands
_MODEST = 200  # characters; a longer first cell is no column name


@dataclass(slots=True)
class _Table:
    """Rows between blank lines: where each begins, where the last ends, and the cells of the first ones."""

    starts: list[int]
    end: int
    cells: list[list[str]]


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    path, limits = raw.ref.path, raw.options.limits
    text = decode(raw.data, path, told_charset(raw))
    if len(text) > limits.text_characters:
        raise OversizedDocument(f"{path}: {len(text)} characters, the limit is {limits.text_characters}")
    at = len(text) - len(text.removeprefix(BOM))
    blocks: list[Block] = []
    if named := _NAMED.match(text, at):
        blocks.append(Block(BlockKind.METADATA, at, at + len(named.group().rstrip())))
        delimiter, at = named[1], named.end()
    else:
        delimiter = _delimiter(text[at : at + _SAMPLE], raw.media_type == MEDIA_TYPES[1])
    rows = 0
    for table in _tables(text, at, delimiter):
        rows += len(table.starts)
        if rows > limits.blocks:
            raise OversizedDocument(f"{path}: over the limit of {limits.blocks} rows")
        blocks.append(_block(table))
    return Document(text, tuple(blocks), "", raw.media_type, "csv")


def _block(table: _Table) -> Block:
    """Return a table as a block; a single cell is a paragraph."""
    start = table.starts[0]
    if len(table.starts) == 1 and len(table.cells[0]) == 1:
        return Block(BlockKind.PARAGRAPH, start, table.end)
    headers = header_rows(table.cells)
    if any(len(cell) > _MODEST for row in table.cells[:headers] for cell in row):
        headers = 0
    return Block(
        BlockKind.TABLE,
        start,
        table.end,
        breaks=tuple(table.starts[1:]),
        header_end=table.starts[headers] if headers else 0,
    )


def _tables(text: str, at: int, delimiter: str) -> Iterator[_Table]:
    """Yield the tables of a file; rows of white space belong to none."""
    table: _Table | None = None
    blank = False
    for start, end in _rows(text, at, delimiter):
        inside = len(text[start:end].rstrip())
        if not inside:
            blank = True
            continue
        if table is not None and blank and len(_cells(text[start:end], delimiter)) != len(table.cells[0]):
            yield table
            table = None
        if table is None:
            table = _Table([], 0, [])
        blank = False
        table.starts.append(start)
        table.end = start + inside
        if len(table.cells) < _HEADER_ROWS:
            table.cells.append(_cells(text[start:end], delimiter))
    if table is not None:
        yield table


def _rows(text: str, at: int, delimiter: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each row, line break included. Linear: the search for a closing quote fails only once."""
    quoted, line = _patterns(delimiter)
    pattern = quoted
    while at < len(text):
        match = pattern.match(text, at)
        assert match is not None  # both patterns match everything
        if pattern is quoted and match.lastgroup == "open":  # an unclosed quote: from here on, each line is a row
            pattern = line
            continue
        yield at, match.end()
        at = match.end()


def _cells(row: str, delimiter: str) -> list[str]:
    """Return the cells of a row, without quotes."""
    found, at = [], 0
    row = row.rstrip("\r\n")
    pattern = _cell_pattern(delimiter)
    while True:
        match = pattern.match(row, at)
        assert match is not None  # it matches everything
        cell = match.group()
        if cell.startswith('"') and cell.endswith('"') and len(cell) > 1:
            cell = cell[1:-1].replace('""', '"')
        found.append(cell)
        if match.end() >= len(row):
            return found
        at = match.end() + 1


_QUOTED = r'"[^"]*+(?:""[^"]*+)*+"'  # possessive: no backtracking


@lru_cache(maxsize=len(_DELIMITERS))
def _patterns(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the pattern of a row, whose group "open" matches an unclosed quote, and that of a line."""
    d = re.escape(delimiter)
    cell = rf"(?:{_QUOTED}[^{d}\r\n]*+|(?!\")[^{d}\r\n]*+)"
    end = r"(?:\r\n|\r|\n|\Z)"
    row = re.compile(rf'(?:{cell}{d})*+(?:(?P<open>"(?!{_QUOTED[1:]}))|{cell}{end})')
    return row, re.compile(rf"[^\r\n]*+{end}")


@lru_cache(maxsize=len(_DELIMITERS))
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf"{_QUOTED}[^{re.escape(delimiter)}]*+|[^{re.escape(delimiter)}]*+")


def _delimiter(sample: str, tabs: bool) -> str:
    """Return the delimiter that splits most rows of the sample into the same number of cells, more than one."""
    best, delimiter = (0.0, 0), "\t" if tabs else ","
    for candidate in "\t,;|" if tabs else _DELIMITERS:
        counts: Counter[int] = Counter()
        for start, end in _rows(sample, 0, candidate):
            if sample[start:end].strip():
                counts[len(_cells(sample[start:end], candidate))] += 1
            if counts.total() >= _SAMPLE_ROWS:
                break
        share, width = max(
            ((count / counts.total(), width) for width, count in counts.items() if width > 1), default=(0, 0)
        )
        if share > 0 and (round(share, 1), width) > best:
            best, delimiter = (round(share, 1), width), candidate
    return delimiter
