import pytest

from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, symbol, with_symbols


def test_codes_of_symbol_fonts_are_what_the_font_shows() -> None:
    assert ["≥", "α", "μ", "Δ", "•", "∫", "⎭"] == [
        symbol(code, "Symbol") for code in (0xF0B3, 0xF061, 0x6D, 0x44, 0xB7, 0xF2, 0xFE)
    ]
    assert ["☑", "☐", "☒", "✓", "✗", "☒", "→", "▪", "➢", "☺"] == [
        symbol(code, "Wingdings") for code in (0xF0FE, 0xF0A8, 0xFD, 0xFC, 0xFB, 0x78, 0xE0, 0xA7, 0xD8, 0x4A)
    ]
    assert ["☑", "☐", "✓", "✗", "①"] == [symbol(code, "Wingdings 2") for code in (0x52, 0xA3, 0x50, 0x4F, 0x6A)]
    assert ["←", "▲", "▸", "↗"] == [symbol(code, "Wingdings 3") for code in (0x21, 0x70, 0x7D, 0x26)]
    assert ["✔", "☐", "✖", "🕊"] == [symbol(code, "Webdings") for code in (0x61, 0x63, 0x72, 0xFF)]
    assert ["✁", "✔", "●", "➾", "①"] == [symbol(code, "ZapfDingbats") for code in (0x21, 0x34, 0x6C, 0xFE, 0xAC)]


@pytest.mark.parametrize("font", ["Symbol", "Wingdings", "Wingdings 2", "Wingdings 3", "Webdings", "ZapfDingbats"])
def test_every_code_is_one_visible_character_or_none(font: str) -> None:
    signs = [symbol(code, font) for code in range(0x21, 0x100)]
    assert signs == [symbol(code + 0xF000, font) for code in range(0x21, 0x100)]
    assert {0, 1} >= {len(sign) for sign in signs}
    assert not [sign for sign in signs if sign and (sign.isspace() or "\ue000" <= sign <= "\uf8ff" or sign == "␀")]
    assert " " == symbol(0x20, font)
    assert ["", "", ""] == [symbol(code, font) for code in (0x1F, 0x100, 0x10F0FC)]
    assert sum(map(bool, signs)) > 180


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("ABCDEF+Wingdings-Regular", "✓"),
        ("wingdings", "✓"),
        ("Wingdings2", ""),
        ("SymbolMT", "⎫"),
        ("Symbol,Bold", "⎫"),
        ("Standard Symbols L", "⎫"),
        ("ITC Zapf Dingbats", "➼"),
        ("Monotype Sorts", "➼"),
        ("Segoe UI Symbol", ""),
        ("Courier", ""),
        ("", ""),
        ("symbolmt" * 100_000, ""),
    ],
)
def test_fonts_are_known_by_the_names_that_they_have_in_documents(name: str, sign: str) -> None:
    assert sign == symbol(0xFC, name)
    assert (bool(sign) or name == "Wingdings2") is is_symbol_font(name)


def test_text_in_a_symbol_font_is_what_it_shows_and_other_text_stays() -> None:
    assert "αβγ≥7" == with_symbols("abg\u00b37", "Symbol")
    assert "≥ – 中" == with_symbols("≥ – 中", "Symbol")
    assert "☑\ufffd" == with_symbols("\uf0fe\uf0ff", "Wingdings")


def test_without_a_symbol_font_only_private_characters_with_one_usual_meaning_are_replaced() -> None:
    assert "• ✓ → abc \uf061 \ue123" == with_symbols("\uf0b7 \uf0fc \uf0e0 abc \uf061 \ue123", "Calibri")
