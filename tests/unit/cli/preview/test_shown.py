"""Text of hostile documents is shown without driving the terminal, and secrets are masked."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ingest.cli.preview.shown import MASK, Mask, is_invisible, name_of, one_line, secret_spans, visible

SECRET = "AKIA" + "Q3EGRR7MZ5PVN2KD"


def test_what_drives_a_terminal_or_hides_is_written_out() -> None:
    assert "␛[31m ␀ ␡ ⟨U+009B⟩ ␍" == visible("\x1b[31m \0 \x7f \x9b \r")
    assert "⟨U+202E⟩⟨U+200B⟩⟨U+FEFF⟩⟨U+E0041⟩⟨U+D800⟩" == visible("\u202e\u200b\ufeff\U000e0041\ud800")
    assert "a\nb    c d" == visible("a\nb\tc\u00a0d")
    assert "ключ 中文 e\u0301 😀" == visible("ключ 中文 e\u0301 😀")


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_but_printable_characters_and_line_feeds_is_left(text: str) -> None:
    shown = visible(text)
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []
    assert "\n" not in one_line(text)
    assert shown.count("\n") == text.count("\n")
    assert len(one_line(text, 10)) <= 10


def test_every_format_character_counts_as_invisible() -> None:
    hidden = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) in ("Cf", "Cc") and c not in "\n\t"]
    assert [c for c in hidden if not is_invisible(c) or name_of(c) == c] == []


def test_a_secret_is_masked_line_by_line_and_the_rest_stays() -> None:
    text = f"before\naws {SECRET} x\nafter"
    mask = Mask(text, tuple(secret_spans(text, [(0, len(text))])))
    assert f"before\n{MASK}\nafter" == mask.slice(0, len(text))
    for start in range(len(text)):
        for end in range(start, len(text) + 1):
            assert "Q3EGRR7" not in mask.slice(start, end)


def test_a_private_key_is_masked_to_the_end_of_its_piece() -> None:
    text = "x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA\n"
    mask = Mask(text, tuple(secret_spans(text, [(0, len(text))])))
    assert "MIIE" not in mask.slice(0, len(text))
    assert "x\n" == mask.slice(0, 2)


def test_a_piece_whose_lines_do_not_tell_is_masked_whole_and_pieces_may_overlap() -> None:
    text = "one\ntwo\nthree"
    assert [(0, 7), (7, 13)] == list(secret_spans(text, [(0, 7), (4, 13)]))


def test_titles_with_a_secret_are_masked_even_in_a_text_without_one() -> None:
    assert [MASK, "Guide"] == [Mask("", ()).words(f"key {SECRET}"), Mask("", ()).words("Guide")]
    assert f"key {SECRET}" == Mask("").words(f"key {SECRET}")
