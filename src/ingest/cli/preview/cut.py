"""A document cut as a run would cut it: parsed, chunked, screened, and what is in no chunk."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median_low, quantiles

from ingest.documents import screening
from ingest.documents.chunking import chunk
from ingest.errors import DocumentError, EmptyDocument, SuspiciousDocument
from ingest.ids import document_id
from ingest.pipeline.children import check_container
from ingest.records import Block, BlockKind, Chunk, ChunkingOptions, Document, DocumentRef, RawDocument, ScreeningPolicy
from ingest.services import Workbench


@dataclass(frozen=True)
class Refusal:
    """Why a run would quarantine the document."""

    stage: str  # read, parse, chunk
    error: str  # class name of a DocumentError
    message: str


@dataclass(frozen=True)
class LeftOut:
    """A stretch of the canonical text that is in no chunk."""

    start: int
    end: int
    kind: BlockKind
    why: str


@dataclass(frozen=True)
class Cut:
    """One document under one index's settings. `document` is None if it could not be parsed."""

    raw: RawDocument
    document: Document | None = None
    chunks: tuple[Chunk, ...] = ()
    context_tokens: tuple[int, ...] = ()  # of each chunk's context, in the order of `chunks`
    dropped: tuple[tuple[Chunk, str], ...] = ()  # by the source's screening policy, with the mark that is the reason
    left_out: tuple[LeftOut, ...] = ()
    refusal: Refusal | None = None
    parse_seconds: float = 0.0
    chunk_seconds: float = 0.0
    options: ChunkingOptions = field(default_factory=ChunkingOptions)
    model: str = ""
    model_fingerprint: str = ""

    @property
    def text(self) -> str:
        """The canonical text, "" without a document."""
        return self.document.text if self.document else ""

    @property
    def tokens(self) -> "Tokens":
        """The token counts of the chunks' texts, without their contexts."""
        return tokens_of([c.tokens for c in self.chunks])

    @property
    def kinds(self) -> dict[str, int]:
        """How many blocks there are of each kind."""
        return dict(sorted(Counter(b.kind.value for b in (self.document.blocks if self.document else ())).items()))

    @property
    def marks(self) -> dict[str, int]:
        """How many chunks have each mark, dropped ones included."""
        return dict(sorted(Counter(mark for c in self.every for mark in c.marks).items()))

    @property
    def every(self) -> tuple[Chunk, ...]:
        """All chunks in order, including those that the policy drops."""
        return tuple(sorted((*self.chunks, *(c for c, _ in self.dropped)), key=lambda c: (c.start, c.end)))


@dataclass(frozen=True)
class Tokens:
    """How many tokens the chunks of a document have; all 0 if there are no chunks."""

    total: int = 0
    least: int = 0
    median: int = 0
    p90: int = 0
    most: int = 0


def tokens_of(counts: Sequence[int]) -> Tokens:
    """Return the figures of some token counts."""
    if not counts:
        return Tokens()
    p90 = round(quantiles(counts, n=10, method="inclusive")[-1]) if len(counts) > 1 else counts[0]
    return Tokens(sum(counts), min(counts), median_low(counts), p90, max(counts))


@dataclass
class Section:
    """A heading with what is under it; the first one may have no heading."""

    title: str
    depth: int  # 0 for the topmost
    parent: int | None  # position in the list of sections
    start: int
    end: int  # of its own part, before the next heading
    chunks: list[int] = field(default_factory=list)  # positions of the chunks that start in its own part
    chunks_below: int = 0  # including all sections under it
    tokens_below: int = 0


def cut_document(bench: Workbench, raw: RawDocument, level: int = 1) -> Cut:
    """Return what a run would make of a document under the settings of `bench`.

    A document that a run would quarantine is returned with the reason, as far as it got.

    Args:
        bench: What parses and cuts.
        raw: The document.
        level: 1 for a document of a source, 2 for one inside it, ...

    Raises: SandboxUnavailable, InvalidSettings.
    """
    raw = replace(raw, options=bench.parsing.get(raw.ref.source, bench.parsing[""]))
    cut = Cut(raw, options=bench.options.chunking, model=bench.model.name, model_fingerprint=bench.model.fingerprint)
    _warm(bench)
    stage, began = "parse", time.perf_counter()
    try:
        document = bench.sandbox.parse(raw)
        cut = replace(cut, document=document, parse_seconds=time.perf_counter() - began)
        stage = "chunk"
        if document.children:
            check_container(document, raw.ref.uri, level, bench.options.limits.archive_depth)
        began = time.perf_counter()
        chunks = chunk(document, document_id(raw.ref.uri), bench.options.chunking, bench.tokenizer)
        cut = replace(cut, chunk_seconds=time.perf_counter() - began)
    except DocumentError as error:
        return replace(cut, refusal=Refusal(stage, type(error).__name__, str(error)))
    return _screened(bench, cut, document, chunks)


def _warm(bench: Workbench) -> None:
    """Parse a word, so that starting a parser's process does not count as the document's time."""
    with suppress(DocumentError):
        bench.sandbox.parse(RawDocument(DocumentRef("file:///word.txt", "", "word.txt", "", 4), b"word"))


def _screened(bench: Workbench, cut: Cut, document: Document, chunks: Sequence[Chunk]) -> Cut:
    """Return the cut with its chunks, minus those that the source's policy drops, and any refusal.

    If the policy quarantines the document, its chunks stay, so that people see why.
    """
    ref = cut.raw.ref
    kept: Sequence[Chunk] = screening.screen(document, chunks)
    dropped: list[tuple[Chunk, str]] = []
    refusal = None
    if not chunks and not document.children:
        message = f"{ref.uri}: no text left after parsing as {document.media_type}"
        refusal = Refusal("chunk", EmptyDocument.__name__, message)
    try:
        kept, dropped = screening.sort_out(ref.uri, kept, bench.options.screening.get(ref.source, ScreeningPolicy()))
    except SuspiciousDocument as error:
        refusal = Refusal("chunk", type(error).__name__, str(error))
    spans = bench.tokenizer.offsets([c.context for c in kept]) if kept else []
    return replace(
        cut,
        chunks=tuple(kept),
        dropped=tuple(dropped),
        context_tokens=tuple(map(len, spans)),
        refusal=refusal,
        left_out=tuple(_left_out(document, kept, dropped, cut.options)),
    )


def sections(cut: Cut) -> list[Section]:
    """Return the headings in order, each with the chunks that start under it; counts include lower levels."""
    document = cut.document
    if document is None:
        return []
    found = [Section("", 0, None, 0, len(document.text))]
    open_: list[tuple[int, int]] = []  # level, position in `found`
    for block in document.blocks:
        if block.kind is not BlockKind.HEADING:
            continue
        while open_ and open_[-1][0] >= block.level:
            open_.pop()
        found[-1].end = block.start
        parent = open_[-1][1] if open_ else None
        found.append(Section(block.title, len(open_), parent, block.start, len(document.text)))
        open_.append((block.level, len(found) - 1))
    _count(found, cut.chunks)
    return found if found[0].chunks or len(found) == 1 else _without_first(found)


def _count(found: list[Section], chunks: Sequence[Chunk]) -> None:
    at = 0
    for number, made in enumerate(chunks):
        while at + 1 < len(found) and found[at + 1].start <= made.start:
            at += 1
        found[at].chunks.append(number)
    for section in reversed(found):
        section.chunks_below += len(section.chunks)
        section.tokens_below += sum(chunks[number].tokens for number in section.chunks)
        if section.parent is not None:
            found[section.parent].chunks_below += section.chunks_below
            found[section.parent].tokens_below += section.tokens_below


def _without_first(found: list[Section]) -> list[Section]:
    for section in found:
        section.parent = None if section.parent is None else section.parent - 1
    return found[1:]


def _left_out(
    document: Document, chunks: Sequence[Chunk], dropped: Sequence[tuple[Chunk, str]], options: ChunkingOptions
) -> Iterator[LeftOut]:
    """Yield the stretches of blocks that hold text and are in no chunk, in order."""
    spans = sorted((c.start, c.end) for c in chunks)
    marked = sorted((c.start, c.end, mark) for c, mark in dropped)
    i = j = 0
    for block in document.blocks:
        while i < len(spans) and spans[i][1] <= block.start:
            i += 1
        while j < len(marked) and marked[j][1] <= block.start:
            j += 1
        at, k = block.start, i
        while at < block.end:
            start, end = spans[k] if k < len(spans) else (block.end, block.end)
            gap = at, min(max(start, at), block.end)
            if document.text[gap[0] : gap[1]].strip():
                why = marked[j][2] if j < len(marked) and marked[j][0] < gap[1] else ""
                yield LeftOut(*gap, block.kind, f"dropped for its mark: {why}" if why else _why(block, options))
            at, k = max(at, end), k + 1


def _why(block: Block, options: ChunkingOptions) -> str:
    if block.kind.value in options.skipped_kinds:
        return "skipped_kinds"
    if (block.kind.value, "skip") in (("table", options.tables), ("code", options.code)):
        return f"{'tables' if block.kind is BlockKind.TABLE else 'code'}: skip"
    return "in no chunk"
