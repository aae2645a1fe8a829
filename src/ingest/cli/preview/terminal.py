"""A view for people at a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.cli.output import size
from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.cut import Cut, Section, Tokens, sections
from ingest.cli.preview.view import View
from ingest.cli.preview.visible_text import Mask, one_line, visible
from ingest.cli.tables import table
from ingest.records import Chunk

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

COLOURS = ("cyan", "magenta")  # of neighbouring chunks
SECTIONS, PARTS, DIFFERENCES = 200, 30, 40  # lines shown of headings, of what is left out, of chunks that differ
SHORT = 4  # lines; a chunk with no more than this is shown whole
TITLE = 80  # characters
NEITHER = "–"


@dataclass(frozen=True)
class Manner:
    """How much is shown."""

    span: tuple[int, int] = (1, 50)  # first and last number of the chunks to show, from 1
    full: bool = False  # whole texts of chunks, not only their first and last lines
    width: int = 120  # columns of the terminal


def drawn(view: View, manner: Manner) -> "Iterator[RenderableType]":
    """Yield what people see, from top to bottom."""
    cut = view.here
    yield _head_table(view)
    if cut.refusal is not None:
        yield _styled(f"\nQuarantined while a run would {cut.refusal.stage} it.", "bold red")
        yield _styled(f"{cut.refusal.error}: {one_line(cut.refusal.message)}", "red")
    if view.compared is not None:
        yield from _comparison(view, view.compared, manner)
        return
    if cut.document is None:
        return
    yield from _tree(cut, view.mask)
    yield from _chunks(cut, view.mask, manner)
    yield from _parts(cut, view.mask, manner.width)
    yield from _children(cut)


def _head_table(view: View) -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in _head(view):
        grid.add_row(Text(name, style="dim"), Text(value))
    return grid


def _head(view: View) -> list[tuple[str, str]]:
    cut, ref, document = view.here, view.here.raw.ref, view.here.document
    rows = [("uri", one_line(ref.uri)), ("read from", view.origin)]
    rows.append(("size", size(max(len(cut.raw.data), ref.size))))
    if document is None:
        return rows
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in cut.kinds.items()) or NEITHER
    rows.append(("media type", f"{one_line(document.media_type)}, parser {one_line(document.parser)}"))
    rows.append(("title", one_line(view.mask.words(ref.title or document.title), TITLE) or NEITHER))
    rows.append(("language", one_line(document.language) or NEITHER))
    rows.append(("text", f"{len(document.text):,} characters in {len(document.blocks):,} blocks: {kinds}"))
    rows.append(("chunks", f"{len(cut.chunks):,}, {_tokens(cut.tokens)}"))
    marks = ", ".join(f"{mark} {count:,}" for mark, count in cut.marks.items())
    rows.append(("marks", f"{marks}; dropped {len(cut.dropped):,}" if marks else NEITHER))
    if document.children:
        rows.append(("documents inside", f"{len(document.children):,}"))
    rows.append(("time", f"parse {cut.parse_seconds:.3f} s, chunk {cut.chunk_seconds:.3f} s"))
    rows.append(("model", one_line(cut.model)))
    return rows


def _tokens(tokens: Tokens) -> str:
    return (
        f"{tokens.total:,} tokens: at least {tokens.least:,}, median {tokens.median:,}, p90 {tokens.p90:,}, "
        f"at most {tokens.most:,}"
    )


def _tree(cut: Cut, mask: Mask) -> "Iterator[RenderableType]":
    from rich.text import Text
    from rich.tree import Tree

    found = sections(cut)
    root = Tree(Text("\nHeadings", style="bold"))
    nodes: list[Tree] = []
    for section in found[:SECTIONS]:
        parent = root if section.parent is None else nodes[section.parent]
        nodes.append(parent.add(_section(section, mask)))
    yield root
    if len(found) > SECTIONS:
        yield f"… and {len(found) - SECTIONS:,} more headings; --json shows all"


def _section(section: Section, mask: Mask) -> "Text":
    from rich.text import Text

    text = Text(one_line(mask.words(section.title), TITLE) or "(before the first heading)")
    chunks = "chunk" if section.chunks_below == 1 else "chunks"
    return text.append(f"  {section.chunks_below:,} {chunks}, {section.tokens_below:,} tokens", style="dim")


def _chunks(cut: Cut, mask: Mask, manner: Manner) -> "Iterator[RenderableType]":
    first, last = max(manner.span[0], 1), min(manner.span[1], len(cut.chunks))
    if first <= last:
        yield _styled("\nChunks", "bold")
    for number in range(first, last + 1):
        chunk, context = cut.chunks[number - 1], cut.context_tokens[number - 1]
        name = f"{number} ── {chunk.start:,}–{chunk.end:,} ── {chunk.tokens:,} + {context:,} tokens"
        yield _chunk(chunk, name, COLOURS[number % len(COLOURS)], mask, manner)
    if (shown := max(0, last - first + 1)) < len(cut.chunks):
        yield f"\n{shown:,} of {len(cut.chunks):,} chunks shown; --chunks all shows every one"


def _chunk(chunk: Chunk, name: str, colour: str, mask: Mask, manner: Manner) -> "Text":
    from rich.text import Text

    text = Text(f"── {name} ", style=colour)
    if chunk.page is not None:
        text.append(f"── page {chunk.page} ")
    if chunk.parent is not None:
        text.append(f"── shown with {chunk.parent[0]:,}–{chunk.parent[1]:,} ")
    if chunk.marks:
        text.append(f"── {', '.join(map(one_line, chunk.marks))} ", style="bold red")
    text.append("─" * max(2, manner.width - len(text)), style=colour)
    path = " > ".join(one_line(mask.words(title)) for title in chunk.heading_path)
    text.append(f"\n   {path}" if path else "", style="bold")
    context = one_line(mask.words(chunk.context), max(20, manner.width - 15))
    if context and context != path:
        text.append(f"\n   context: {context}", style="dim")
    for line in _lines(mask.slice(chunk.start, chunk.end), max(20, manner.width - 5), full=manner.full):
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
    tail = last if len(last) <= width else f"…{last[-(width - 1) :]}"
    return [head, *between, tail] if len(lines) > 1 or len(first) > width else [head]


def _parts(cut: Cut, mask: Mask, width: int) -> "Iterator[RenderableType]":
    if not cut.left_out:
        return
    rows = [
        (
            part.kind.value,
            part.why,
            f"{part.start:,}–{part.end:,}",
            one_line(mask.slice(part.start, part.end)[: 4 * width], max(20, width - 70)),
        )
        for part in cut.left_out[:PARTS]
    ]
    yield table("In no chunk", ("block", "why", "characters", "text"), rows, left=4)
    if len(cut.left_out) > PARTS:
        yield f"… and {len(cut.left_out) - PARTS:,} more; --json shows all"


def _children(cut: Cut) -> "Iterator[RenderableType]":
    children = cut.document.children if cut.document else ()
    if not children:
        return
    rows = [(one_line(c.path), one_line(c.media_type) or NEITHER, size(len(c.data))) for c in children[:PARTS]]
    yield table("Documents inside", ("path", "claimed type", "size"), rows, left=2)
    yield "--child PATH shows one of them."
    if len(children) > PARTS:
        yield f"… and {len(children) - PARTS:,} more; --json shows all"


def _comparison(view: View, found: Comparison, manner: Manner) -> "Iterator[RenderableType]":
    here, there = view.here, view.there
    assert there is not None
    yield table("Comparison", ("", "here", "there"), comparison_rows(here, there, found))
    if there.refusal is not None:
        yield _styled(f"There it would be quarantined: {there.refusal.error}: {one_line(there.refusal.message)}", "red")
    if not found.same_text:
        yield "The canonical texts differ (other options of the parser): chunks are compared by text, not by span."
    if not found.same_model:
        yield f"The models differ, {one_line(here.model)} and {one_line(there.model)}: every vector is computed again."
    differing: list[tuple[int, bool, int]] = [(here.chunks[i].start, False, i) for i in found.only_here]
    differing += [(there.chunks[j].start, True, j) for j in found.only_there]
    for _, is_there, at in sorted(differing)[:DIFFERENCES]:
        chunk = (there if is_there else here).chunks[at]
        where, colour = ("+ only there", "green") if is_there else ("- only here", "red")
        name = f"{where} ── {at + 1} ── {chunk.start:,}–{chunk.end:,} ── {chunk.tokens:,} tokens"
        yield _chunk(chunk, name, colour, view.mask_there if is_there else view.mask, manner)
    if len(differing) > DIFFERENCES:
        yield f"… and {len(differing) - DIFFERENCES:,} more chunks that differ; --html or --json shows all"


def comparison_rows(here: Cut, there: Cut, found: Comparison) -> list[tuple[str, Any, Any]]:
    """Return the figures of both sides, row by row."""
    ours, theirs = here.tokens, there.tokens
    names = ("total", "least", "median", "p90", "most")
    return [
        ("chunks", len(here.chunks), len(there.chunks)),
        ("equal", len(found.equal), len(found.equal)),
        ("equal, but in another context", found.other_context, found.other_context),
        ("only on this side", len(found.only_here), len(found.only_there)),
        *((f"tokens, {name}", getattr(ours, name), getattr(theirs, name)) for name in names),
        ("characters in no chunk", _left(here), _left(there)),
        ("texts to embed anew", NEITHER, f"{found.embedded_anew:,} of {found.texts_there:,}"),
    ]


def _left(cut: Cut) -> int:
    return sum(part.end - part.start for part in cut.left_out)


def _styled(text: str, style: str) -> "Text":
    from rich.text import Text

    return Text(text, style=style)
