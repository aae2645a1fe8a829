"""The schemas of a keyword index's files, and how they are opened, read and written.

a shard      postings (term, chunk, frequency) sorted by term, then chunk     lengths (chunk_id, length)
all shards   postings (chunk, frequency), grouped by term                     terms (term, document_frequency, first)
             lengths (chunk_id, length): the row is the chunk's ordinal
two segments postings and terms of a large and of a small one, each with chunks by numbers of its own
             lengths (chunk_id, length, place): the number in the large segment, or behind these in the small one
"""

from collections.abc import Generator
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ingest.errors import SchemaMismatch

SHARD_POSTINGS = pa.schema([("term", pa.string()), ("chunk", pa.uint32()), ("frequency", pa.uint32())])
POSTINGS = pa.schema([("chunk", pa.uint32()), ("frequency", pa.uint32())])
TERMS = pa.schema([("term", pa.string()), ("document_frequency", pa.uint32()), ("first", pa.uint64())])
LENGTHS = pa.schema([("chunk_id", pa.string()), ("length", pa.uint32())])
PLACED = LENGTHS.append(pa.field("place", pa.uint32()))
NOWHERE = 2**32 - 1  # the place of a chunk without postings
LARGE = "ingest.large"  # in the metadata of placed lengths: how many chunks the large segment numbers

POSTINGS_PER_GROUP = 65_536  # 512 KB decoded: what looking up a rare term reads
TERMS_PER_GROUP = 8_192
CHUNKS_PER_GROUP = 4_096
BATCH_ROWS = 65_536

PACKED = 16  # bytes of an id of 32 hex digits
HEX = b"0123456789abcdef"


def open_parquet(path: Path | str, schema: pa.Schema, source: pa.NativeFile | None = None) -> pq.ParquetFile:
    """Return the file, or `source`, whose pages are verified: a local file was hashed. Raises: SchemaMismatch.

    It is not mapped: pages of a mapped file that were decoded would count as this process's memory.
    """
    try:
        file = pq.ParquetFile(source or path, page_checksum_verification=source is not None)
    except (OSError, pa.ArrowException) as error:
        raise SchemaMismatch(f"{path}: not a readable Parquet file: {error}") from error
    types = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
    for field in schema:
        if (found := types.get(field.name)) != field.type:
            file.close()
            raise SchemaMismatch(f"{path}: column {field.name} must be {field.type}, found {found or 'no such column'}")
    return file


def batches(
    path: Path, schema: pa.Schema, columns: list[str] | None = None, rows: int = BATCH_ROWS
) -> Generator[pa.RecordBatch]:
    """Yield the rows of a file in order, of all columns or of some. Raises: SchemaMismatch when it is damaged."""
    with open_parquet(path, schema) as file:
        try:
            yield from (batch for batch in file.iter_batches(rows, columns=columns or schema.names) if batch.num_rows)
        except (OSError, pa.ArrowException) as error:
            raise SchemaMismatch(f"{path}: damaged: {error}") from error


def numbers(column: Any) -> NDArray[Any]:
    """Return a column without nulls as a NumPy array of the same type. Raises: SchemaMismatch on a null."""
    if column.null_count:
        raise SchemaMismatch(f"keyword index: {column.null_count} nulls in a column of {column.type}")
    return np.asarray(column)


class GroupWriter(AbstractContextManager["GroupWriter"]):
    """Writes row groups of `rows` rows, the last one shorter, and holds less than one more. Equal rows, equal bytes."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self._schema = schema
        self._rows = rows
        self._waiting = schema.empty_table()
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression={"chunk_id": "zstd"},  # hex digits waste half their bits; the other columns are packed
            use_dictionary=["frequency", "length", "document_frequency"],
            # Ordinals ascend within a term, so their differences are small numbers; ids are random and stay plain.
            column_encoding=dict.fromkeys(("chunk", "first", "place"), "DELTA_BINARY_PACKED"),
            write_statistics=["term"],
            write_page_checksum=True,
        )

    def write(self, columns: Any) -> None:
        """Add rows in order: arrays of one length, by name."""
        table = pa.table([columns[name] for name in self._schema.names], self._schema)
        self._waiting = pa.concat_tables([self._waiting, table])
        if (rows := len(self._waiting)) >= self._rows:
            self._flush(rows - rows % self._rows)

    def _flush(self, rows: int) -> None:
        self._writer.write_table(self._waiting.slice(0, rows).combine_chunks(), row_group_size=self._rows)
        self._waiting = self._waiting.slice(rows).combine_chunks()  # a copy: a slice would keep what was written alive

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and len(self._waiting):
            self._flush(len(self._waiting))
        self._writer.close()


def write_places(path: Path, lengths: pa.Table, places: NDArray[np.int64], large: int) -> None:
    """Write the lengths of an index of two segments: where each chunk is, and how many the large segment numbers."""
    with GroupWriter(path, PLACED.with_metadata({LARGE: str(large)}), CHUNKS_PER_GROUP) as writer:
        writer.write(lengths.append_column("place", pa.array(places, pa.uint32())))


def placed(lengths: pa.Table) -> tuple[int, NDArray[np.uint32]]:
    """Return how many chunks the large segment numbers, and each chunk's place; of one segment, its row."""
    if "place" not in lengths.schema.names:
        rows = np.arange(len(lengths), dtype=np.uint32)
        return len(lengths), np.where(numbers(lengths["length"]) > 0, rows, np.uint32(NOWHERE))
    try:
        return int(lengths.schema.metadata[LARGE.encode()]), numbers(lengths["place"])
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaMismatch(f"keyword index: its lengths do not say where its segments meet: {error!r}") from error


def chunks_by_place(lengths: Path) -> list[NDArray[np.uint32] | None]:
    """Return for each segment its chunks by number, NOWHERE for those that are gone; [None] for a single segment."""
    with open_parquet(lengths, LENGTHS) as file:
        if "place" not in file.schema_arrow.names:
            return [None]
        large, places = placed(file.read(["place"]))
    there = np.flatnonzero(places != NOWHERE)
    chunks = np.full(max(large, int(places[there].max(initial=0)) + 1), NOWHERE, np.uint32)
    chunks[places[there]] = there
    return [chunks[:large], chunks[large:]]


def packed_hex(column: Any) -> bytes | None:
    """Return strings of 32 lower-case hex digits as 16 bytes each; None if any string is anything else."""
    if not isinstance(column, pa.StringArray) or column.null_count:
        return None
    if not len(column):
        return b""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    digits = data[int(ends[0]) : int(ends[-1])].to_pybytes()
    if (np.diff(ends) != 2 * PACKED).any() or digits.translate(None, HEX):
        return None
    return bytes.fromhex(digits.decode())


def hashes(ids: pa.Array) -> NDArray[np.uint64]:
    """Return 64-bit hashes, (n,) uint64, for lookups, not identity: of 32 hex digits the first 16, else of BLAKE2b."""
    if (packed := packed_hex(ids)) is not None:
        return np.frombuffer(packed, np.uint64)[::2].copy()
    single = [(packed_hex(pa.array([i])) or blake2b(i.encode(), digest_size=8).digest())[:8] for i in ids.to_pylist()]
    return np.frombuffer(b"".join(single), np.uint64)
