"""Which scripts an embedding model reads: the first article of human rights in some 490 languages, by script.

    INGEST_TEST_DATA=<folder> python -m benchmarks.scripts [--model NAME] [--write]

Needs the tokenizer of the model alone. Of each script it prints in how many languages the text would be marked as
unread under default settings, the median share of letters and digits in no known token, and the median of letters
per token: above two, words or parts of words are read; about one, letter by letter. `--write` puts the table into
docs/models.md between its markers.
"""

import argparse
import os
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

from benchmarks.formats import written
from ingest.adapters.embedders import sentence_transformer
from ingest.records.options import UNREAD_SHARE

DOCS = Path(__file__).parents[1] / "docs" / "models.md"
ARTICLES = Path("corpora/unstructured_examples/language-docs/UDHR_first_article_all.txt")
COMMAND = "python -m benchmarks.scripts --write"
NAMED = {"CJK": "Chinese", "HIRAGANA": "Japanese", "CANADIAN": "Canadian syllabics", "TAI": "Tai"}


def articles(path: Path) -> list[str]:
    """Return the text of each language, without its name."""
    parts = re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
    return [text.strip() for part in parts if (text := part.strip().partition("\n")[2].strip())]


def script(text: str) -> str:
    """Return the script of most letters of a text, by the first word of their names in Unicode."""
    found = Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())
    name = found.most_common(1)[0][0]
    return NAMED.get(name, name.capitalize())


def table(texts: list[str], model: str) -> str:
    """Return the table in Markdown, the scripts that are read best first."""
    tokenizer = sentence_transformer.EMBEDDER(model, {}).tokenizer
    rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for text, share, tokens in zip(texts, tokenizer.unread(texts), tokenizer.count(texts), strict=True):
        rows[script(text)].append((share, sum(c.isalnum() for c in text) / max(tokens, 1)))
    told = [(name, [median(column) for column in zip(*found, strict=True)], found) for name, found in rows.items()]
    told.sort(key=lambda one: (one[1][0], -len(one[2]), one[0]))
    lines = ["| script | languages | marked | unread | letters per token |", "| --- | --: | --: | --: | --: |"]
    for name, (share, letters), found in told:
        marked = sum(one > UNREAD_SHARE for one, _ in found)
        lines.append(f"| {name} | {len(found)} | {marked} | {share:.2f} | {letters:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    root = Path(os.environ.get("INGEST_TEST_DATA", ""))
    if not (root / ARTICLES).is_file():
        sys.exit(f"INGEST_TEST_DATA names no folder with {ARTICLES}")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="a name or a folder")
    parser.add_argument("--write", action="store_true", help="write the table into the guide")
    options = parser.parse_args()
    found = table(articles(root / ARTICLES), options.model)
    print(found)
    if options.write:
        DOCS.write_text(written(DOCS.read_text(), found, COMMAND))


if __name__ == "__main__":
    main()
