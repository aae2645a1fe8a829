"""Real office files: what of the expected headings, table cells and words is found, as shares with floors.

Needs INGEST_TEST_DATA: a folder with `corpora/<name>`. The misses are logged (`--log-cli-level=INFO`). Not found on
purpose: comments, LaTeX where we write x^2, the time 00:00:00 of a date, the word "chart" for a picture.
"""

import logging
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.documents.parsers import docx, markdown
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, ScannedDocument
from ingest.records import BlockKind, Document, ParserOptions
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import faults, headings, raw

logger = logging.getLogger(__name__)
pytestmark = pytest.mark.data
WORD = re.compile(r"\w+")
MARKUP = re.compile(r"[*_`~\\#>|-]|<!--.*?-->|\[[ x]\]|&\w+;|\]\([^)]*\)")


def parse(path: Path) -> Document:
    return InlineSandbox().parse(raw(path.read_bytes(), path.name))


def plain(text: str) -> str:
    """Return letters and digits only: what two ways of writing a text have in common."""
    return "".join(written(text)).lower().replace("_", "")


def words(text: str) -> Counter[str]:
    return Counter(word.lower().strip("_") for word in written(text))


def written(text: str) -> list[str]:
    """Return the words of a text without markup; the expected Markdown writes raised figures as any others."""
    return WORD.findall(unicodedata.normalize("NFKC", MARKUP.sub(" ", text)))


def share(expected: Counter, found: Counter, what: str) -> float:
    """Return which share of what is expected was found; log the rest."""
    missing = expected - found
    found_ones = expected.total() - missing.total()
    logger.info("%s: %d of %d; missing: %s", what, found_ones, expected.total(), missing.most_common(25))
    return 1 - missing.total() / max(expected.total(), 1)


def titles(document: Document) -> Counter[str]:
    return Counter(plain(title) for _, title in headings(document))


def cells(text: str) -> Counter[str]:
    """Return the cells of the tables in expected Markdown, once per table row."""
    rows = [line for line in text.splitlines() if line.startswith("|") and set(line) - set("|- :")]
    return Counter(cell for row in rows for part in re.split(r"(?<!\\)\|", row) if (cell := plain(part)))


def table_text(document: Document) -> str:
    kinds = (BlockKind.TABLE, BlockKind.CAPTION, BlockKind.PARAGRAPH, BlockKind.HEADING, BlockKind.CODE, BlockKind.LIST)
    return plain(" ".join(document.text[b.start : b.end] for b in document.blocks if b.kind in kinds))


@pytest.mark.parametrize(
    ("kind", "files", "floors"),
    [
        ("docx", 32, (1.0, 0.97, 0.96)),
        ("pptx", 8, (1.0, 1.0, 0.85)),
        ("xlsx", 11, (1.0, 0.93, 0.9)),
        ("csv", 9, (1.0, 0.99, 0.99)),
    ],
)
def test_shares_of_the_expected_headings_cells_and_words(corpora, kind, files, floors):
    wanted: list[Counter] = [Counter(), Counter(), Counter()]
    found: list[Counter] = [Counter(), Counter(), Counter()]
    seen = 0
    for path in sorted((corpora / "docling_tests" / kind / "sources").iterdir()):
        expected = corpora / "docling_tests" / kind / "groundtruth" / f"{path.name}.md"
        if not expected.exists():
            continue
        markup = expected.read_text(encoding="utf-8")
        try:
            document = parse(path)
        except EmptyDocument:
            continue
        seen += 1
        assert faults(document) == [], path.name
        lines = [line.lstrip("#") for line in re.findall(r"(?m)^#+ .*", markup)]
        own, whole = titles(document), table_text(document)
        key = path.name
        wanted[0] += Counter((key, plain(line)) for line in lines)
        found[0] += Counter({(key, title): count for title, count in own.items()})
        wanted[1] += Counter((key, cell) for cell in cells(markup))
        found[1] += Counter((key, cell) for cell in cells(markup) if cell in whole)
        expected_words = {(key, word): count for word, count in words(markup).items()}
        wanted[2] += Counter(expected_words)
        found[2] += Counter({(key, word): count for word, count in words(document.text).items()})
    names = ("headings", "cells", "words")
    shares = [share(wanted[i], found[i], f"{kind} {names[i]}") for i in range(3)]
    assert seen == files
    assert [name for name, got, floor in zip(names, shares, floors, strict=True) if got < floor] == []


def test_the_same_chapter_in_docx_and_markdown_has_the_same_headings_and_text(corpora):
    wanted, found, text, ours = Counter(), Counter(), Counter(), Counter()
    folder = corpora / "rust_book" / "nostarch"
    pairs = sorted((folder / "docx").iterdir())
    for path in pairs:
        given = replace(raw(path.read_bytes(), path.name, docx.MEDIA_TYPES[0]), options=ParserOptions(comments="drop"))
        document = docx.parse(given)
        other = markdown.parse(raw((folder / f"{path.stem}.md").read_bytes(), path.name, "text/markdown"))
        assert faults(document) == [], path.name
        wanted += Counter((path.stem, level, plain(title)) for level, title in headings(other))
        found += Counter((path.stem, level, plain(title)) for level, title in headings(document))
        text += Counter({(path.stem, word): count for word, count in words(other.text).items()})
        ours += Counter({(path.stem, word): count for word, count in words(document.text).items()})
    assert len(pairs) == 26
    assert share(wanted, found, "headings of Markdown in DOCX") >= 0.95
    assert share(found, wanted, "headings of DOCX in Markdown") >= 0.96
    assert share(text, ours, "words of Markdown in DOCX") >= 0.95
    assert share(ours, text, "words of DOCX in Markdown") >= 0.99


def test_every_office_file_is_read_or_refused_with_the_right_reason(corpora):
    kinds = (".docx", ".pptx", ".xlsx", ".xlsm", ".csv", ".tsv")
    good, refused = 0, {}
    for path in sorted((corpora / "unstructured_examples").rglob("*")) + sorted((corpora / "docling_tests").rglob("*")):
        if path.suffix not in kinds:
            continue
        try:
            assert faults(parse(path)) == [], path.name
            good += 1
        except DocumentError as error:
            refused[path.name] = type(error)
    logger.info("%d read, %s", good, refused)
    assert refused == {
        "password_protected.xlsx": EncryptedDocument,
        "empty.xlsx": EmptyDocument,
        "picture.pptx": ScannedDocument,
        "test-image-jpg-mime.pptx": ScannedDocument,
    }
