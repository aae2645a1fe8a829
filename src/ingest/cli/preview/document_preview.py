"""A document as a run would split it, and the text that is in no chunk."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low, quantiles
from typing import Any

from ingest.documents.cutting import CutDocument, cut_document
from ingest.errors import DocumentError
from ingest.pipeline.shard_builder import check_container
from ingest.records import Block, BlockKind, Chunk, ChunkingOptions, Document, ParserOptions, RawDocument
from ingest.services import Workbench

MASK = "▒▒▒▒▒▒"
COVER = "\udfff"  # stands for each character of a secret, so that spans stay what they are; no decoded text has it
OUTSIDE = re.compile(b"\\0+")
UNPARSED = Document("", (), title="", media_type="", parser="")


@dataclass(frozen=True)
class Refusal:
    """Why a run would quarantine the document."""

    stage: str  # read, parse, chunk
    error: DocumentError

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


@dataclass(frozen=True)
class UnchunkedSpan:
    """A span of the canonical text that is in no chunk."""

    start: int
    end: int
    kind: BlockKind
    why: str


@dataclass(frozen=True)
class DocumentPreview:
    """One document under one index's settings."""

    raw: RawDocument
    document: Document = UNPARSED
    chunks: tuple[Chunk, ...] = ()
    context_tokens: tuple[int, ...] = ()  # of each chunk's context, in the order of `chunks`
    dropped: tuple[tuple[Chunk, str], ...] = ()  # by the source's screening policy, with the mark that caused it
    left_out: tuple[UnchunkedSpan, ...] = ()
    refusal: Refusal | None = None
    options: ChunkingOptions = field(default_factory=ChunkingOptions)
    model: str = ""
    model_fingerprint: str = ""
    origin: str = ""  # where its bytes come from, for people

    @property
    def figures(self) -> dict[str, Any]:
        """Counts and measurements, for programs; marks include those of dropped chunks."""
        every = (*self.chunks, *(c for c, _ in self.dropped))
        unread = sum(c.unread * len(c.text) for c in every) / max(sum(len(c.text) for c in every), 1)
        return {
            "characters": len(self.document.text),
            "blocks": dict(sorted(Counter(_told_as(block) for block in self.document.blocks).items())),
            "chunk_count": len(self.chunks),
            "tokens": token_figures([c.tokens for c in self.chunks]),
            "unread_share": round(unread, 3),
            "marks": dict(sorted(Counter(mark for c in every for mark in c.marks).items())),
            "model": self.model,
            "chunking": self.options.model_dump(),
        }

    def slice(self, start: int, end: int) -> str:
        """Return text[start:end], blank where no chunk has it, with `MASK` for what is covered of each line."""
        text, first = self.document.text[start:end], bisect_right(self.left_out, start, key=lambda part: part.start)
        for part in self.left_out[first : bisect_left(self.left_out, end, key=lambda part: part.start)]:
            a, b = part.start - start, part.end - start
            text = text[:a] + re.sub(r"\S", " ", text[a:b]) + text[b:]
        return re.sub(f"{COVER}+", MASK, text)


def _told_as(block: Block) -> str:
    return "comment" if "comment" in block.marks else block.kind.value


def token_figures(counts: Sequence[int]) -> dict[str, int]:
    """Return a summary of token counts; all figures are 0 without any."""
    p90 = round(quantiles(counts, n=10, method="inclusive")[-1]) if len(counts) > 1 else sum(counts)
    least, most = min(counts, default=0), max(counts, default=0)
    return {"total": sum(counts), "least": least, "median": median_low(counts or [0]), "p90": p90, "most": most}


def parsed(bench: Workbench, raw: RawDocument) -> Document:
    """Return a document as the sandbox parses it, with its source's options, else with the index's limits alone."""
    return bench.sandbox.parse(replace(raw, options=ParserOptions(limits=bench.options.limits)))


def preview_document(bench: Workbench, raw: RawDocument, level: int) -> DocumentPreview:
    """Return what a run would make of a document under the settings of `bench`.

    A document that a run would quarantine is returned with the reason and what was made of it so far. `level` is 1 for
    a document in a source, 2 for one inside it, ...

    Raises: SandboxUnavailable, InvalidSettings.
    """
    model, stage, ref = bench.model, "parse", raw.ref
    made = DocumentPreview(raw, options=bench.options.chunking, model=model.name, model_fingerprint=model.fingerprint)
    try:
        document = parsed(bench, raw)
        made, stage, container = replace(made, document=document), "chunk", bool(document.children)
        if container:
            check_container(document, ref.uri, level, bench.options.limits.archive_depth)
        cut = cut_document(document, ref.uri, ref.source, bench.options, bench.tokenizer, container=container)
    except DocumentError as error:
        return replace(made, refusal=Refusal(stage, error))
    document = replace(document, language=cut.language or document.language)
    spans = bench.tokenizer.offsets([c.context for c in cut.chunks]) if cut.chunks else []
    return replace(
        made,
        document=document,
        chunks=tuple(cut.chunks),
        dropped=tuple(cut.dropped),
        context_tokens=tuple(map(len, spans)),
        refusal=Refusal("chunk", cut.refusal) if cut.refusal is not None else None,
        left_out=tuple(_left_out(document, cut, bench.options.chunking)),
    )


@dataclass
class PreviewSection:
    """A heading with what is below it; the first section may have no heading."""

    title: str
    depth: int  # 0 for the topmost
    parent: int | None  # position in the list of sections
    start: int
    end: int  # of its own part, before the next heading
    chunks: list[int] = field(default_factory=list)  # numbers, from 1, of the chunks that start in its own part
    chunks_below: int = 0  # including all sections under it
    tokens_below: int = 0


def sections(preview: DocumentPreview) -> list[PreviewSection]:
    """Return the headings in order, each with the chunks that start below it; counts include lower levels."""
    document = preview.document
    if not document.parser:  # it could not be parsed
        return []
    found = [PreviewSection("", 0, None, 0, len(document.text))]
    open_: list[tuple[int, int]] = []  # level, position in `found`
    for block in (block for block in document.blocks if block.kind is BlockKind.HEADING):
        while open_ and open_[-1][0] >= block.level:
            open_.pop()
        found[-1].end = block.start
        parent = open_[-1][1] if open_ else None
        found.append(PreviewSection(block.title, len(open_), parent, block.start, len(document.text)))
        open_.append((block.level, len(found) - 1))
    for number, chunk in enumerate(preview.chunks, 1):
        section = found[bisect_right(found, chunk.start, key=lambda section: section.start) - 1]
        section.chunks.append(number)
        section.chunks_below += 1
        section.tokens_below += chunk.tokens
    for section in reversed(found):
        if section.parent is not None:
            found[section.parent].chunks_below += section.chunks_below
            found[section.parent].tokens_below += section.tokens_below
    if found[0].chunks or len(found) == 1:
        return found
    return [replace(s, parent=None if s.parent is None else s.parent - 1) for s in found[1:]]


def _left_out(document: Document, cut: CutDocument, options: ChunkingOptions) -> Iterator[UnchunkedSpan]:
    """Yield the spans of blocks that contain text and are in no chunk, in order."""
    inside = bytearray(len(document.text))  # 1 for each character of a chunk
    for chunk in cut.chunks:
        inside[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    dropped = sorted((c.end, c.start, mark) for c, mark in cut.dropped)
    for block in document.blocks:
        if block.kind in options.skipped_kinds:
            inside[block.start : block.end] = bytes(block.end - block.start)
        for start, end in (run.span() for run in OUTSIDE.finditer(inside, block.start, block.end)):
            if document.text[start:end].strip():
                at = bisect_right(dropped, (start, end))  # the first that ends after the start of the span
                is_dropped = at < len(dropped) and dropped[at][1] < end
                why = f"dropped for its mark: {dropped[at][2]}" if is_dropped else _why(block.kind, options)
                yield UnchunkedSpan(start, end, block.kind, why)


def _why(kind: BlockKind, options: ChunkingOptions) -> str:
    if kind in options.skipped_kinds:
        return "skipped_kinds"
    rule = {BlockKind.TABLE: ("tables", options.tables), BlockKind.CODE: ("code", options.code)}.get(kind, ("", ""))
    return f"{rule[0]}: skip" if rule[1] == "skip" else "in no chunk"
