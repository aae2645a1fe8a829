"""Text of hostile documents is shown without driving the terminal."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ingest.cli.preview.visible_text import one_line, sign_of, visible


def test_what_drives_a_terminal_or_hides_is_written_out() -> None:
    assert "␛[31m ␀ ␡ ⟨U+009B⟩ ␍" == visible("\x1b[31m \0 \x7f \x9b \r")
    assert "⟨U+202E⟩⟨U+200B⟩⟨U+FEFF⟩⟨U+E0041⟩⟨U+D800⟩" == visible("\u202e\u200b\ufeff\U000e0041\ud800")
    assert "a\nb    c d" == visible("a\nb\tc\u00a0d")
    assert "ключ 中文 e\u0301 😀" == visible("ключ 中文 e\u0301 😀")


KEPT = "\n\u200c\u200d"  # line feeds, and joiners where they shape letters


@given(st.text(st.one_of(st.characters(exclude_categories=()), st.sampled_from("\u200d\u200b\ufe0f\x1b\x9b\u202e"))))
def test_nothing_but_what_is_seen_is_left(text: str) -> None:
    shown = visible(text)
    assert [c for c in shown if not c.isprintable() and c not in KEPT] == []
    assert "\n" not in one_line(text)
    assert shown.count("\n") == text.count("\n")
    assert len(one_line(text, 10)) <= 10


def test_every_format_character_is_written_out_alone_and_in_latin() -> None:
    hidden = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) in ("Cf", "Cc") and c not in "\n\t"]
    hidden += list("\u034f\u115f\u1160\u3164\uffa0\U000e0100\U000e01ef")
    assert [c for c in hidden if visible(c) != sign_of(c) or visible(f"a{c}b") != f"a{sign_of(c)}b"] == []


def test_joiners_and_selectors_stay_where_a_reader_sees_what_they_do() -> None:
    for text in ("می\u200cخواهم", "क्\u200dष", "👩\u200d💻", "❤\ufe0f\u200d🔥"):
        assert text == visible(text)
    assert "a⟨U+200D⟩b" == visible("a\u200db")
    assert "a\ufe0f⟨U+FE01⟩⟨U+FE02⟩" == visible("a\ufe0f\ufe01\ufe02")
