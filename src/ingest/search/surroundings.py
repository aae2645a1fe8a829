"""Texts around the chunks of an answer, from the lake, as far as the asker may see them.

Whatever a policy keeps out of the index is not shown around a chunk either, and neither is what the filter hides.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.errors import SchemaMismatch
from ingest.lake.lake import Lake
from ingest.lake.verified_files import reading
from ingest.ports import Services
from ingest.records import Filter, Manifest, PartFile, PartKind, Result
from ingest.search.context import Context, ContextOptions, Span, build_context
from ingest.search.visibility import COLUMNS, matches, with_shard

DOCUMENTS = 64  # kept for the next answers
CHARACTERS = 32 * 2**20  # of their texts together
TEXTS_AT_ONCE = 8  # rows decoded together on the way to the one that is wanted


def context_of(
    services: Services, manifest: Manifest, ranked: Sequence[Result], stage: str, wanted: tuple[ContextOptions, Filter]
) -> Context:
    """Return the context of one ranking of a release.

    Tokens are those of the generation's model where it is the settings' one, else the settings' model counts.

    Raises: SchemaMismatch, StoreUnavailable.
    """
    options, filter = wanted
    documents = services.keep(
        f"documents of {manifest.generation}", lambda: Documents(Lake(services.store, manifest.index), manifest)
    )
    same_tokens = services.model.fingerprint == manifest.model.fingerprint
    chunks = list(ranked) if same_tokens else [replace(result, tokens=0) for result in ranked]
    return build_context(chunks, stage, options, counter(services), VisibleSurroundings(documents, filter))


def counter(services: Services) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts the tokens of texts."""
    return lambda texts: [len(offsets) for offsets in services.tokenizer.offsets(texts)]


@dataclass(frozen=True)
class Held:
    """One document of a generation."""

    text: str
    chunks: dict[str, int]  # chunk id → row below
    spans: tuple[Span, ...]  # of its chunks, by position
    dropped: tuple[Span, ...]  # of those that are in no index
    attributes: pa.Table  # of its chunks, in the same order


@dataclass
class Documents:
    """Documents of one generation, read on demand; the last ones are kept. Threads may call."""

    lake: Lake
    manifest: Manifest
    most: int = DOCUMENTS
    most_characters: int = CHARACTERS
    _held: OrderedDict[str, Held] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, result: Result) -> Held | None:
        """Return the document of a result; None when the result does not say where it lies.

        Raises: SchemaMismatch when the lake does not hold it.
        """
        if result.shard is None:
            return None
        with self._lock:
            if result.document_id in self._held:
                self._held.move_to_end(result.document_id)
                return self._held[result.document_id]
        held = self._read(result.document_id, result.shard)
        with self._lock:
            self._held[result.document_id] = held
            while len(self._held) > 1 and self._too_many():
                self._held.popitem(last=False)
        return held

    def _too_many(self) -> bool:
        return len(self._held) > self.most or sum(len(h.text) for h in self._held.values()) > self.most_characters

    def _read(self, document_id: str, shard: int) -> Held:
        parts: dict[str, PartFile] = {p.kind: p for p in self.manifest.parts if p.shard == shard}
        chunks = self._rows(parts, "chunks", document_id, ["chunk_id", "start", "end"]).to_pylist()
        dropped = self._rows(parts, "dropped", document_id, ["start", "end"]).to_pylist()
        attributes = with_shard(self._rows(parts, "attributes", document_id, COLUMNS), shard)
        if len(attributes) != len(chunks):
            raise SchemaMismatch(f"document {document_id}: {len(chunks)} chunks, attributes of {len(attributes)}")
        return Held(
            self._text(parts, document_id),
            {row["chunk_id"]: i for i, row in enumerate(chunks)},
            tuple((row["start"], row["end"]) for row in chunks),
            tuple((row["start"], row["end"]) for row in dropped),
            attributes,
        )

    def _rows(self, parts: dict[str, PartFile], kind: PartKind, document_id: str, columns: list[str]) -> pa.Table:
        """Return a document's rows of a part, which lie together; none where the generation has no such part."""
        if kind not in parts:
            return pa.table({name: [] for name in columns})
        with self._opened(parts[kind]) as file:
            first, last = _place(file, document_id)
            groups = _groups(file, first, last)
            if not groups:
                return file.schema_arrow.empty_table().select(columns)
            before = sum(file.metadata.row_group(g).num_rows for g in range(groups[0]))
            return file.read_row_groups(groups, columns, use_threads=False).slice(first - before, last - first)

    def _text(self, parts: dict[str, PartFile], document_id: str) -> str:
        """Return the canonical text: the rows before it are decoded, but few at a time."""
        if "texts" not in parts:
            raise SchemaMismatch(f"document {document_id}: its shard has no texts")
        with self._opened(parts["texts"]) as file:
            row, end = _place(file, document_id)
            if row == end:
                raise SchemaMismatch(f"document {document_id}: part {parts['texts'].sha256} does not hold its text")
            groups = _groups(file, row, end)
            row -= sum(file.metadata.row_group(g).num_rows for g in range(groups[0]))
            for batch in file.iter_batches(TEXTS_AT_ONCE, row_groups=groups[:1], columns=["text"], use_threads=False):
                if row < len(batch):
                    return str(batch["text"][row].as_py())
                row -= len(batch)
        raise SchemaMismatch(f"document {document_id}: part {parts['texts'].sha256} ends before its text")

    def _opened(self, part: PartFile) -> Any:
        with reading(f"part {part.sha256} of kind {part.kind}"):
            return pq.ParquetFile(self.lake.part_path(part), memory_map=True)


@dataclass(frozen=True)
class VisibleSurroundings:
    """Texts around chunks, for one asker."""

    documents: Documents
    filter: Filter

    def text(self, of: Result, start: int, end: int) -> str | None:
        """Return a slice of the chunk's document; None when any of it may not be shown."""
        held = self.documents.of(of)
        if held is None or not 0 <= start <= end <= len(held.text):
            return None
        return None if any(a < end and start < b for a, b in self._hidden(held)) else held.text[start:end]

    def spans(self, of: Result, neighbours: int, parent: bool) -> list[Span]:
        """Return the parent, then the chunk with fewer and fewer neighbours; each without what may not be shown."""
        held = self.documents.of(of)
        if held is None or of.chunk_id not in held.chunks:
            return []
        low, high = self._shown(held, of)
        wanted = [of.parent] if parent and of.parent else []
        row = held.chunks[of.chunk_id]
        sides = [(n, n) for n in range(neighbours, 0, -1)]
        sides += [(0, 1), (1, 0)] if neighbours else []
        for before, after in sides:
            first, last = max(0, row - before), min(len(held.spans) - 1, row + after)
            wanted.append(
                (min(s for s, _ in held.spans[first : row + 1]), max(e for _, e in held.spans[row : last + 1]))
            )
        clipped = [(max(start, low), min(end, high)) for start, end in wanted]
        return list(dict.fromkeys(span for span in clipped if span != (of.start, of.end)))

    def _shown(self, held: Held, of: Result) -> Span:
        """Return how far the text around a chunk may be shown."""
        hidden = self._hidden(held)
        low = max((b for a, b in hidden if b <= of.start), default=0)
        high = min((a for a, b in hidden if a >= of.end), default=len(held.text))
        return low, high

    def _hidden(self, held: Held) -> list[Span]:
        visible = matches(held.attributes, self.filter)
        return [*held.dropped, *(span for span, shown in zip(held.spans, visible, strict=True) if not shown)]


def _place(file: Any, document_id: str) -> Span:
    """Return the first row of a document and the one behind its last."""
    ids = file.read(["document_id"], use_threads=False)["document_id"]
    rows = np.flatnonzero(np.asarray(pc.equal(ids, document_id)))
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)


def _groups(file: Any, first: int, last: int) -> list[int]:
    """Return the row groups that hold rows [first, last)."""
    found, start = [], 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if start < last and first < end:
            found.append(group)
        start = end
    return found
