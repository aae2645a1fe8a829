"""What becomes of each file of a folder of real ones: indexed or refused, by format and reason.

    INGEST_TEST_DATA=<folder> python benchmarks/formats.py [--write]

Parses every file below <folder>/corpora in processes under the default limits and prints two tables; `--write` puts
them into docs/formats.md between its markers.
"""

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.errors import DocumentError
from ingest.records import ChunkingOptions, Document, DocumentRef, RawDocument

DOCS = Path(__file__).parents[1] / "docs" / "formats.md"
END = "<!-- end -->\n"
MAX_DEPTH = 3
NOTHING_TO_EMBED = "front matter, imports or components alone: nothing to embed"
MANY = 3  # refused files of one folder for one reason, from which they are told in one line
NOT_DOCUMENTS = ("PROVENANCE.md",)


@dataclass(frozen=True)
class Outcome:
    """What became of one file, or of one document inside it."""

    path: str  # below corpora; documents inside follow after "!"
    result: str  # indexed, container, or the class of an error
    message: str = ""

    @property
    def format(self) -> str:
        """The extension, in lower case."""
        return (
            self.path.rpartition("/")[2].rpartition(".")[2].lower() if "." in self.path.rpartition("/")[2] else "none"
        )


def outcomes(folder: Path, processes: int = 2) -> list[Outcome]:
    """Return what becomes of each file below a folder, in order of their paths, and of documents inside them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_DOCUMENTS)
    sandbox = PoolSandbox(processes=processes)
    try:
        with ThreadPoolExecutor(processes) as threads:
            found = threads.map(
                lambda path: list(_outcomes(sandbox, str(path.relative_to(folder)), path.read_bytes())), paths
            )
            return [outcome for some in found for outcome in some]
    finally:
        sandbox.close()


def _outcomes(sandbox: PoolSandbox, path: str, data: bytes, media_type: str = "", depth: int = 0) -> Iterable[Outcome]:
    try:
        document = sandbox.parse(
            RawDocument(DocumentRef(f"file:///{path}", "", path, "1", len(data)), data, media_type)
        )
    except DocumentError as error:
        yield Outcome(path, type(error).__name__, str(error).removeprefix(f"{path}: "))
        return
    result = _result(document)
    yield Outcome(path, result, "" if result != "EmptyDocument" else NOTHING_TO_EMBED)
    for child in document.children if depth < MAX_DEPTH else ():
        yield from _outcomes(sandbox, f"{path}!{child.path}", child.data, child.media_type, depth + 1)


def _result(document: Document) -> str:
    skipped = ChunkingOptions().skipped_kinds
    if any(block.kind.value not in skipped for block in document.blocks):
        return "indexed"
    return "container" if document.children else "EmptyDocument"


def by_format(found: list[Outcome]) -> dict[str, Counter[str]]:
    """Return format → result → number of files, without documents inside documents."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in found:
        if "!" not in outcome.path:
            table[outcome.format][outcome.result] += 1
    return dict(sorted(table.items()))


def tables(found: list[Outcome]) -> str:
    """Return both tables as Markdown."""
    table = by_format(found)
    results = sorted({result for row in table.values() for result in row}, key=lambda name: (name[0].isupper(), name))
    lines = [f"| format | files | {' | '.join(results)} |", "| --- " * (len(results) + 2) + "|"]
    for name, row in table.items():
        lines.append(f"| {name} | {row.total()} | {' | '.join(str(row[result] or '') for result in results)} |")
    total = Counter(outcome.result for outcome in found if "!" not in outcome.path)
    lines.append(f"| all | {total.total()} | {' | '.join(str(total[result]) for result in results)} |")
    inside = Counter(outcome.result for outcome in found if "!" in outcome.path)
    told = ", ".join(f"{number} {result}" for result, number in sorted(inside.items()))
    lines += [
        "",
        f"Documents inside these documents: {told or 'none'}.",
        "",
        "| refused | reason | message |",
        "| --- " * 3 + "|",
    ]
    lines += [f"| {where} | `{reason}` | {_cell(message)} |" for where, reason, message in _refused(found)]
    return "\n".join(lines) + "\n"


def _refused(found: list[Outcome]) -> Iterable[tuple[str, str, str]]:
    """Yield place, reason and message of the files that are refused, but for formats that nobody reads."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for o in found:
        if o.result[0].isupper() and o.result != "UnsupportedFormat" and "!" not in o.path:
            groups[o.path.partition("/")[0], o.result, o.message].append(o.path)
    for (folder, reason, message), paths in groups.items():
        yield from (
            [(f"{len(paths)} files of {folder}", reason, message)]
            if len(paths) >= MANY
            else ((path, reason, message) for path in paths)
        )


def _cell(message: str) -> str:
    shown = " ".join(message.replace("|", "\\|").replace("<", "&lt;").split())
    return shown if len(shown) <= 100 else shown[:99] + "…"


def written(text: str, generated: str, command: str = "make formats") -> str:
    """Return the guide with other tables between the markers of the command that makes them."""
    begin = f"<!-- generated: {command} -->\n"
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{generated}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Print or write the tables; the exit status is 1 when the files are not there."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="into docs/formats.md")
    given = arguments.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with real files")
        return 1
    generated = tables(outcomes(Path(data) / "corpora"))
    print(generated)
    if given.write:
        DOCS.write_text(written(DOCS.read_text(encoding="utf-8"), generated), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
