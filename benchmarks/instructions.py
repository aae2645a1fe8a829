"""How many instructions to a language model the screening finds, and how often it takes harmless text for one.

    python -m benchmarks.instructions [--show] [--write]

Reads `benchmarks/screened/`: texts written for this, injected ones in several languages and disguises, and harmless
ones that talk about instructions, prompts and assistants. Patterns are mended with the first text of each pair in view,
the second one is held out. `--show` prints what was missed and what was marked by mistake; `--write` puts the table
into docs/suspicious-content.md between its markers. `make false-secrets` counts false alarms on public documents.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.formats import written
from ingest.documents.screening import marks_of

FOLDER, DOCS = Path(__file__).parent / "screened", Path(__file__).parents[1] / "docs" / "suspicious-content.md"
COMMAND = "make bench-screening"


def marked(text: str) -> bool:
    """Return whether a text by itself is marked, as an instruction or for what is invisible in it."""
    return not {"instruction", "invisible"}.isdisjoint(marks_of(text, first=True))


def share(found: Sequence[bool]) -> str:
    """Return how many of how many were marked."""
    return f"{sum(found)} of {len(found)} ({sum(found) / max(len(found), 1):.0%})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print what was missed and marked by mistake")
    parser.add_argument("--write", action="store_true", help="write the table into the guide")
    options = parser.parse_args()
    injected = [json.loads(line) for line in (FOLDER / "injected.jsonl").read_text(encoding="utf-8").splitlines()]
    harmless = (FOLDER / "harmless.txt").read_text(encoding="utf-8").splitlines()
    kinds = {
        "English, plain": [row for row in injected if row["language"] == "en" and row["disguise"] == "plain"],
        "15 other languages, plain": [row for row in injected if row["language"] != "en"],
        "English, disguised": [row for row in injected if row["disguise"] != "plain"],
    }
    lines = ["| texts | marked, in view | marked, held out |", "| --- | --- | --- |"]
    for name, texts in {
        **{k: [row["text"] for row in rows] for k, rows in kinds.items()},
        "harmless": harmless,
    }.items():
        found = [marked(text) for text in texts]
        lines.append(f"| {name} | {share(found[::2])} | {share(found[1::2])} |")
        if options.show:
            print(
                *(f"  {n % 2} {name}: {t}" for n, t in enumerate(texts) if found[n] == (name == "harmless")), sep="\n"
            )
    table = "\n".join(lines)
    print(table)
    if options.write:
        DOCS.write_text(written(DOCS.read_text(), table, COMMAND))


if __name__ == "__main__":
    main()
