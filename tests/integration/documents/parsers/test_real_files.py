"""Real documentation: nothing crashes, everything is covered, and the judged sections are found where they are.

Needs INGEST_TEST_DATA: a folder with the sets `ray_docs` and `covidqa` (each `docs/` and `queries.jsonl`) and
`corpora/<name>`.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from benchmarks import formats
from ingest.errors import DocumentError, UnsupportedFormat
from ingest.records import Document
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import faults, headings, paths, raw
from tests.unit.documents.parsers.docutils_tree import sections

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def root() -> Path:
    place = os.environ.get("INGEST_TEST_DATA")
    if not place:
        pytest.skip("INGEST_TEST_DATA is not set: no real files to parse")
    return Path(place)


@cache
def documents(folder: Path) -> dict[str, Document | DocumentError]:
    """Return path → document, or why it was refused; parsed once for all tests."""
    sandbox = InlineSandbox()
    found: dict[str, Document | DocumentError] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        try:
            found[name] = sandbox.parse(raw(path.read_bytes(), name))
        except DocumentError as error:
            found[name] = error
    return found


@pytest.mark.parametrize(
    ("folder", "parsed"),
    [
        ("ray_docs/docs", 951),
        ("covidqa/docs", 92),
        ("corpora/kubernetes_docs_2021", 561),
        ("corpora/commonmark_spec", 4),
        ("corpora/prefect_docs", 192),
    ],
)
def test_every_text_file_is_parsed_and_covered(root, folder, parsed):
    results = documents(root / folder)
    good = {name: result for name, result in results.items() if isinstance(result, Document)}
    refused = {name: result for name, result in results.items() if not isinstance(result, Document)}
    assert {name: found for name, document in good.items() if (found := faults(document))} == {}
    assert {type(error) for error in refused.values()} <= {UnsupportedFormat}
    assert len(good) == parsed


# Refused for what they are: encrypted or empty on purpose, scans, formats that nobody reads, pages without a sentence.
REFUSED: dict[str, dict[str, int]] = {
    "asciidoc": {"UnsupportedFormat": 4},
    "doc": {"UnsupportedFormat": 6},
    "eml": {"EmptyDocument": 1, "EncryptedDocument": 1},
    "md": {"EmptyDocument": 54},
    "mdx": {"EmptyDocument": 7},
    "msg": {"EncryptedDocument": 1},
    "org": {"UnsupportedFormat": 3},
    "pdf": {"EncryptedDocument": 2, "ScannedDocument": 3},
    "png": {"UnsupportedFormat": 1},
    "ppt": {"UnsupportedFormat": 2},
    "pptx": {"ScannedDocument": 2},
    "rtf": {"UnsupportedFormat": 2},
    "txt": {"EmptyDocument": 2},
    "xls": {"UnsupportedFormat": 2},
    "xlsx": {"EmptyDocument": 1, "EncryptedDocument": 1},
}


@pytest.mark.slow
def test_every_file_of_the_corpora_is_indexed_or_refused_for_the_right_reason(root, parsed_once):
    found = formats.outcomes(root / "corpora", parsed_once.parse)
    table = formats.by_format(found)
    refused = {name: {k: n for k, n in row.items() if k != "indexed"} for name, row in table.items()}
    assert {name: row for name, row in refused.items() if row} == REFUSED
    assert sum(row.total() for row in table.values()) == 1448
    assert formats.DOCS.read_text(encoding="utf-8").count(formats.tables(found)) == 1, "run `make formats`"


def gold(root: Path, name: str) -> list[dict]:
    with (root / name / "queries.jsonl").open(encoding="utf-8") as lines:
        places = [place for line in lines for place in json.loads(line)["gold"]]
    return [place for place in places if "headings" in place and "start" in place]


def test_each_judged_section_of_ray_docs_starts_where_it_is_judged(root):
    results = documents(root / "ray_docs" / "docs")
    places = gold(root, "ray_docs")
    missing = [
        place
        for place in places
        if paths(results[place["doc"].removeprefix("docs/")]).get(place["start"]) != place["headings"]
    ]
    assert (missing, len(places)) == ([], 112)


def test_each_judged_span_of_covidqa_lies_in_the_section_that_is_judged(root):
    results = documents(root / "covidqa" / "docs")
    places = gold(root, "covidqa")
    missing = []
    for place in places:
        found = paths(results[place["doc"].removeprefix("docs/")])
        before = [start for start in found if start <= place["start"]]
        if not before or found[max(before)] != place["headings"]:
            missing.append(place)
    assert (missing, len(places)) == ([], 1153)


@pytest.mark.slow
def test_the_sections_of_real_rst_files_are_those_of_docutils(root):
    results = documents(root / "ray_docs" / "docs")
    count = 0
    for name in sorted(name for name in results if name.endswith(".rst")):
        expected = [(level, " ".join(title.split())) for level, title in sections(results[name].text)]
        assert headings(results[name]) == expected, name
        count += len(expected)
    assert count == 2476
