"""Real PDF files: every file is parsed or refused for the right reason, and agrees with the expected Markdown.

Needs INGEST_TEST_DATA: a folder with `corpora/docling_tests/pdf`, `corpora/us_gov_pdfs` and
`corpora/unstructured_examples`. The expected Markdown is the output of a layout model, reviewed by people, not gold:
a share of 1.0 is not the aim.
"""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pypdfium2
import pytest

from ingest.errors import DocumentError
from ingest.records import BlockKind, Document
from tests.integration.documents.parsers.conftest import Read
from tests.unit.documents.parsers.checks import faults, headings

pytestmark = pytest.mark.data


def documents(read: Read, paths: list[Path]) -> dict[str, Document | DocumentError]:
    """Return name → document, or why it was refused."""
    return {path.name: read(path) for path in paths}


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower()))


def plain(text: str) -> str:
    """Return letters and digits only, without a number in front or behind: which side it is on differs."""
    return "".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).lower())).strip("0123456789") or "#"


def table_cells(lines: list[str]) -> Counter[str]:
    cells = ("".join(re.findall(r"\w+", cell.lower())) for line in lines for cell in line.strip().strip("|").split("|"))
    return Counter(cell for cell in cells if cell)


def expected(markdown: str) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return words, headings and table cells of Markdown."""
    text = re.sub(r"<!--.*?-->", "", markdown).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    text = text.replace("\\_", "_")
    rows = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)]
    titles = Counter(plain(line.lstrip("#")) for line in text.splitlines() if line.startswith("#"))
    return words(text), titles, table_cells(rows)


def actual(document: Document) -> tuple[Counter[str], Counter[str], Counter[str]]:
    rows = [
        line
        for block in document.blocks
        if block.kind is BlockKind.TABLE
        for line in document.text[block.start : block.end].split("\n")
    ]
    return words(document.text), Counter(plain(title) for _, title in headings(document)), table_cells(rows)


def agreement(corpora: Path, read: Read) -> dict[str, dict[str, float]]:
    """Return for words, headings and cells how many of the expected are found, and how many of the found expected."""
    folder = corpora / "docling_tests" / "pdf"
    truths = {path.stem: expected(path.read_text("utf-8")) for path in (folder / "groundtruth").glob("*.md")}
    results = documents(read, [path for path in sorted((folder / "sources").glob("*.pdf")) if path.stem in truths])
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("words", "headings", "cells")}
    for name, document in results.items():
        assert isinstance(document, Document), name
        for kind, wanted, found in zip(totals, truths[Path(name).stem], actual(document), strict=True):
            both = (wanted & found).total()
            totals[kind] += Counter({"wanted": wanted.total(), "found": found.total(), "both": both})
            print(f"{name} {kind}: {both} of {wanted.total()} expected, {found.total()} found")  # noqa: T201
            if kind != "words":
                print("   missing", list(wanted - found)[:12], "\n   more", list(found - wanted)[:12])  # noqa: T201
    return {
        kind: {"recall": count["both"] / count["wanted"], "precision": count["both"] / count["found"]}
        for kind, count in totals.items()
    }


FLOORS = {
    "words": {"recall": 0.98, "precision": 0.94},
    "headings": {"recall": 0.75, "precision": 0.78},
    "cells": {"recall": 0.57, "precision": 0.6},
}


def test_docling_files_agree_with_the_expected_markdown(corpora, read):
    shares = agreement(corpora, read)
    print(shares)  # noqa: T201
    below = {
        kind: shares[kind] for kind in FLOORS for share in shares[kind] if shares[kind][share] < FLOORS[kind][share]
    }
    assert below == {}


@pytest.mark.slow
def test_reports_of_agencies_have_the_headings_of_their_outlines(corpora, read):
    folder = corpora / "us_gov_pdfs" / "us-fed-agency-reports"
    paths = sorted(folder.rglob("*.pdf"))
    wanted = both = 0
    for name, document in documents(read, paths).items():
        assert isinstance(document, Document), name
        assert faults(document) == []
        outline = Counter(plain(title) for title in outline_titles(next(p for p in paths if p.name == name)))
        found = Counter(plain(title) for _, title in headings(document))
        missing = outline - found
        wanted, both = wanted + outline.total(), both + (outline & found).total()
        print(f"{name}: {(outline & found).total()} of {outline.total()} titles; missing {list(missing)[:8]}")  # noqa: T201
    assert (len(paths), both / wanted >= 0.99) == (9, True)


def outline_titles(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    return [bookmark.get_title() for bookmark in document.get_toc()]


def test_accident_reports_have_their_sections_and_their_forms(corpora, read):
    folder = corpora / "us_gov_pdfs" / "ntsb-aviation-incident-accident-reports"
    results = documents(read, sorted(folder.rglob("*.pdf")))
    sections = {"analysis", "probablecauseandfindings", "factualinformation"}
    labels = {"accidentnumber", "aircraftdamage", "certificate", "registration"}
    short = {}
    for name, document in results.items():
        assert isinstance(document, Document), name
        assert faults(document) == []
        _, titles, cells = actual(document)
        written = {title for title in sections if title in plain(document.text)}
        filled = {label for label in labels if any(cell.startswith(label) for cell in cells)}  # "Registration: N50DS"
        if missing := (written - set(titles)) | (labels - filled):
            short[name] = missing
    assert (len(results), short) == (20, {})


@pytest.mark.slow
def test_no_word_of_the_text_layer_is_lost(corpora, read):
    shares = {}
    for path in sorted((corpora / "us_gov_pdfs").rglob("*.pdf")):
        layer = words(" ".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path)))
        kept = words(read(path).text)
        shares[path.name] = (layer & kept).total() / layer.total()
    print(sorted(shares.items(), key=lambda item: item[1])[:5], sum(shares.values()) / len(shares))  # noqa: T201
    assert {name: share for name, share in shares.items() if share < 0.9} == {}


@pytest.mark.slow
def test_every_example_is_parsed_or_refused_for_the_right_reason(corpora, read):
    paths = sorted((corpora / "unstructured_examples").rglob("*.pdf"))
    paths += sorted((corpora / "docling_tests").rglob("*.pdf"))
    results = documents(read, paths)
    refused = {name: type(error).__name__ for name, error in results.items() if not isinstance(error, Document)}
    assert refused == {
        "2206.01062_pg3.pdf": "EncryptedDocument",
        "loremipsum-flat.pdf": "ScannedDocument",
        "password.pdf": "EncryptedDocument",
        "single_table.pdf": "ScannedDocument",
        "table-multi-row-column-cells.pdf": "ScannedDocument",
    }
    assert {name: found for name, d in results.items() if isinstance(d, Document) and (found := faults(d))} == {}
