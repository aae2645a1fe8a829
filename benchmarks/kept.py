"""What is kept, dropped and marked of a document, format by format.

    python -m benchmarks.kept [--write]

Makes a small document of each format for each thing that may stand in one, with a word of its own there; parses it
under the default settings; and looks where the word comes out. Prints a table; `--write` puts it into docs/formats.md.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.features import markup, paged
from benchmarks.formats import DOCS, written
from ingest.errors import EmptyDocument
from ingest.records import BlockKind, Document, DocumentRef, RawDocument
from tests.inline_sandbox import InlineSandbox

MARKER = "make kept"
FORMATS: dict[str, tuple[str, Callable[[], dict[str, bytes]]]] = {
    "Markdown": ("a.md", markup.markdown),
    "HTML": ("a.html", markup.html),
    "reStructuredText": ("a.rst", markup.rst),
    "XML": ("a.xml", markup.xml),
    "notebook": ("a.ipynb", markup.notebook),
    "e-mail": ("a.eml", markup.mail),
    "EPUB": ("a.epub", markup.book),
    "PDF": ("a.pdf", paged.pdf),
    "DOCX": ("a.docx", paged.word),
    "PPTX": ("a.pptx", paged.slides),
    "XLSX": ("a.xlsx", paged.workbook),
    "OpenDocument": ("a.odt", paged.open_document),
}
KEPT, MARKED, OWN, TITLE, DROPPED = "kept", "kept with a mark", "a document of its own", "the title", "dropped"
COLUMNS = (KEPT, MARKED, OWN, TITLE, DROPPED)


def outcome(data: bytes, path: str) -> tuple[str, str]:
    """Return the column for where the word comes out, and the mark of its block if it has one.

    Raises: DocumentError, but for a document that has nothing else and is empty without it.
    """
    raw = RawDocument(DocumentRef(f"file:///{path}", "", path, "1", len(data)), data)
    try:
        return place(InlineSandbox().parse(raw))
    except EmptyDocument:
        return DROPPED, ""


def place(document: Document) -> tuple[str, str]:
    """Return the column for where the word stands in a document, and the mark of its block if it has one."""
    for block in document.blocks:
        if markup.PROBE in document.text[block.start : block.end]:
            mark = "not embedded" if block.kind is BlockKind.METADATA else ", ".join(block.marks)
            return (MARKED, mark) if mark else (KEPT, "")
    if markup.PROBE in document.title:
        return TITLE, ""
    return (OWN if any(markup.PROBE.encode() in child.data for child in document.children) else DROPPED), ""


def table() -> str:
    """Return the table as Markdown, a row for each format. Raises: DocumentError."""
    lines = [f"| format | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    for name, (path, documents) in FORMATS.items():
        cells: dict[str, list[str]] = {column: [] for column in COLUMNS}
        for feature, data in documents().items():
            column, mark = outcome(data, path)
            cells[column].append(f"{feature} ({mark})" if mark and mark != feature else feature)
        lines.append(f"| {name} | {' | '.join(', '.join(cells[column]) or '–' for column in COLUMNS)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print or write the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="into docs/formats.md")
    generated = table()
    if arguments.parse_args().write:
        DOCS.write_text(written(DOCS.read_text(encoding="utf-8"), generated, MARKER), encoding="utf-8")
    print(generated)
    return 0


if __name__ == "__main__":
    sys.exit(main())
