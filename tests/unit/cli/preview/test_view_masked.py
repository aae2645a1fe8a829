"""Secrets are masked wherever a preview is shown."""

from dataclasses import replace

from ingest.cli.preview.comparison import compare
from ingest.cli.preview.document_preview import MASK
from ingest.cli.preview.view import masked, masked_words, secret_spans, values
from ingest.records import Child
from tests.unit.cli.preview.conftest import Previewer

SECRET = "AKIA" + "Q3EGRR7MZ5PVN2KD"


def test_a_secret_is_masked_line_by_line_and_the_rest_stays(preview: Previewer) -> None:
    text = f"before\naws {SECRET} x\nafter"
    made = masked(preview(text))
    assert f"before\n{MASK}\nafter" == made.slice(0, len(text)) == made.dropped[0][0].text
    for start in range(len(text)):
        for end in range(start, len(text) + 1):
            assert "Q3EGRR7" not in made.slice(start, end)


def test_a_private_key_is_masked_to_the_end_of_its_piece(preview: Previewer) -> None:
    text = "x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n"
    made = masked(preview(text))
    assert [(2, len(text))] == list(secret_spans(text, [(0, len(text))]))
    assert f"x\n{MASK}\n{MASK}\n{MASK}\n" == made.slice(0, len(made.document.text))
    assert "x\n" == made.slice(0, 2)


def test_a_piece_whose_lines_do_not_tell_is_masked_whole_and_pieces_may_overlap() -> None:
    text = "one\ntwo\nthree"
    assert [(0, 7), (4, 13)] == list(secret_spans(text, [(0, 7), (4, 13)]))


def test_titles_with_a_secret_are_masked_even_in_a_text_without_one() -> None:
    assert [MASK, "Guide"] == [masked_words(f"key {SECRET}"), masked_words("Guide")]


def test_headings_contexts_titles_and_paths_inside_are_masked_too(preview: Previewer) -> None:
    made = preview(f"---\nkey: {SECRET}\n---\n# Key {SECRET}\n\nWords.\n\n## Deeper\n\nMore words.\n")
    made = replace(made, document=replace(made.document, children=(Child(f"{SECRET}.md", b""),)))
    assert SECRET in str(values(made))
    assert SECRET not in str(values(masked(made), compare(made, masked(made))))
