"""Long runs of one character or line take time in proportion to their length: none of these ends in time otherwise."""

import json

import pytest

from ingest.documents.parsers import html, markdown, notebook, rst, xml
from ingest.documents.parsers.pdf.blocks import _LEADER
from tests.unit.documents.parsers.checks import faults, parsed

LONG = 1_000_000
pytestmark = pytest.mark.timeout(20)


@pytest.mark.parametrize(
    ("parser", "source"),
    [
        (html, f"<html><body><p>one{' ' * LONG}two</p></body></html>"),
        (xml, f"<a><b>one{' ' * LONG}two</b></a>"),
        (markdown, "| a | b |\n|---|---|\n" + "| <i hidden>x</i> | 1 |\n" * (LONG // 60)),
        (rst, f"{'=' * LONG} ===\na b\n{'=' * LONG}x\n"),
    ],
)
def test_a_long_run_is_read_once(parser, source):
    media_type = "application/xhtml+xml" if parser is html else ""
    assert faults(parsed(parser, source, media_type)) == []


def test_output_on_a_long_line_is_read_once_and_overwritten_lines_keep_their_last_state():
    text = f"{'x' * LONG}\n10%\r20%\n"
    cell = {"cell_type": "code", "source": "run()", "outputs": [{"output_type": "stream", "text": text}]}
    document = parsed(notebook, json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]}))
    assert [("x" * LONG), "20%"] == document.text.splitlines()[-2:]


def test_blanks_that_lead_to_no_page_number_are_read_once():
    assert [" " * LONG, "a … 7"] == [_LEADER.sub(" … ", line) for line in (" " * LONG, "a ........ 7")]
