"""Raised figures are told apart from the word or number at which they stand."""

import pytest

from ingest.documents.parsers._reading.raised_figures import marked_script

RAISED = {
    ("3", "About 10", " kg"): "³",
    ("1", "thousand", "."): "¹",
    ("-1", "kg ha", ""): "⁻¹",
    ("n – 1", "2", " to"): "ⁿ–¹",
    ("1, 2", "word", ""): "¹, ²",
    ("14", "", "C"): "¹⁴",
    ("a", "x", ""): "^a",
    ("i+1", "x", ""): "^(i+1)",
    ("st", "1", ""): "st",
    ("e", "du XIX", " siècle"): "e",
    ("TM", "Foo", ""): "™",
    ("[2]", "text", ""): "[2]",
    ("1)", "Isaacs(", ""): "1)",
    ("*", "word", ""): "*",
    ("citation needed", "word", ""): "citation needed",
    ("a", "word ", ""): "a",
    ("1", "", "⁄"): "1",
    ("1", "3", "/"): " 1",
    ("³", "10", ""): "³",
    (" 3 ", "10", ""): " ³ ",
}
LOWERED = {
    ("2", "H", "O"): "2",
    ("2", "10", ""): "₂",
    ("2", "log", "8"): "₂",
    ("i", "x", "²"): "i",
    ("4", "SO", ""): "4",
    ("1", "M¹", ""): "1",
}


@pytest.mark.parametrize(("place", "expected"), RAISED.items())
def test_raised_text_is_written_as_such(place, expected):
    assert expected == marked_script(*place, raised=True)


@pytest.mark.parametrize(("place", "expected"), LOWERED.items())
def test_lowered_figures_are_written_as_such_beside_other_figures(place, expected):
    assert expected == marked_script(*place, raised=False)
