"""Jupyter notebooks, nbformat 3 and 4: cells in order, with their text output.

The canonical text is built: the sources of the cells as they are, text outputs without terminal colours. Pictures are
left out, and so is the object name that replaces one as text.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ingest.documents.parsers._markup.markdown_blocks import markdown_blocks
from ingest.documents.parsers._markup.markdown_html import TAG
from ingest.documents.parsers._markup.markdown_syntax import front_matter
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.decoding import BOM, decode
from ingest.documents.parsers._reading.json_values import load
from ingest.documents.parsers._reading.titles import document_title, stated_title
from ingest.errors import EmptyDocument, MalformedDocument, UnsupportedFormat
from ingest.records import BlockKind, Document, RawDocument

MEDIA_TYPES = ("application/x-ipynb+json",)
VERSION = "6"
LIBRARIES = ("pyromark", "lxml", "pyyaml", "charset-normalizer")

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_NEWLINE = re.compile(r"\r+\n")
_MAGIC = re.compile(r"%%(bash|sh|html|javascript|js|latex|markdown|perl|ruby|R|sql|svg|cython)\b")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument, UnsupportedFormat."""
    path = raw.ref.path
    notebook = load(decode(raw.data, path).removeprefix(BOM), path, raw.options.limits.nesting)
    writer = _Writer(raw, _language(notebook))
    for cell in _cells(notebook, path):
        writer.cell(cell)
    blocks = tuple(writer.assembly.blocks)
    if not blocks:
        raise EmptyDocument(f"{path}: a notebook without text")
    stated = stated_title(_text(_mapping(notebook.get("metadata")).get("title")), writer.title)
    return Document(writer.assembly.text, blocks, document_title(blocks, stated), raw.media_type, "notebook")


def _cells(notebook: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the cells. Raises: MalformedDocument, UnsupportedFormat."""
    if not isinstance(notebook, dict):
        raise MalformedDocument(f"{path}: a notebook is an object, not a {type(notebook).__name__}")
    version = str(notebook.get("nbformat", "4"))
    if version not in ("3", "4"):
        raise UnsupportedFormat(f"{path}: nbformat {version[:20]}; known: 3, 4")
    sheets = notebook.get("worksheets") if version == "3" else [notebook]
    for sheet in sheets if isinstance(sheets, list) else [None]:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        if not isinstance(cells, list):
            raise MalformedDocument(f"{path}: nbformat {version} without a list of cells")
        for number, cell in enumerate(cells):
            if not isinstance(cell, dict):
                raise MalformedDocument(f"{path}: cell {number} is a {type(cell).__name__}, not an object")
            yield cell


def _language(notebook: Any) -> str:
    """Return the language of the kernel, "" if the notebook does not state it."""
    metadata = _mapping(notebook.get("metadata")) if isinstance(notebook, dict) else {}
    info, kernel = _mapping(metadata.get("language_info")), _mapping(metadata.get("kernelspec"))
    return (_text(info.get("name")) or _text(kernel.get("language"))).lower()


class _Writer:
    """Writes cells, one after the other."""

    def __init__(self, raw: RawDocument, language: str) -> None:
        self.assembly = Assembly(raw)
        self.title = ""
        self._raw = replace(raw, media_type="text/markdown")
        self._language = language

    def cell(self, cell: dict[str, Any]) -> None:
        """Write a cell and its output."""
        kind, source = cell.get("cell_type"), _text(cell.get("source", cell.get("input")))
        if kind == "markdown":
            self._markdown(source)
        elif kind == "heading":  # nbformat 3
            level = str(cell.get("level", "1"))
            self.assembly.heading(source, int(level) if level in "123456" and level else 1)
        elif kind == "code":
            magic = _MAGIC.match(source)
            self._code(source, magic[1].lower() if magic else _text(cell.get("language")).lower() or self._language)
            outputs = cell.get("outputs")
            for output in outputs if isinstance(outputs, list) else ():
                self._output(_mapping(output))
        else:
            self._raw_cell(source)

    def _markdown(self, source: str) -> None:
        if source.strip():
            blocks, title = markdown_blocks(source, self._raw)
            self.title = self.title or title
            self.assembly.include(source, blocks)

    def _raw_cell(self, source: str) -> None:
        """Write a raw cell; front matter in one gives the document's title."""
        length, title = front_matter(source)
        if length and not source[length:].strip():
            self.title = self.title or title
            self.assembly.add(BlockKind.METADATA, source.strip().split("\n"))
        else:
            self.assembly.add(BlockKind.PARAGRAPH, source.strip("\n").split("\n"))

    def _code(self, source: str, language: str = "") -> None:
        self.assembly.add(BlockKind.CODE, source.strip("\n").split("\n"), language=language)

    def _output(self, output: dict[str, Any]) -> None:
        kind = output.get("output_type")
        if kind == "stream":
            self._code(_terminal(_text(output.get("text"))))
        elif kind in ("error", "pyerr"):
            traceback = output.get("traceback")
            lines = [_text(line) for line in traceback] if isinstance(traceback, list) else []
            self._code(_terminal("\n".join(lines) or f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"))
        elif kind in ("display_data", "execute_result", "pyout"):
            self._data(_mapping(output.get("data")) or output)

    def _data(self, data: dict[str, Any]) -> None:
        """Write the most informative form of a result; in nbformat 3 the forms are called `text`, `html`, `png`."""
        plain = _text(data.get("text/plain", data.get("text")))
        page = _text(data.get("text/html", data.get("html")))
        if any(key.startswith("image/") or key in ("png", "jpeg", "svg") for key in data):
            return
        if markdown := _text(data.get("text/markdown")):
            self._markdown(markdown)
        elif plain.strip() and not (page and plain.startswith("<") and plain.rstrip().endswith(">")):
            self._code(_terminal(plain))
        elif page:
            lines = html.unescape(TAG.sub(" ", page)).split("\n")
            self.assembly.add(BlockKind.PARAGRAPH, [kept for line in lines if (kept := " ".join(line.split()))])
        else:
            self._code(_terminal(_text(data.get("text/latex")) or plain))


def _terminal(text: str) -> str:
    """Return what a terminal would show: no colours, and overwritten lines in their last state."""
    plain = _ANSI.sub("", _NEWLINE.sub("\n", text))
    return "\n".join(line.rpartition("\r")[2] for line in plain.split("\n"))


def _text(value: Any) -> str:
    """Return a text stored as one string or as a list of lines; "" for anything else."""
    joined = "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
    return joined.replace("\0", "\ufffd") if isinstance(joined, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
