"""Text hidden by HTML inside Markdown: `<span style="display:none">`, `<div hidden>`, also across several blocks.

The text is the file itself, so hidden parts become separate blocks, tags included. What a control in the same file
opens is not hidden. A heading keeps what is left of its title. Style sheets are ignored.
"""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_tree import tree
from ingest.documents.parsers._markup.markdown_html import TAG, html_title
from ingest.documents.parsers._markup.markdown_syntax import heading_content, plain_title
from ingest.documents.parsers._markup.markdown_tables import part_of
from ingest.documents.parsers._reading.assembly import MAX_TITLE
from ingest.records import Block, BlockKind

_HINTS = re.compile(r"<[a-z][^<>]*?(?:style|hidden|color|popover)", re.I)  # where a tag begins that may hide
_CACHED = 500  # characters; whether longer tags hide is not remembered
_CELL_END = re.compile(r"(?<!\\)\||\n")
_CONTROLS = frozenset(("a", "button", "summary", "label", "li", "div", "span", "dt", "h2", "h3", "h4"))
_ITEMS, _CELLS = (("li",), ("ul", "ol")), (("td", "th", "tr"), ("tr", "table", "tbody", "thead"))
_IMPLIED = {  # elements whose end tag may be left out → start tags and end tags that end them
    "li": _ITEMS,
    "td": _CELLS,
    "th": _CELLS,
    "tr": (("tr",), ("table", "tbody", "thead", "tfoot")),
    "dd": (("dd", "dt"), ("dl",)),
    "dt": (("dd", "dt"), ("dl",)),
}
_TAG = re.compile(
    r"(?<!\\)<(?P<end>/?)(?P<name>[a-z][a-z0-9-]*)(?P<rest>(?:[\s/][^<>]*)?)>|(?P<ticks>`+)|(?P<comment><!--)", re.I
)
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
    if not any(_hides(tag.group(), tag["rest"].lower()) for tag in _hinting(text)):
        return blocks
    spans = _spans(text, blocks)
    if not spans:
        return blocks
    marked: list[Block] = []
    at = 0
    for block in blocks:
        while at < len(spans) and spans[at][1] <= block.start:
            at += 1
        inside, cuts = at, []
        while inside < len(spans) and spans[inside][0] < block.end:
            cuts.append((max(spans[inside][0], block.start), min(spans[inside][1], block.end)))
            inside += 1
        marked += _pieces(text, block, cuts) if cuts and block.kind not in _SILENT else [block]
    return marked


def _hinting(text: str) -> Iterator[re.Match[str]]:
    """Yield the start tags in a text, code and comments included, with a word that hides text."""
    for hint in _HINTS.finditer(text):
        tag = _TAG.match(text, hint.start())
        if tag is not None and tag["name"] and not tag["end"]:
            yield tag


def _pieces(text: str, block: Block, cuts: list[tuple[int, int]]) -> list[Block]:
    """Return the parts of a block inside and outside of what is hidden."""
    done = block.start
    parts: list[Block] = []
    for start, end in [*cuts, (block.end, block.end)]:
        parts += part_of(text, block, done, start)
        parts += [_hidden(part) for part in part_of(text, block, start, end)]
        done = end
    if block.kind is BlockKind.HEADING:
        return _with_title(text, block, parts)
    return [part if part.marks or _is_worded(text, part) else _unread(part) for part in parts]


def _unread(part: Block) -> Block:
    """Return a part with nothing but markup, such as the opening tag of a table, as what is not embedded."""
    return replace(part, kind=BlockKind.METADATA, breaks=(), header_end=0)


def _hidden(part: Block) -> Block:
    """Return a part with the mark. A hidden heading starts no section."""
    kind = BlockKind.PARAGRAPH if part.kind is BlockKind.HEADING else part.kind
    return replace(part, kind=kind, level=0 if kind is not part.kind else part.level, title="", marks=("hidden",))


def _with_title(text: str, heading: Block, parts: list[Block]) -> list[Block]:
    """Return the parts of a heading: the first with visible words is the heading, with all of them as its title."""
    seen = [part for part in parts if not part.marks]
    mark = text[heading.start : heading.end].lstrip()[:2].lower()
    source = (" " if mark[:1] == "#" else "\n").join(text[part.start : part.end] for part in seen)
    title = html_title(source) if mark == "<h" else plain_title(heading_content(source))
    named = next((part for part in seen if title and _is_worded(text, part)), None)
    found = []
    for part in parts:
        if part is named:
            found.append(replace(part, title=title[:MAX_TITLE]))
        elif part.marks:
            found.append(part)
        else:
            kind = BlockKind.PARAGRAPH if _is_worded(text, part) else BlockKind.METADATA
            found.append(replace(part, kind=kind, level=0, title=""))
    return found


def _is_worded(text: str, part: Block) -> bool:
    return any(character.isalnum() for character in TAG.sub("", text[part.start : part.end]))


def _spans(text: str, blocks: list[Block]) -> list[tuple[int, int]]:
    """Return the spans of hidden elements in order. Unclosed ones end with their block, containers with the text."""
    spans: list[tuple[int, int]] = []
    tags = [(block, tag) for block in blocks if block.kind not in _SILENT for tag in _tags(text, block)]
    opened = _opened(text, tags)
    open_: _Tag | None = None
    around, depth = blocks[0], 0
    for block, tag in tags:
        if open_ is not None and (block is not around and open_.name not in _AROUND):
            spans.append((open_.start, _unclosed_end(text, around, open_)))
            open_ = None
        if open_ is not None and _is_ended_by(open_.name, tag):
            spans.append((open_.start, tag.start))
            open_ = None
        if open_ is None:
            if tag.hides and tag.start not in opened:
                open_, around, depth = tag, block, 1
        elif tag.name == open_.name:
            depth += -1 if tag.closes else 1
            if not depth:
                spans.append((open_.start, tag.end))
                open_ = None
    if open_ is not None:
        spans.append((open_.start, len(text) if open_.name in _AROUND else _unclosed_end(text, around, open_)))
    return spans


def _is_ended_by(name: str, tag: _Tag) -> bool:
    """Return whether another tag ends an element whose own end tag may be left out."""
    others, parents = _IMPLIED.get(name, ((), ()))
    return tag.name in (parents if tag.closes else others)


def _unclosed_end(text: str, block: Block, tag: _Tag) -> int:
    """Return where an element without an end tag ends: with its cell, its item, or its block."""
    if block.kind is BlockKind.TABLE:
        cell = _CELL_END.search(text, tag.end, block.end)
        return cell.start() if cell else block.end
    if block.kind is BlockKind.LIST:
        return next((place for place in block.breaks if place > tag.start), block.end)
    return block.end


def _opened(text: str, tags: list[tuple[Block, _Tag]]) -> frozenset[int]:
    """Return where the hidden elements start that a control in the text opens."""
    if not any(tag.hides for _, tag in tags) or not any(tag.name in _CONTROLS for _, tag in tags):
        return frozenset()
    parts: list[str] = []
    at = 0
    for block, tag in tags:
        name = tag.start + 1 + len(tag.name)
        parts.append(html.escape(text[max(at, block.start) : tag.start], quote=False))
        place = f' data-starts-at="{tag.start}"' if tag.hides else ""
        parts.append(f"{text[tag.start : name]}{place}{text[name : tag.end]}")
        at = tag.end
    root = tree("".join(parts), nesting=len(text))
    if root is None:
        return frozenset()
    disclosure = Hiding(root).disclosure
    found = root.xpath("//*[@data-starts-at]")
    return frozenset(int(one.get("data-starts-at")) for one in found if disclosure.is_opened(one))


def _tags(text: str, block: Block) -> Iterator[_Tag]:
    """Yield the tags of a block that are not inside code spans or comments."""
    found = list(_TAG.finditer(text, block.start, block.end))
    ticks: dict[int, list[int]] = {}
    for match in found:
        if match["ticks"]:
            ticks.setdefault(len(match["ticks"]), []).append(match.start())
    past, closed = block.start, True
    for match in found:
        if match.start() < past:
            continue
        if match["ticks"]:
            runs = ticks[len(match["ticks"])]
            following = bisect_right(runs, match.start())
            if following < len(runs):
                past = runs[following] + len(match["ticks"])
            continue
        if match["comment"]:
            end = text.find("-->", match.end(), block.end) if closed else -1
            past, closed = max(past, end), end >= 0
            continue
        name = match["name"].lower()
        if name not in _VOID and not match["rest"].endswith("/"):
            hides = not match["end"] and _hides(match.group(), match["rest"].lower())
            yield _Tag(match.start(), match.end(), name, bool(match["end"]), hides)


def _hides(tag: str, rest: str) -> bool:
    """Return whether an element with this opening tag is hidden; JSX expressions are not evaluated."""
    if "{" in rest or not any(word in rest for word in ("style", "hidden", "color", "popover")):
        return False
    return _judged(tag) if len(tag) <= _CACHED else _judge(tag)


def _judge(tag: str) -> bool:
    from lxml import etree

    root = etree.HTML(tag)
    if root is None:
        return False
    *_, element = root.iter()
    return Hiding(root)(element)


_judged = lru_cache(maxsize=1024)(_judge)  # tables repeat the tags of their cells
