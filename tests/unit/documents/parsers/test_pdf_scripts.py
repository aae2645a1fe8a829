"""Raised and lowered figures and letters."""

import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, build, lines, text

BODY = ["A line of the text that is below, in the size of the document's text."] * 2


def written(*parts):
    """Return the text of a page with one line; a part is a text, or (text, points above the baseline, size)."""
    content = f"q BT /F1 10 Tf 72 {HEIGHT - 100} Td "
    for part in parts:
        words, rise, size = part if isinstance(part, tuple) else (part, 0, 10)
        shown_words = words.encode("cp1252").decode("latin-1").replace("(", r"\(").replace(")", r"\)")
        content += f"/F1 {size} Tf {rise} Ts ({shown_words}) Tj "
    document = parsed(pdf, build([content + "ET Q\n" + lines(72, 140, BODY)]))
    assert faults(document) == []
    assert [kind for kind, _ in shown(document)] == ["paragraph", "paragraph"]
    return shown(document)[0][1]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["and 10", ("3", 4, 6), " is a thousand", ("1", 4, 6), "."], "and 10³ is a thousand¹."),
        (["H", ("2", -2, 6), "O and H", ("2", -2, 6), "SO", ("4", -2, 6)], "H₂O and H₂SO₄"),
        (["10", ("-6", 4, 6), " m and 10", ("–9", 4, 6), " m"], "10⁻⁶ m and 10⁻⁹ m"),
        (["(A/cm", ("2", 4, 6), ")"], "(A/cm²)"),
        (["the 1", ("st", 4, 6), " and the n", ("th", 4, 6), " day"], "the 1st and the nth day"),
        (["M", ("me", 4, 6), " Curie"], "Mme Curie"),
        (["Acme", ("TM", 4, 6), " is ours"], "Acme™ is ours"),
        (["a value", ("a", 4, 6), " and one", ("b,c", 4, 6)], "a value^a and one^(b,c)"),
        (["the load V", ("max", -2, 6), ", or x", ("i", -2, 6)], "the load V_max, or x_i"),
        (["noted", ("*", 4, 7), " and noted", ("†", 4, 7)], "noted* and noted†"),
        (["cited", ("[1]", 4, 7), " twice", ("[2,3]", 4, 7)], "cited[1] twice[2,3]"),
        (["by Smith", ("1,2", 4, 6), " and Li", ("4–6", 4, 6)], "by Smith¹,² and Li⁴–⁶"),
        ([("1", 4, 6), " In the decimal system."], "¹ In the decimal system."),
        ([("12", 4, 6), "In the decimal system."], "¹²In the decimal system."),
        (["x", ("2", 4, 6), " + y", ("2", 4, 6), " = z", ("2", 4, 6)], "x² + y² = z²"),
        (["L", ("A", 2, 7), "TEX"], "LATEX"),
        (["a law", ("2)", 4, 6), " says"], "a law²⁾ says"),
        (["and 10", ("3", 4, 8.9), " and H", ("2", -4, 8.9), "O"], "and 10³ and H₂O"),
        (["a level", (" word", 0, 7), " of small letters"], "a level word of small letters"),
    ],
)
def test_raised_and_lowered_parts_are_told_apart_from_the_word(parts, expected):
    assert written(*parts) == expected


def test_text_behind_a_large_initial_is_no_exponent():
    page = text(72, 124, "T", 34) + text(93, 100, "he plan is read before anything is spent,")
    page += text(93, 112, "and it says how many.") + text(93, 124, "Nothing is fetched before.") + lines(72, 150, BODY)
    assert not set("^_") & set(parsed(pdf, build([page])).text)


def test_a_raised_figure_that_is_painted_later_does_not_become_part_of_a_number():
    page = text(72, 100, "ten to the third is 10") + text(74, 500, "Elsewhere.") + text(166.6, 96, "3", 6)
    words = parsed(pdf, build([page + lines(72, 140, BODY)])).text
    assert "103" not in words
