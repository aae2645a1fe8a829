"""Real pages, articles, books and e-mails: everything is covered, and what reviewed references hold is found.

Needs INGEST_TEST_DATA: a folder with `corpora/docling_tests/<format>/{sources,groundtruth}` and
`corpora/unstructured_examples`. The references are another parser's output, so a miss is a difference, not always an
error of ours.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ingest.documents.media_types import sniff
from ingest.documents.parsers import eml, epub, html, msg, xml
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument
from ingest.records import BlockKind, Document
from tests.unit.documents.parsers.checks import faults, headings, raw, shown

pytestmark = pytest.mark.data
_WORD = re.compile(r"\w+")
_MARKUP = re.compile(r"\]\([^)]*\)|<!--.*?-->|&\w+;|_")
PARSERS = {"html": html, "htm": html, "xml": xml, "nxml": xml, "eml": eml, "msg": msg, "epub": epub}


def read(path: Path) -> Document:
    data = path.read_bytes()
    parser = PARSERS[path.suffix[1:]]
    media_type = sniff(data, path.name)
    if media_type not in parser.MEDIA_TYPES:
        media_type = parser.MEDIA_TYPES[0]
    return parser.parse(replace(raw(data, path.name), media_type=media_type))


@dataclass
class Shares:
    """How much of the references was found, counted over a folder."""

    found: Counter
    wanted: Counter
    missed: list[str]

    def share(self, what: str) -> float:
        return self.found[what] / self.wanted[what] if self.wanted[what] else 1.0

    def count(self, what: str, wanted: list[str], have: Counter, where: str) -> None:
        left = Counter(have)
        for one in wanted:
            self.wanted[what] += 1
            if left[one] > 0:
                left[one] -= 1
                self.found[what] += 1
            elif what != "words":
                self.missed.append(f"{where}: {what}: {one[:100]}")


def plain(text: str) -> str:
    """Return the words of a text without markup and punctuation, joined: white space differs between parsers."""
    return "".join(words_of(text))


def words_of(text: str) -> list[str]:
    """Return the words of a text; the references write raised figures as any others."""
    return _WORD.findall(unicodedata.normalize("NFKC", _MARKUP.sub(" ", text).replace("™", "")).lower())


def cells_of(markdown: str) -> list[str]:
    rows = [line for line in markdown.splitlines() if line.startswith("|") and not re.match(r"\|[\s|:-]+\|?$", line)]
    return [cell for row in rows for cell in map(plain, re.split(r"(?<!\\)\|", row)[1:-1]) if cell]


def compare(folder: Path) -> Shares:
    shares = Shares(Counter(), Counter(), [])
    for source in sorted((folder / "sources").iterdir()):
        reference = folder / "groundtruth" / f"{source.name}.md"
        if not reference.exists():
            reference = folder / "groundtruth" / f"{source.stem}.md"
        if source.suffix[1:] not in PARSERS or not reference.exists():
            continue
        markdown = reference.read_text(encoding="utf-8")
        document = read(source)
        titles = Counter(plain(title) for _, title in headings(document))
        shares.count("headings", [plain(t) for t in re.findall(r"(?m)^#+ +(.+)$", markdown)], titles, source.name)
        tables = [text for kind, text in shown(document) if kind == BlockKind.TABLE]
        cells = Counter(plain(cell) for text in tables for line in text.split("\n") for cell in line.split(" | "))
        missing = Counter(
            {cell: max(cells[cell], 1000 * (cell in cells)) for cell in cells}
        )  # spans are repeated there
        shares.count("cells", cells_of(markdown), missing, source.name)
        shares.count("words", words_of(markdown), Counter(words_of(document.text)), source.name)
    return shares


@pytest.mark.parametrize(
    ("folder", "least"),
    [
        ("html", {"headings": 0.98, "cells": 0.96, "words": 0.95}),
        ("jats", {"headings": 0.87, "cells": 1.0, "words": 0.96}),
        ("uspto", {"headings": 0.98, "cells": 1.0, "words": 0.985}),
        ("epub", {"headings": 1.0, "words": 1.0}),
    ],
)
def test_what_the_references_hold_is_found(corpora, folder, least):
    shares = compare(corpora / "docling_tests" / folder)
    assert shares.wanted["words"] > 3000
    found = {what: round(shares.share(what), 4) for what in ("headings", "cells", "words")}
    assert {what: share for what in least if (share := found[what]) < least[what]} == {}, "\n".join(shares.missed)


def test_every_real_file_is_covered_or_refused_for_a_reason(corpora):
    refused = {}
    folders = [corpora / "unstructured_examples", corpora / "docling_tests"]
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.suffix[1:] in PARSERS):
        try:
            assert faults(read(path)) == [], path.name
        except DocumentError as error:
            refused[path.name] = type(error)
    assert refused == {
        "empty.eml": EmptyDocument,
        "fake-encrypted.eml": EncryptedDocument,
        "fake-encrypted.msg": EncryptedDocument,
    }
