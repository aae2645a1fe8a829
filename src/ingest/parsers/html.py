"""HTML through `unstructured`, with headings, tables and lists kept.

The canonical text is made here: one paragraph of text per block, blank lines between them, list items and table rows on
lines of their own. Spans are offsets into that text. Navigation, scripts, styles and hidden elements are left out.
Nothing is ever fetched.
"""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import groupby
from typing import Any

from ingest.errors import EmptyDocument
from ingest.parsers._decoding import decode
from ingest.parsers._html_tree import clean, declared_encoding, languages, page_language, page_title, table_rows, tree
from ingest.parsers._lines import document_title
from ingest.records import Block, BlockKind, Document, RawDocument

MEDIA_TYPES = ("text/html", "application/xhtml+xml")
VERSION = "1"
LIBRARIES = ("unstructured", "lxml", "spacy", "charset-normalizer")

MAX_TITLE = 1000  # characters; a longer heading is a paragraph
_MODEL = "en_core_web_sm"  # the one that unstructured would download


def variant() -> str:
    """Return which sentence splitter is used: it decides how unstructured labels bare text."""
    try:
        return f"{_MODEL} {version(_MODEL)}" if find_spec(_MODEL) else "blank"
    except PackageNotFoundError:
        return _MODEL


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument."""
    path = raw.ref.path
    source = decode(raw.data, path, declared_encoding(raw.data))
    root = tree(source, path)
    if root is None:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of markup without an element")
    title, language = page_title(root), page_language(root)
    page, codes = clean(root), languages(root)
    text, blocks = _assemble(_elements(page), codes)
    if not blocks:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of HTML, but no text for a reader in it")
    return Document(text, tuple(blocks), title or document_title(blocks), raw.media_type, "html", language)


def _elements(page: str) -> list[Any]:
    """Return unstructured's elements in document order."""
    return list(_partitioner()(text=page, languages=[""])) if page.strip() else []  # [""]: no language detection


@lru_cache(maxsize=1)
def _partitioner() -> Any:
    """Return `partition_html`, kept from the network: no usage data, no model download at run time."""
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["UNSTRUCTURED_DISABLE_NOTICE"] = "1"
    from unstructured.nlp import tokenize

    tokenize._load_spacy_model = _pipeline
    tokenize._get_nlp.cache_clear()
    from unstructured.partition.html import partition_html

    return partition_html


def _pipeline() -> Any:
    """Return the spaCy model if it is installed and loads, else a blank English pipeline that splits sentences."""
    import spacy

    if find_spec(_MODEL):
        try:
            return spacy.load(_MODEL, exclude=["ner", "lemmatizer", "attribute_ruler"])
        except OSError:
            pass
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline


def _assemble(elements: Iterable[Any], codes: list[str]) -> tuple[str, list[Block]]:
    """Return the canonical text and its blocks. `codes` holds the language of each code block in order."""
    elements = list(elements)
    snippets = sum(1 for element in elements if element.category == "CodeSnippet")
    known = iter(codes if len(codes) == snippets else [""] * snippets)
    parts: list[str] = []
    blocks: list[Block] = []
    at = 0
    for category, group in groupby(elements, lambda e: e.category if e.category == "ListItem" else id(e)):
        members = list(group)
        drafts = [_list(members)] if category == "ListItem" else _drafts(members[0], known)
        for kind, lines, more in drafts:
            draft = "\n".join(lines).rstrip()
            if not draft.strip():
                continue
            at += 2 if parts else 0
            blocks.append(_place(kind, at, lines, len(draft), more))
            parts.append(draft)
            at += len(draft)
    return "\n\n".join(parts), blocks


def _place(kind: BlockKind, start: int, lines: list[str], length: int, more: dict[str, Any]) -> Block:
    """Return the block of text that starts at `start`; `header_lines` in `more` becomes its header's end."""
    offsets = [start]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    headers = more.pop("header_lines", 0)
    broken = kind in (BlockKind.LIST, BlockKind.TABLE, BlockKind.CODE)
    breaks = tuple(offset for offset in offsets[1:-1] if broken and start < offset < start + length)
    if headers:
        more["header_end"] = min(offsets[headers], start + length)
        breaks = tuple(offset for offset in breaks if offset >= offsets[headers])
    return Block(kind, start, start + length, breaks=breaks, **more)


def _list(items: list[Any]) -> tuple[BlockKind, list[str], dict[str, Any]]:
    """Return neighbouring list items as lines, nested ones indented."""
    depths = [max(item.metadata.category_depth or 1, 1) - 1 for item in items]
    lines = ["  " * depth + "- " + " ".join(item.text.split()) for depth, item in zip(depths, items, strict=True)]
    return BlockKind.LIST, lines, {}


def _drafts(element: Any, codes: Iterator[str]) -> Iterator[tuple[BlockKind, list[str], dict[str, Any]]]:
    """Yield kind, lines and fields of the block or blocks that one element becomes."""
    category, depth = element.category, element.metadata.category_depth
    title = " ".join(element.text.split()) if category == "Title" else ""
    if 0 < len(title) <= MAX_TITLE and depth is not None:
        yield BlockKind.HEADING, [title], {"level": depth + 1, "title": title}
    elif category == "CodeSnippet":
        yield BlockKind.CODE, element.text.split("\n"), {"language": next(codes)}
    elif category == "Table":
        caption, rows, headers = table_rows(element.metadata.text_as_html or "")
        if caption:
            yield BlockKind.CAPTION, [caption], {}
        yield BlockKind.TABLE, rows, {"header_lines": headers}
    elif category in ("Image", "FigureCaption"):
        yield BlockKind.CAPTION, [" ".join(element.text.split())], {}
    else:
        yield BlockKind.PARAGRAPH, [" ".join(element.text.split())], {}
