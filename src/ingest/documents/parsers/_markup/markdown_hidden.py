"""Text hidden by HTML inside Markdown: `<span style="display:none">`, `<div hidden>`, also across several blocks.

The text is the file itself, so hidden parts of paragraphs and HTML blocks become separate blocks, tags included. Lists,
tables, quotes and headings are marked only when the whole of them is inside a hidden element; hidden parts of their
lines are not marked. Style sheets are ignored.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.records import Block, BlockKind

_HINTS = ("style", "hidden", "<font")
_TAG = re.compile(r"(?<!\\)<(?P<end>/?)(?P<name>[a-z][a-z0-9-]*)(?P<rest>(?:[\s/][^<>]*)?)>|(?P<ticks>`+)", re.I)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_AROUND = frozenset(("div", "section", "article", "aside", "details", "main", "header", "footer", "nav", "center"))
_SILENT = (BlockKind.CODE, BlockKind.METADATA)


class _Tag(NamedTuple):
    start: int
    end: int
    name: str
    closes: bool
    hides: bool


def mark_hidden(text: str, blocks: list[Block]) -> list[Block]:
    """Return the blocks with hidden text cut out and marked; the same list when nothing can be hidden."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return blocks
    spans = _spans(text, blocks)
    if not spans:
        return blocks
    marked: list[Block] = []
    at = 0
    for block in blocks:
        while at < len(spans) and spans[at][1] <= block.start:
            at += 1
        inside = at
        pieces: list[Block] = []
        done = block.start
        while inside < len(spans) and spans[inside][0] < block.end:
            start, end = max(spans[inside][0], block.start), min(spans[inside][1], block.end)
            pieces += [*_piece(text, block, done, start), *_piece(text, block, start, end, hidden=True)]
            done = end
            inside += 1
        whole = len(pieces) == 1 and pieces[0].marks and not text[done : block.end].strip()
        if not pieces or (block.kind is not BlockKind.PARAGRAPH and not whole):
            marked.append(block)
        else:
            marked += [*pieces, *_piece(text, block, done, block.end)]
    return marked


def _piece(text: str, block: Block, start: int, end: int, *, hidden: bool = False) -> list[Block]:
    """Return a trimmed part of a block, or nothing. A hidden heading starts no section."""
    part = text[start:end]
    if not part.strip():
        return []
    end -= len(part) - len(part.rstrip())
    start += len(part) - len(part.lstrip())
    breaks = tuple(place for place in block.breaks if start < place < end)
    found = replace(block, start=start, end=end, breaks=breaks)
    if not hidden:
        return [found]
    if block.kind is BlockKind.HEADING:
        found = replace(found, kind=BlockKind.PARAGRAPH, level=0, title="")
    return [replace(found, marks=("hidden",))]


def _spans(text: str, blocks: list[Block]) -> list[tuple[int, int]]:
    """Return the spans of hidden elements in order. Unclosed ones end with their block, containers with the text."""
    spans: list[tuple[int, int]] = []
    start, name, depth = -1, "", 0
    for block in blocks:
        if block.kind in _SILENT:
            continue
        for tag in _tags(text, block):
            if start < 0:
                if tag.hides and block.kind is BlockKind.PARAGRAPH:
                    start, name, depth = tag.start, tag.name, 1
            elif tag.name == name:
                depth += -1 if tag.closes else 1
                if not depth:
                    spans.append((start, tag.end))
                    start = -1
        if start >= 0 and name not in _AROUND:
            spans.append((start, block.end))
            start = -1
    return spans if start < 0 else [*spans, (start, len(text))]


def _tags(text: str, block: Block) -> Iterator[_Tag]:
    """Yield the tags of a block that are not inside code spans."""
    found = list(_TAG.finditer(text, block.start, block.end))
    ticks: dict[int, list[int]] = {}
    for match in found:
        if match["ticks"]:
            ticks.setdefault(len(match["ticks"]), []).append(match.start())
    code = block.start
    for match in found:
        if match.start() < code:
            continue
        if match["ticks"]:
            runs = ticks[len(match["ticks"])]
            following = bisect_right(runs, match.start())
            if following < len(runs):
                code = runs[following] + len(match["ticks"])
            continue
        name = match["name"].lower()
        if name not in _VOID and not match["rest"].endswith("/"):
            hides = not match["end"] and _hides(match.group(), match["rest"].lower())
            yield _Tag(match.start(), match.end(), name, bool(match["end"]), hides)


def _hides(tag: str, rest: str) -> bool:
    """Return whether an element with this opening tag is hidden; JSX expressions are not evaluated."""
    if "{" in rest or not any(word in rest for word in ("style", "hidden", "color")):
        return False
    from lxml import etree

    root = etree.HTML(tag)
    if root is None:
        return False
    *_, element = root.iter()
    return Hiding(root)(element)
