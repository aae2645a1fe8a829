"""What our own parsers and `unstructured` make of the same real files, by format.

    INGEST_TEST_DATA=<folder> python -m benchmarks.formats_unstructured [--write] [--files 200]

Parses files below <folder>/corpora in one process under the default limits, with `parsing.parser` own and unstructured,
and prints a table; `--write` puts it into docs/formats.md between its markers. Formats that unstructured is not given
are left out. A word is a run of letters and digits; the words that one of both has and the other has not are those that
the other lost, or wrote otherwise. Needs the extra `legacy` and LibreOffice: `make formats-unstructured`.
"""

import argparse
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.formats import DOCS, NOT_DOCUMENTS, written
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents import media_types
from ingest.documents.parsers import legacy
from ingest.errors import DocumentError
from ingest.records import BlockKind, Document, DocumentRef, ParserOptions, RawDocument

_WORD = re.compile(r"\w+")
MARKER = "make formats-unstructured"
HEAD = (
    "| format | files | read | words | only here | headings | tables | seconds |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass
class Side:
    """What one of both made of the files of one format that both read."""

    read: int = 0  # files, all
    words: int = 0
    only: int = 0  # words that the other has not
    headings: int = 0
    tables: int = 0
    seconds: float = 0.0

    def add(self, document: Document, other: Document | None, seconds: float) -> None:
        """Count a document."""
        words = _words(document)
        kinds = Counter(block.kind for block in document.blocks)
        self.words += words.total()
        self.only += (words - _words(other)).total() if other else 0
        self.headings += kinds[BlockKind.HEADING]
        self.tables += kinds[BlockKind.TABLE]
        self.seconds += seconds


@dataclass
class Row:
    """One format."""

    files: int = 0
    own: Side = field(default_factory=Side)
    theirs: Side = field(default_factory=Side)


def measured(folder: Path, limit: int) -> dict[str, Row]:
    """Return format → what became of its first `limit` files, in order of their paths."""
    rows: dict[str, Row] = defaultdict(Row)
    sandboxes = {name: PoolSandbox({"": ParserOptions(parser=name)}, processes=1) for name in ("own", "unstructured")}
    try:
        for extension, raw in sorted(_files(folder), key=lambda item: item[0]):
            if rows[extension].files < limit:
                _compare(rows[extension], sandboxes, raw)
    finally:
        for sandbox in sandboxes.values():
            sandbox.close()
    return dict(rows)


def _files(folder: Path) -> Iterator[tuple[str, RawDocument]]:
    """Yield format and content of each file that unstructured is given."""
    extensions = {media_type: extension for extension, media_type in reversed(media_types.EXTENSIONS.items())}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_DOCUMENTS):
        data = path.read_bytes()
        if (media_type := media_types.sniff(data, path.name)) in legacy.ALSO:
            yield extensions[media_type], RawDocument(DocumentRef(path.as_uri(), "", path.name, "1", len(data)), data)


def _compare(row: Row, sandboxes: dict[str, PoolSandbox], raw: RawDocument) -> None:
    if not row.files:  # what a format's first document imports is nobody's time
        for sandbox in sandboxes.values():
            _parsed(sandbox, raw)
    row.files += 1
    (own, own_seconds), (theirs, seconds) = (_parsed(sandbox, raw) for sandbox in sandboxes.values())
    alone = own is not None and own.parser == "legacy"
    row.own.read += own is not None and not alone
    row.theirs.read += theirs is not None
    if own and theirs:
        row.theirs.add(theirs, None if alone else own, seconds)
        if not alone:
            row.own.add(own, theirs, own_seconds)


def _parsed(sandbox: PoolSandbox, raw: RawDocument) -> tuple[Document | None, float]:
    began = time.perf_counter()
    try:
        document = sandbox.parse(raw)
    except DocumentError:
        document = None
    return document, time.perf_counter() - began


def table(rows: dict[str, Row]) -> str:
    """Return the table as Markdown: our own figure before the slash, that of unstructured behind it."""
    lines = [HEAD]
    for extension, row in rows.items():
        pairs = zip(vars(row.own).values(), vars(row.theirs).values(), strict=True)
        cells = [f"{_shown(own) if row.own.read else '–'} / {_shown(theirs)}" for own, theirs in pairs]
        lines.append(f"| {extension} | {row.files} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _words(document: Document) -> Counter[str]:
    return Counter(_WORD.findall(document.text))


def _shown(figure: float) -> str:
    return f"{figure:.1f}" if isinstance(figure, float) else f"{figure:,}"


def main() -> int:
    """Print or write the table; the exit status is 1 when the files or the extra are not there."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="into docs/formats.md")
    arguments.add_argument("--files", type=int, default=200, help="of one format, at most")
    given = arguments.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data or not legacy.installed():
        print("skipped: INGEST_TEST_DATA names no folder with real files, or the extra ingest[legacy] is not installed")
        return 1
    generated = table(measured(Path(data) / "corpora", given.files))
    print(generated)
    if given.write:
        DOCS.write_text(written(DOCS.read_text(encoding="utf-8"), generated, MARKER), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
