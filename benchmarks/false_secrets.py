"""How often screening takes for a secret, or an instruction to a model, what is none: in public documents all are none.

    INGEST_TEST_DATA=<folder> python benchmarks/false_secrets.py [SET …] [--show] [--write]

Reads, parses and cuts every document of each set as a run under default settings does and prints how many chunks were
dropped for a secret, and how many were marked as instructions; `--show` names the places, for a person to look at;
`--write` puts the table into docs/suspicious-content.md between its markers.
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from ingest.documents.cutting import cut_document
from ingest.errors import DocumentError
from ingest.records import DocumentRef, RawDocument
from ingest.services import Workbench
from ingest.settings import make_settings
from ingest.wiring.service_opening import open_workbench

DOCS = Path(__file__).parents[1] / "docs" / "suspicious-content.md"
BEGIN, END = "<!-- false alarms: make false-secrets -->\n", "<!-- end -->\n"


def measured(folder: Path, show: bool) -> Counter[str]:
    """Return how many documents and chunks a folder has, and how many chunks and documents secrets were found in."""
    source = {"name": "set", "uri": str(folder), "exclude": ["PROVENANCE.md"]}
    settings = {"lake": "/nonexistent/lake", "indexes": {"docs": {"sources": [source]}}}
    bench, counts = open_workbench(make_settings(settings, folder)), Counter[str]()
    try:
        for ref in bench.sources[0].list():
            for where in _found(bench, ref, counts):
                if show:
                    print(f"  {ref.path}: {where}")
    finally:
        bench.close()
    return counts


def _found(bench: Workbench, ref: DocumentRef, counts: Counter[str]) -> list[str]:
    """Return where chunks of a document were dropped for a secret or marked as instructions, and count."""
    try:
        raw = bench.sources[0].read(ref)
        document = bench.sandbox.parse(raw or RawDocument(ref, b""))
        cut = cut_document(document, ref.uri, ref.source, bench.options, bench.tokenizer, container=True)
    except DocumentError:
        counts["refused"] += 1
        return []
    found = [f"{chunk.start} to {chunk.end}" for chunk, mark in cut.dropped if mark == "secret"]
    counts.update(documents=1, chunks=len(cut.chunks) + len(cut.dropped), alarms=len(found), touched=bool(found))
    told = [chunk for chunk in cut.chunks if "instruction" in chunk.marks]
    counts.update(instructions=len(told))
    return [f"characters {where}" for where in found] + [f"instruction: {chunk.text[:3000]!r}" for chunk in told]


def table(rows: dict[str, Counter[str]]) -> str:
    """Return the table in Markdown."""
    head = "| set | documents | chunks | dropped for a secret | in documents | marked as instructions |"
    lines = [head, "| --- | --- | --- | --- | --- | --- |"]
    for name, counts in rows.items():
        share = 100 * counts["alarms"] / max(counts["chunks"], 1)
        told = f"{counts['alarms']:,} ({share:.3f} %)"
        row = f"| {name} | {counts['documents']:,} | {counts['chunks']:,} | {told} | {counts['touched']:,} |"
        lines.append(f"{row} {counts['instructions']:,} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    root = Path(os.environ.get("INGEST_TEST_DATA", ""))
    if not os.environ.get("INGEST_TEST_DATA"):
        sys.exit("INGEST_TEST_DATA names no folder")
    sets = {path.name: path / "docs" for path in sorted(root.iterdir()) if (path / "docs").is_dir()}
    sets |= {path.name: path for path in sorted((root / "corpora").iterdir()) if path.is_dir()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help=", ".join(sets))
    parser.add_argument("--show", action="store_true", help="name the places")
    parser.add_argument("--write", action="store_true", help="write the table into the guide")
    options = parser.parse_args()
    rows = {name: measured(sets[name], options.show) for name in options.sets or sets}
    print(table(rows))
    if options.write:
        before, _, rest = DOCS.read_text().partition(BEGIN)
        DOCS.write_text(f"{before}{BEGIN}{table(rows)}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
