"""Notebooks: cells in order, and the text that they put out."""

import json
import os
from pathlib import Path

import pytest

from ingest.documents.parsers import notebook
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from tests.unit.documents.parsers import checks
from tests.unit.documents.parsers.checks import faults, headings, shown


def cell(kind, source, **more):
    return {"cell_type": kind, "source": source, "metadata": {}, **more}


def parsed(*cells, **more):
    metadata = {"kernelspec": {"name": "k", "language": "julia"}}
    return checks.parsed(notebook, json.dumps({"nbformat": 4, "metadata": metadata, "cells": list(cells), **more}))


def outputs(*found):
    return shown(parsed(cell("code", "run()", outputs=list(found))))[1:]


def test_cells_are_blocks_in_order_and_markdown_is_parsed():
    document = parsed(
        cell("markdown", ["# Title é\n", "\n", "- a\n", "- b"]),
        cell("code", "x = 1\n\ny"),
        cell("markdown", "## Next\ntext"),
    )
    assert faults(document) == []
    assert document.title == "Title é"
    assert headings(document) == [(1, "Title é"), (2, "Next")]
    assert [kind for kind, _ in shown(document)] == ["heading", "list", "code", "heading", "paragraph"]
    assert document.blocks[2].language == "julia"
    assert document.text[document.blocks[1].breaks[0] :].startswith("- b")


def test_a_cell_magic_names_the_language():
    assert parsed(cell("code", "%%bash\nls")).blocks[0].language == "bash"


def test_text_outputs_are_kept_without_colours():
    assert outputs({"output_type": "stream", "text": ["a\n", "\x1b[31mred\x1b[0m\n"]}) == [("code", "a\nred")]
    assert outputs({"output_type": "execute_result", "data": {"text/plain": ["42"]}}) == [("code", "42")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"])
def test_a_progress_bar_leaves_its_last_state(end):
    assert outputs({"output_type": "stream", "text": f"10%\r50%\r100%{end}done"}) == [("code", "100%\ndone")]


def test_tracebacks_are_kept_without_colours():
    assert outputs({"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m: v"]}) == [
        ("code", "E: v")
    ]


def test_pictures_and_the_names_of_their_objects_are_left_out():
    assert outputs({"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure size 1>"}}) == []


def test_of_a_result_the_form_that_tells_most_is_kept():
    table = "<table><tr><td>1 &amp; 2</td></tr></table>"
    assert outputs({"output_type": "execute_result", "data": {"text/html": table, "text/plain": "1 & 2"}}) == [
        ("code", "1 & 2")
    ]
    assert outputs({"output_type": "execute_result", "data": {"text/html": table, "text/plain": "<HTML object>"}}) == [
        ("paragraph", "1 & 2")
    ]
    assert outputs({"output_type": "display_data", "data": {"text/markdown": "# Head"}}) == [("heading", "# Head")]


def test_raw_cells_are_text_and_front_matter_names_the_document():
    document = parsed(cell("raw", "---\ntitle: Named\n---"), cell("raw", "as it is"))
    assert document.title == "Named"
    assert [kind for kind, _ in shown(document)] == ["metadata", "paragraph"]


def test_version_three_is_read():
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Head"},
        {
            "cell_type": "code",
            "input": ["print(1)"],
            "language": "python",
            "outputs": [{"output_type": "pyout", "text": ["1"]}, {"output_type": "display_data", "png": "x"}],
        },
    ]
    document = checks.parsed(notebook, json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    assert shown(document) == [("heading", "Head"), ("code", "print(1)"), ("code", "1")]
    assert document.blocks[1].language == "python"


@pytest.mark.parametrize(
    "text", ['{"nbformat": 4, "cells": [', '{"nbformat": 4}', "[]", '{"nbformat": 4, "cells": [1]}', "text"]
)
def test_broken_notebooks_are_malformed(text):
    with pytest.raises(MalformedDocument):
        checks.parsed(notebook, text)


@pytest.mark.parametrize(
    "odd",
    [
        {"source": 1},
        {"source": [1, None]},
        {"source": "x", "outputs": [1, None]},
        {"source": "x", "outputs": {}},
        {"outputs": True},
        {"language": 3, "source": "x"},
    ],
)
def test_values_of_other_types_do_no_harm(odd):
    good = cell("markdown", "text")
    assert shown(checks.parsed(notebook, json.dumps({"cells": [{"cell_type": "code", **odd}, good]})))[-1] == (
        "paragraph",
        "text",
    )


def test_other_versions_and_empty_or_deep_notebooks_have_their_own_errors():
    with pytest.raises(UnsupportedFormat, match="nbformat 2"):
        checks.parsed(notebook, '{"nbformat": 2, "cells": []}')
    with pytest.raises(EmptyDocument):
        parsed(cell("code", " \n"))
    with pytest.raises(OversizedDocument):
        checks.parsed(notebook, "[" * 100_000)


@pytest.mark.data
def test_real_notebooks_are_covered():
    place = os.environ.get("INGEST_TEST_DATA")
    if not place:
        pytest.skip("INGEST_TEST_DATA is not set: no real notebooks")
    paths = sorted((Path(place) / "ray_docs").rglob("*.ipynb"))
    documents = {path.name: checks.parsed(notebook, path.read_bytes()) for path in paths}
    assert {name: faults(document) for name, document in documents.items() if faults(document)} == {}
    assert len(documents) > 20
