"""Top-level blocks of CommonMark with tables, footnotes, task lists and definition lists, by line."""

import re
from bisect import bisect_right
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest.errors import OversizedDocument

if TYPE_CHECKING:
    from pyromark import Markdown

_INSIDE = {
    "List": frozenset({"Item"}),
    "Table": frozenset({"TableRow"}),
    "DefinitionList": frozenset({"DefinitionListTitle"}),
}
_TABLES = frozenset({"Table", "TableRow"})
_BLOCKS = frozenset({"Paragraph", "Heading", "List", "Item", "BlockQuote", "CodeBlock", "HtmlBlock", "DefinitionList"})
_INSIDE["BlockQuote"] = _INSIDE["FootnoteDefinition"] = _BLOCKS
_LABEL = re.compile(r"\[([^\[\]]{1,999})\]")
_NOTHING: frozenset[str] = frozenset()
_LEAVES = {name: {"End": name} for name in ("Paragraph", "TableCell", "HtmlBlock", "CodeBlock")}  # hold no block


@dataclass(slots=True)
class MarkdownBlock:
    """A top-level block: lines [first, end), the first lines of its parts, and the title of a heading."""

    kind: str  # Heading, Paragraph, List, Table, CodeBlock, HtmlBlock, BlockQuote, FootnoteDefinition, …, Rule
    first: int
    end: int
    level: int = 0
    info: str = ""  # code: the fence's info string
    indented: bool = False  # code without a fence
    title: str = ""
    inner: list[int] = field(default_factory=list)
    tables: list[list[int]] = field(default_factory=list)  # inside: first line, end, and the first lines of its rows

    def add_part(self, name: str, start: int, end: int) -> None:
        """Add a part of this block, a table inside it, or a row of the last such table."""
        if name == "Table":
            self.tables.append([start, end])
        elif name == "TableRow" and self.tables:
            self.tables[-1].append(start)
        else:
            self.inner.append(start)


def labels(text: str) -> frozenset[str]:
    """Return the normalised labels of all link reference definitions of a text."""
    return frozenset(map(_normalised, scanner().reference_definitions(text)))


def _normalised(label: str) -> str:
    return " ".join(label.split()).casefold()


@lru_cache(maxsize=1)
def scanner() -> "Markdown":
    """Return a parser with the extensions that we use."""
    from pyromark import Markdown, Options

    return Markdown(
        options=Options.ENABLE_TABLES
        | Options.ENABLE_FOOTNOTES
        | Options.ENABLE_TASKLISTS
        | Options.ENABLE_GFM
        | Options.ENABLE_STRIKETHROUGH
        | Options.ENABLE_DEFINITION_LIST
    )


def top_level_blocks(text: str, nesting: int, path: str) -> list[MarkdownBlock]:
    """Return the blocks of a text whose lines end with line feeds, in order.

    Raises: OversizedDocument when blocks are nested deeper than `nesting`.
    """
    found: list[MarkdownBlock] = []
    wanted, depth, titled = _NOTHING, 0, False
    parts: list[str] = []  # of a heading's title
    events: Any = iter(scanner().events_with_range(text))
    following = map(itemgetter(0), events)
    for event, span in events:
        if "Start" in event:  # a dictionary, or the name of an event without content
            value = event["Start"]
            name = value if isinstance(value, str) else next(iter(value))
            depth += 1
            if depth == 1:
                found.append(_opened(name, value, span))
                wanted, titled, parts = _INSIDE.get(name, _NOTHING), name == "Heading", []
            elif name in wanted or name in _TABLES:
                found[-1].add_part(name, span["start"], span["end"])
                if depth > nesting:
                    raise OversizedDocument(f"{path}: blocks nested deeper than the limit of {nesting}")
            depth -= _passes(name, following)
        elif "End" in event:
            depth -= 1
            if depth == 0 and titled:
                titled = False
                found[-1].title = " ".join("".join(parts).split())
        elif titled:
            parts += _shown(event)
        elif depth == 0 and event == "Rule":
            found.append(MarkdownBlock("Rule", span["start"], span["end"]))
    _to_lines(found, text)
    return found


def _passes(name: str, following: Iterator[Any]) -> bool:
    """Return whether a block that has begun holds no other; if so, its events up to the one that ends it are taken."""
    return name in _LEAVES and _LEAVES[name] in following


def inline_text(content: str, known: Container[str]) -> str:
    """Return the visible text of inline Markdown on one line; `known` holds the labels of defined links."""
    parts = [part for event in _inline(content, known) for part in _shown(event)]
    return " ".join("".join(parts).split())


def _shown(event: Any) -> tuple[str, ...]:
    """Return the visible text of an inline event."""
    if isinstance(event, str):  # a line break
        return (" ",)
    ((what, value),) = event.items()
    if what in ("Text", "Code"):
        return (value,)
    return (" ",) if what == "InlineHtml" and value[:3].lower() == "<br" else ()


def _inline(content: str, known: Container[str]) -> Any:
    """Return the events of a heading, since no block can begin in it."""
    used = [label for label in _LABEL.findall(content) if _normalised(label) in known]
    definitions = "".join(f"\n[{label}]: /x" for label in dict.fromkeys(used))
    return scanner().events(f"# {content}\n{definitions}\n")


def _opened(name: str, value: Any, span: Any) -> MarkdownBlock:
    block = MarkdownBlock(name, span["start"], span["end"])
    if name == "Heading":
        block.level = int(value["Heading"]["level"][1])
    elif name == "CodeBlock":
        kind = value["CodeBlock"]
        block.indented = kind == "Indented"
        block.info = "" if block.indented else kind["Fenced"]
    return block


def _to_lines(found: list[MarkdownBlock], text: str) -> None:
    """Turn byte offsets into lines."""
    starts = [0, *(np.flatnonzero(np.frombuffer(text.encode(), np.uint8) == ord("\n")) + 1).tolist()]
    for block in found:
        block.first = bisect_right(starts, block.first) - 1
        block.end = bisect_right(starts, block.end - 1 if block.end else 0)
        if block.inner:
            block.inner = [bisect_right(starts, at) - 1 for at in block.inner]
        for table in block.tables:
            end = bisect_right(starts, max(table[1] - 1, 0))
            table[:] = [bisect_right(starts, at) - 1 for at in table]
            table[1] = end
