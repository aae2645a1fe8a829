"""CommonMark's own examples: what a page shows is in blocks, and its headings are ours.

Needs INGEST_TEST_DATA: a folder with `corpora/commonmark_spec/spec.txt`.
"""

import html
import os
import re
from pathlib import Path

import pytest

from ingest.documents.parsers import markdown
from ingest.records import BlockKind, Document
from tests.unit.documents.parsers.checks import faults, headings, parsed

pytestmark = pytest.mark.data

EXAMPLE = re.compile(r"^`{32} example\n(.*?)^\.\n(.*?)^`{32}$", re.M | re.S)
TAG = re.compile(r"<[^<>]*>")
NESTED = re.compile(r"<(blockquote|ul|ol)\b.*</\1>", re.S)
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.S)

NOT_SHOWN = {  # by number: the text between the tags is a script or a style sheet, which no page shows
    172: "JavaScript",
    174: "color:red",
    178: "color:red",
}


@pytest.fixture(scope="module")
def examples() -> dict[int, tuple[str, str]]:
    place = os.environ.get("INGEST_TEST_DATA")
    if not place:
        pytest.skip("INGEST_TEST_DATA is not set: no specification to read")
    text = (Path(place) / "corpora" / "commonmark_spec" / "spec.txt").read_text(encoding="utf-8").replace("→", "\t")
    pairs = dict(enumerate(EXAMPLE.findall(text), 1))
    return {number: (source, page) for number, (source, page) in pairs.items() if source.strip()}


def words(page: str) -> list[str]:
    """Return the words that a page shows, entities decoded; what stands in tags is not shown."""
    return re.findall(r"\w+", html.unescape(TAG.sub(" ", page)))


def kept(document: Document) -> str:
    """Return all letters and digits of blocks that are embedded, with entities as they are written and decoded."""
    blocks = [block for block in document.blocks if block.kind is not BlockKind.METADATA]
    text = " ".join(document.text[block.start : block.end] for block in blocks)
    return re.sub(r"\W", "", text + html.unescape(text))


def test_every_word_that_is_rendered_lies_in_a_block_that_is_embedded(examples):
    missing = {}
    for number, (source, page) in examples.items():
        text = kept(parsed(markdown, source))
        if lost := [word for word in words(page) if word not in text]:
            missing[number] = lost
    assert sorted(missing) == sorted(NOT_SHOWN)
    assert all(reason in examples[number][1] for number, reason in NOT_SHOWN.items())
    assert len(examples) > 640


def test_headings_are_those_of_the_page(examples):
    wrong = {}
    for number, (source, page) in examples.items():
        found = [
            (int(level), " ".join(html.unescape(TAG.sub("", inside)).split()))
            for level, inside in HEADING.findall(NESTED.sub("", page))
        ]
        expected = [heading for heading in found if heading[1]]
        if headings(parsed(markdown, source)) != expected:
            wrong[number] = expected
    assert wrong == {}


def test_every_character_of_every_example_lies_in_one_block(examples):
    found = {number: faults(parsed(markdown, source)) for number, (source, _) in examples.items()}
    assert {number: fault for number, fault in found.items() if fault} == {}
