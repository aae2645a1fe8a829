"""What becomes of each file of a folder of real ones: indexed or refused, by format and reason.

    INGEST_TEST_DATA=<folder> python -m benchmarks.formats [--write] [--save FILE] [--against FILE]

Parses every file below <folder>/corpora in processes under the default limits and prints two tables; `--write` puts
them into docs/formats.md between its markers. `--save` writes what each file was read as, block by block; `--against`
prints what has changed since, file by file, in place of the tables. With `src` of another version on PYTHONPATH,
`--save` tells what that version made of the files.
"""

import argparse
import difflib
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.errors import DocumentError
from ingest.records import BlockKind, ChunkingOptions, Document, DocumentRef, RawDocument

DOCS = Path(__file__).parents[1] / "docs" / "formats.md"
END = "<!-- end -->\n"
MAX_DEPTH = 3
NOTHING_TO_EMBED = "front matter, imports or components alone: nothing to embed"
MANY = 3  # refused files of one folder for one reason, from which they are told in one line
NOT_DOCUMENTS = ("PROVENANCE.md",)
PROCESSES = 2

Parse = Callable[[RawDocument], Document]


@dataclass(frozen=True)
class Outcome:
    """What became of one file, or of one document inside it."""

    path: str  # below corpora; documents inside follow after "!"
    result: str  # indexed, container, or the class of an error
    message: str = ""
    read: str = ""  # its title and blocks, as text

    @property
    def format(self) -> str:
        """The extension, in lower case."""
        return (
            self.path.rpartition("/")[2].rpartition(".")[2].lower() if "." in self.path.rpartition("/")[2] else "none"
        )


def outcomes(folder: Path, parse: Parse) -> list[Outcome]:
    """Return what becomes of each file below a folder, in order of their paths, and of documents inside them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_DOCUMENTS)
    with ThreadPoolExecutor(PROCESSES) as threads:
        found = threads.map(
            lambda path: list(_outcomes(parse, str(path.relative_to(folder)), path.read_bytes())), paths
        )
        return [outcome for some in found for outcome in some]


def _outcomes(parse: Parse, path: str, data: bytes, media_type: str = "", depth: int = 0) -> Iterable[Outcome]:
    try:
        document = parse(RawDocument(DocumentRef(f"file:///{path}", "", path, "1", len(data)), data, media_type))
    except DocumentError as error:
        yield Outcome(path, type(error).__name__, str(error).removeprefix(f"{path}: "))
        return
    result = _result(document)
    yield Outcome(path, result, "" if result != "EmptyDocument" else NOTHING_TO_EMBED, _read(document))
    for child in document.children if depth < MAX_DEPTH else ():
        yield from _outcomes(parse, f"{path}!{child.path}", child.data, child.media_type, depth + 1)


def _result(document: Document) -> str:
    skipped = ChunkingOptions().skipped_kinds
    if any(block.kind.value not in skipped for block in document.blocks):
        return "indexed"
    return "container" if document.children else "EmptyDocument"


def _read(document: Document) -> str:
    """Return what a document was read as: its title, then each block below a line with its kind, level and marks."""
    lines = [f"title: {document.title}"]
    for block in document.blocks:
        told = [block.kind.value, *([str(block.level)] if block.level else []), *block.marks]
        if block.kind is BlockKind.TABLE and block.header_end:
            told.append(f"header: {' '.join(document.text[block.start : block.header_end].split())}")
        lines += [f"-- {' '.join(told)}", document.text[block.start : block.end]]
    return "\n".join(lines) + "\n"


def told(found: list[Outcome]) -> dict[str, str]:
    """Return path → what the document was read as, or why it was not."""
    return {outcome.path: outcome.read or f"{outcome.result}: {outcome.message}\n" for outcome in found}


def changes(before: dict[str, str], after: dict[str, str]) -> str:
    """Return what differs between two results of `told`: a diff per document, then a table of how many do."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    diffs: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path, ""), after.get(path, "")
        state = "same" if old == new else "new" if not old else "changed" if new else "gone"
        counts[Outcome(path, "").format][state] += 1
        if old != new:
            diffs += difflib.unified_diff(old.split("\n"), new.split("\n"), path, "now", lineterm="", n=1)
    states = ("same", "changed", "new", "gone")
    rows = [f"| {name} | {' | '.join(str(row[state]) for state in states)} |" for name, row in sorted(counts.items())]
    return "\n".join([*diffs, "", f"| format | {' | '.join(states)} |", "| --- " * 5 + "|", *rows]) + "\n"


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
    arguments.add_argument("--save", type=Path, help="JSON file for what each file was read as")
    arguments.add_argument("--against", type=Path, help="file that --save wrote: print what has changed since")
    given = arguments.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with real files")
        return 1
    with closing(PoolSandbox(processes=PROCESSES)) as sandbox:
        found = outcomes(Path(data) / "corpora", sandbox.parse)
    if given.save:
        given.save.write_text(json.dumps(told(found), indent=0), encoding="utf-8")
    generated = tables(found)
    before = json.loads(given.against.read_text(encoding="utf-8")) if given.against else {}
    print(changes(before, told(found)) if given.against else generated)
    if given.write:
        DOCS.write_text(written(DOCS.read_text(encoding="utf-8"), generated), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
