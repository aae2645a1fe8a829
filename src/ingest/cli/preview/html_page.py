"""A view as one HTML page that loads nothing and runs nothing.

The only style that a browser applies is the one whose hash is in the page's content security policy, so markup that
slipped through the escaping would still do nothing.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources

from ingest.cli.output import size
from ingest.cli.preview.comparison import own_parts, stretches
from ingest.cli.preview.cut import Cut, LeftOut, Section, sections
from ingest.cli.preview.terminal import comparison_rows
from ingest.cli.preview.view import View
from ingest.cli.preview.visible_text import Mask, name_of, one_line, runs, visible
from ingest.records import Chunk

CHARACTERS = 2_000_000  # of canonical text on one page
SECTIONS = 2_000  # headings in the navigation
DEEPEST = 8  # headings further down are not indented further
TEMPLATE, STYLE = "page.html.j2", "page.css"


@dataclass(frozen=True)
class Row:
    """A chunk with its own part of the text, or a stretch of text that is in no chunk."""

    pieces: tuple[tuple[str, str], ...]  # class of a span ("" for plain text), text
    number: int = 0  # 0: in no chunk
    chunk: Chunk | None = None
    context_tokens: int = 0
    path: str = ""
    context: str = ""
    overlap: int = 0  # characters that it shares with the previous chunk and that are shown there
    why: str = ""  # the reason that it is in no chunk
    same: bool = True  # in a comparison: it is on the other side too


@dataclass(frozen=True)
class Pair:
    """What is shown side by side in a comparison."""

    here: tuple[Row, ...]
    there: tuple[Row, ...]

    @property
    def same(self) -> bool:
        """Whether both sides are equal."""
        return all(row.same for row in (*self.here, *self.there))


def rendered(view: View, characters: int = CHARACTERS) -> str:
    """Return the page. Text beyond the first `characters` is left out, and the page says so."""
    from jinja2 import Environment, StrictUndefined

    folder = resources.files("ingest.cli.preview")
    style = folder.joinpath(STYLE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(folder.joinpath(TEMPLATE).read_text(encoding="utf-8"))
    here, beyond = _within(view.here, characters)
    rows = list(_rows(here, view.mask))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return template.render(
        style=style,
        style_hash=f"sha256-{digest}",
        cut=here,
        whole=view.here,
        facts=_facts(view),
        rows=rows,
        sections=_navigation(here, view.mask),
        beyond=beyond,
        characters=characters,
        pairs=list(_pairs(view, here, characters)),
        figures=_figures(view),
        compared=view.compared,
        there=view.there,
    )


def _within(cut: Cut, characters: int) -> tuple[Cut, int]:
    """Return a cut without the chunks that end beyond a limit, and the number of those chunks."""
    kept = tuple(chunk for chunk in cut.chunks if chunk.end <= characters)
    left = tuple(part for part in cut.left_out if part.end <= characters)
    return replace(cut, chunks=kept, left_out=left), len(cut.chunks) - len(kept)


def _rows(cut: Cut, mask: Mask, same: frozenset[int] | None = None) -> Iterator[Row]:
    """Yield chunks and what is in none, in order of the text.

    Args:
        cut: What is shown.
        mask: Hides its secrets.
        same: Positions of the chunks that are on the other side of a comparison too; None: there is no other side.
    """
    left = sorted(cut.left_out, key=lambda part: part.start)
    parts = own_parts(cut.chunks)
    at = 0
    for position, (chunk, (start, end)) in enumerate(zip(cut.chunks, parts, strict=True)):
        while at < len(left) and left[at].start < start:
            yield _greyed(left[at], mask)
            at += 1
        shared = parts[position + 1][0] - cut.chunks[position + 1].start if position + 1 < len(parts) else 0
        split = max(start, end - shared) if shared else end
        pieces = (*_pieces(mask.slice(start, split), ""), *_pieces(mask.slice(split, end), "overlap"))
        yield Row(
            pieces,
            position + 1,
            chunk,
            cut.context_tokens[position],
            visible(" > ".join(map(mask.words, chunk.heading_path))),
            visible(mask.words(chunk.context)),
            start - chunk.start,
            same=same is None or position in same,
        )
    yield from (_greyed(part, mask) for part in left[at:])


def _greyed(part: LeftOut, mask: Mask) -> Row:
    return Row(tuple(_pieces(mask.slice(part.start, part.end), "")), why=f"{part.kind.value}: {part.why}")


def _pieces(text: str, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the text in spans of one class, with invisible characters written out as `control`."""
    for hidden, run in runs(text):
        if hidden:
            yield f"control {kind}".strip(), "".join(map(name_of, run))
        else:
            yield kind, run


def _navigation(cut: Cut, mask: Mask) -> list[tuple[int, str, Section]]:
    """Return depth, title and section of the headings that have a chunk to link to."""
    found = [s for s in sections(cut) if s.chunks or s.chunks_below][:SECTIONS]
    return [(min(s.depth, DEEPEST), one_line(mask.words(s.title)) or "(before the first heading)", s) for s in found]


def _facts(view: View) -> list[tuple[str, str]]:
    cut, document = view.here, view.here.document
    facts = [("uri", one_line(cut.raw.ref.uri)), ("read from", view.origin), ("size", size(len(cut.raw.data)))]
    if document is not None:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in cut.kinds.items())
        tokens = cut.tokens
        facts += [
            ("media type", f"{one_line(document.media_type)}, parser {one_line(document.parser)}"),
            ("text", f"{len(document.text):,} characters, {len(document.blocks):,} blocks: {kinds}"),
            (
                "chunks",
                f"{len(cut.chunks):,}, {tokens.total:,} tokens; {tokens.least:,} to {tokens.most:,}, median "
                f"{tokens.median:,}",
            ),
            ("marks", ", ".join(f"{mark} {count:,}" for mark, count in cut.marks.items()) or "none"),
            ("documents inside", f"{len(document.children):,}"),
            ("model", one_line(cut.model)),
        ]
    return facts


def _figures(view: View) -> list[tuple[str, str, str]]:
    if view.compared is None or view.there is None:
        return []
    rows = comparison_rows(view.here, view.there, view.compared)
    return [(name, *(f"{v:,}" if isinstance(v, int) else str(v) for v in values)) for name, *values in rows]  # type: ignore[misc]


def _pairs(view: View, here: Cut, characters: int) -> Iterator[Pair]:
    """Yield what is shown side by side; nothing without a comparison."""
    if view.compared is None or view.there is None:
        return
    there = _within(view.there, characters)[0]
    equal = view.compared.equal
    left = _numbered(_rows(here, view.mask, frozenset(i for i, _ in equal)))
    right = _numbered(_rows(there, view.mask_there, frozenset(j for _, j in equal)))
    for ours, theirs in stretches(here, there, view.compared):
        yield Pair(tuple(left[i + 1] for i in ours), tuple(right[j + 1] for j in theirs))


def _numbered(rows: Iterator[Row]) -> dict[int, Row]:
    return {row.number: row for row in rows if row.number}
