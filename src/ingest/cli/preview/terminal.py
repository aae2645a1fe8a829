"""A preview for people at a terminal."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ingest.cli.output import size
from ingest.cli.preview.comparison import Comparison, comparison_rows, differing
from ingest.cli.preview.document_preview import DocumentPreview, sections
from ingest.cli.preview.view import BEFORE_ALL, NEITHER, TITLE, facts
from ingest.cli.preview.visible_text import one_line, visible
from ingest.cli.tables import more, table
from ingest.records import Child, Chunk

COLOURS = ("cyan", "magenta")  # of neighbouring chunks
SECTIONS, PARTS, DIFFERENCES = 200, 30, 40  # lines shown: headings, text in no chunk, differing chunks
SHORT = 4  # lines; a chunk with at most this many is shown whole
Draw = Callable[[Chunk, str, str], Text]  # a chunk, its name, its colour


def drawn(
    here: DocumentPreview, compared: Comparison | None, span: tuple[int, int], full: bool, width: int
) -> Iterator[RenderableType]:
    """Yield what is shown, from top to bottom: chunks from the first to the last number of `span`, in `width` columns.

    `full`: whole texts of chunks, not only their first and last lines.
    """
    draw = partial(_chunk, full=full, width=width)
    head = Table.grid(padding=(0, 2))
    for name, value in facts(here):
        head.add_row(Text(name, style="dim"), Text(value))
    yield head
    if here.refusal is not None:
        yield Text(f"\nA run would quarantine it (stage: {here.refusal.stage}).", style="bold red")
        yield Text(one_line(str(here.refusal)), style="red")
    if compared is not None:
        yield from _comparison(here, compared, draw)
    elif here.document.parser:
        yield from _tree(here)
        yield from _chunks(here, span, draw)
        yield from _left_out(here, width)
        yield from _children(here.document.children)


def _tree(preview: DocumentPreview) -> Iterator[RenderableType]:
    found = sections(preview)
    root = Tree(Text("\nHeadings", style="bold"))
    nodes: list[Tree] = []
    for section in found[:SECTIONS]:
        text = Text(one_line(section.title, TITLE) or BEFORE_ALL)
        chunks = "chunk" if section.chunks_below == 1 else "chunks"
        text.append(f"  {section.chunks_below:,} {chunks}, {section.tokens_below:,} tokens", style="dim")
        nodes.append((root if section.parent is None else nodes[section.parent]).add(text))
    yield root
    yield from more(found, SECTIONS, "more headings")


def _chunks(preview: DocumentPreview, span: tuple[int, int], draw: Draw) -> Iterator[RenderableType]:
    count = len(preview.chunks)
    first, last = max(span[0], 1), min(span[1], count)
    if first <= last:
        yield Text("\nChunks", style="bold")
    for number in range(first, last + 1):
        chunk, context = preview.chunks[number - 1], preview.context_tokens[number - 1]
        name = f"{number} ── {chunk.start:,}–{chunk.end:,} ── {chunk.tokens:,} + {context:,} tokens"
        yield draw(chunk, name, COLOURS[number % len(COLOURS)])
    if (shown := max(0, last - first + 1)) < count:
        yield f"\n{shown:,} of {count:,} chunks shown; --chunks all shows all"


def _chunk(chunk: Chunk, name: str, colour: str, *, full: bool, width: int) -> Text:
    text = Text(f"── {name} ", style=colour)
    if chunk.page is not None:
        text.append(f"── page {chunk.page} ")
    if chunk.parent is not None:
        text.append(f"── shown with {chunk.parent[0]:,}–{chunk.parent[1]:,} ")
    if chunk.unread:
        text.append(f"── {chunk.unread:.0%} unread ")
    if chunk.marks:
        text.append(f"── {', '.join(map(one_line, chunk.marks))} ", style="bold red")
    text.append("─" * max(2, width - len(text)), style=colour)
    path = " > ".join(map(one_line, chunk.heading_path))
    text.append(f"\n   {path}" if path else "", style="bold")
    context = one_line(chunk.context, max(20, width - 15))
    if context and context != path:
        text.append(f"\n   context: {context}", style="dim")
    for line in _lines(chunk.text, max(20, width - 5), full=full):
        text.append("\n ┃ ", style=colour).append(line)
    return text


def _lines(text: str, width: int, *, full: bool) -> list[str]:
    """Return the lines of a chunk, or its first line, how many are left out, and the end of its last line."""
    lines = [line for line in visible(text).split("\n") if full or line.strip()]
    if full or (len(lines) <= SHORT and all(len(line) <= width for line in lines)):
        return lines
    first, last = lines[0], lines[-1]
    between = [f"… {len(lines) - 2:,} more …"] if len(lines) > 2 else []
    head = first if len(first) <= width else f"{first[: width - 1]}…"
    return [head, *between, last if len(last) <= width else f"…{last[-(width - 1) :]}"]


def _left_out(preview: DocumentPreview, width: int) -> Iterator[RenderableType]:
    if preview.left_out:
        rows = []
        for part in preview.left_out[:PARTS]:
            text = one_line(preview.slice(part.start, part.end)[: 4 * width], max(20, width - 70))
            rows.append((part.kind.value, part.why, f"{part.start:,}–{part.end:,}", text))
        yield table("In no chunk", ("block", "why", "characters", "text"), rows, left=4)
        yield from more(preview.left_out, PARTS)


def _children(children: Sequence[Child]) -> Iterator[RenderableType]:
    if children:
        rows = [(one_line(c.path), one_line(c.media_type) or NEITHER, size(len(c.data))) for c in children[:PARTS]]
        yield table("Documents inside", ("path", "claimed type", "size"), rows, left=2)
        yield "--child PATH shows one of them."
        yield from more(children, PARTS)


def _comparison(here: DocumentPreview, found: Comparison, draw: Draw) -> Iterator[RenderableType]:
    there = found.there
    yield table("Comparison", ("", "here", "there"), comparison_rows(here, found))
    if there.refusal is not None:
        yield Text(f"The other settings would quarantine it: {one_line(str(there.refusal))}", style="red")
    if not found.same_text:
        yield "The canonical texts differ (other parser options): chunks are compared by text, not by span."
    if not found.same_model:
        yield f"The models differ, {one_line(here.model)} and {one_line(there.model)}: every vector must be recomputed."
    every = differing(here, found)
    for at, ours, chunk in every[:DIFFERENCES]:
        where, colour = ("- only here", "red") if ours else ("+ only there", "green")
        name = f"{where} ── {at + 1} ── {chunk.start:,}–{chunk.end:,} ── {chunk.tokens:,} tokens"
        yield draw(chunk, name, colour)
    yield from more(every, DIFFERENCES, "more chunks that differ")
