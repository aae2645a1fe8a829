"""Blocks to sections, and sections to groups: the stretches of a document that no chunk crosses."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, takewhile

from ingest.errors import MalformedDocument
from ingest.records import Block, BlockKind, ChunkingOptions, Document

HIDDEN = "hidden"  # mark of blocks that a reader of the document does not see

Path = tuple[str, ...]
_SEEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks under one heading, the heading itself first (the preamble has none)."""

    path: Path  # titles from the top level down to this heading
    blocks: tuple[Block, ...]
    border: bool  # no chunk crosses its start
    wall: bool = False  # nor does a heading without a body: hidden text or skipped blocks begin or end here

    @property
    def has_body(self) -> bool:
        """Whether there is more than the heading."""
        return self.blocks[-1].kind is not BlockKind.HEADING


@dataclass(frozen=True)
class Group:
    """Neighbouring sections that are chunked together; only the first can have a border."""

    sections: tuple[Section, ...]
    border: bool

    @property
    def start(self) -> int:
        """Where the first block starts."""
        return self.sections[0].blocks[0].start

    @property
    def end(self) -> int:
        """Where the last block ends."""
        return self.sections[-1].blocks[-1].end

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in order."""
        return tuple(block for section in self.sections for block in section.blocks)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The distinct heading paths of the sections, in order."""
        return tuple(dict.fromkeys(section.path for section in self.sections))

    def at(self, position: int) -> tuple[Block, Block | None]:
        """Return the last block that starts at or before `position`, and the one before it."""
        i = bisect_right(self._starts[0], position) - 1
        return self.blocks[i], self.blocks[i - 1] if i else None

    def covered(self, start: int, end: int) -> tuple[Section, ...]:
        """Return the sections that overlap [start, end), which starts and ends inside blocks."""
        starts = self._starts[1]
        return self.sections[bisect_right(starts, start) - 1 : bisect_left(starts, end)]

    @cached_property
    def _starts(self) -> tuple[list[int], list[int]]:  # of blocks, and of sections
        return [block.start for block in self.blocks], [section.blocks[0].start for section in self.sections]


def groups(
    sections: Sequence[Section], options: ChunkingOptions, measure: Callable[[Group], tuple[int, int]]
) -> list[Group]:
    """Return the groups of a document's sections in order. `measure` returns the size of a group's text and its room.

    A bare heading joins what follows (at the end: what precedes). Below `split_level`, neighbours merge while one has
    less than `min_tokens`: a small one absorbs the next if both fit into one chunk, a larger one up to `target_tokens`.
    """
    merged: list[Group] = []
    for group in _with_body(sections):
        if merged and not group.border and _belong_together(merged[-1], group, options, measure):
            merged[-1] = _joined(merged[-1], group)
        else:
            merged.append(group)
    return merged


def _belong_together(
    first: Group, second: Group, options: ChunkingOptions, measure: Callable[[Group], tuple[int, int]]
) -> bool:
    small = [measure(group)[0] < options.min_tokens for group in (first, second)]
    if not any(small):
        return False
    size, room = measure(_joined(first, second))
    return size <= (room if small[0] else min(room, options.target_tokens))


def common_path(paths: Sequence[Path]) -> Path:
    """Return the longest path with which all of them begin."""
    shared = takewhile(lambda titles: len(set(titles)) == 1, zip(*paths, strict=False))
    return tuple(title for title, *_ in shared)


def _joined(first: Group, second: Group) -> Group:
    return Group(first.sections + second.sections, first.border)


def _with_body(sections: Sequence[Section]) -> list[Group]:
    """Return one group per section with a body, together with the bare headings before it."""
    found: list[Group] = []
    waiting: list[Section] = []
    for section in sections:
        if section.wall and waiting:
            found.append(Group(tuple(waiting), True))
            waiting = []
        waiting.append(section)
        if section.has_body:
            found.append(Group(tuple(waiting), any(s.border for s in waiting)))
            waiting = []
    if waiting:
        bare = Group(tuple(waiting), True)
        found[-1:] = [_joined(found[-1], bare)] if found and not waiting[0].wall else [*found[-1:], bare]
    return found


def sections_of(document: Document, options: ChunkingOptions) -> Iterator[Section]:
    """Yield the sections. Skipped blocks are left out; all but metadata end the section before them.

    Hidden text has its own sections, and its headings count as paragraphs: nobody sees them.

    Raises: MalformedDocument when blocks overlap or leave the text.
    """
    titles: dict[int, str] = {}  # by level; a heading removes those of its own level and below
    blocks: list[Block] = []
    border, wall = True, False
    path: Path = ()
    for block, behind_wall in _kept(document, options):
        if blocks and (behind_wall or block.kind is BlockKind.HEADING):
            yield Section(path, tuple(blocks), border, wall)
            blocks, border, wall = [], behind_wall, behind_wall
        if block.kind is BlockKind.HEADING:
            titles = {level: title for level, title in titles.items() if level < block.level}
            titles[block.level] = block.title
            path = tuple(title for _, title in sorted(titles.items()) if title)
            border = border or block.level <= options.split_level
        blocks.append(block)
    if blocks:
        yield Section(path, tuple(blocks), border, wall)


def _kept(document: Document, options: ChunkingOptions) -> Iterator[tuple[Block, bool]]:
    """Yield the blocks with text to embed, and for each whether a wall comes directly before it."""
    skipped = set(options.skipped_kinds)
    skipped |= {kind for kind, policy in (("table", options.tables), ("code", options.code)) if policy == "skip"}
    reached, wall, hidden = 0, False, False
    for block in document.blocks:
        if block.start < reached or block.end < block.start or block.end > len(document.text):
            raise MalformedDocument(
                f"parser {document.parser}: block {block.kind} [{block.start}, {block.end}) overlaps the one before, "
                f"which ends at {reached}, or leaves the text of {len(document.text)} code points"
            )
        reached = block.end
        if block.kind in skipped:
            wall = wall or block.kind is not BlockKind.METADATA
        elif not document.text[block.start : block.end].isspace() and block.end > block.start:
            changes, hidden = hidden is not (HIDDEN in block.marks), HIDDEN in block.marks
            unseen = hidden and block.kind is BlockKind.HEADING
            yield replace(block, kind=BlockKind.PARAGRAPH) if unseen else block, wall or changes
            wall = False


def embedded_text(document: Document, options: ChunkingOptions) -> str:
    """Return the text with blanks for blocks of kinds that are not embedded, each character in its place."""
    skipped = (block for block in document.blocks if block.kind in options.skipped_kinds)
    edges = pairwise([0, *(edge for block in skipped for edge in (block.start, block.end)), len(document.text)])
    parts = enumerate(document.text[start:end] for start, end in edges)  # in turn embedded and not
    return "".join(_SEEN.sub(lambda match: " " * len(match[0]), part) if i % 2 else part for i, part in parts)
