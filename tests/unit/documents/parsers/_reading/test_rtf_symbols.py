import time

import pytest

from ingest.documents.parsers._reading.rtf_symbols import rtf_with_symbols

TABLE = (
    "{\\fonttbl{\\f0\\froman\\fcharset0 Times New Roman;}{\\f1\\froman\\fcharset2\\fprq2 Symbol{\\*\\falt Arial};}"
    "{\\f12\\fnil\\fcharset2{\\*\\panose 05}Wingdings;}}"
)


def written(text: str) -> str:
    """Return text as the parser writes it."""
    units = memoryview(text.encode("utf-16-le")).cast("H")
    return "{\\uc0" + "".join(f"\\u{unit - 65536 if unit > 32767 else unit} " for unit in units) + "}"


def read(body: str, table: str = TABLE) -> str:
    found = rtf_with_symbols(f"{{\\rtf1\\ansi{table}{body}}}".encode("latin-1")).decode("latin-1")
    return found.removeprefix(f"{{\\rtf1\\ansi{table}").removesuffix("}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pH {\\f1\\'b3} 7", "pH {\\f1" + written("≥") + "} 7"),
        ("{\\f1 a7}a", "{\\f1 " + written("α") + "7}a"),
        ("{\\f12\\u-3842\\'fe}x", "{\\f12" + written("☑") + "}x"),
        ("{\\f12\\uc2\\u-3928?? n}", "{\\f12\\uc2" + written("☐") + " " + written("■") + "}"),
        ("{\\f12 %}", "{\\f12 " + written("🔔") + "}"),
        ("\\u-3913? point", written("•") + " point"),
        ("\\f1 a\\plain a", "\\f1 " + written("α") + "\\plain a"),
        ("{\\*\\pn{\\f1\\'b7}}{\\f1{\\pict abcd}}", "{\\*\\pn{\\f1\\'b7}}{\\f1{\\pict abcd}}"),
        ("{\\f1\\{a\\}\n}", "{\\f1\\{" + written("α") + "\\}\n}"),
    ],
)
def test_characters_of_symbol_fonts_are_written_as_unicode(body: str, expected: str) -> None:
    assert expected == read(body)


def test_documents_without_symbol_fonts_and_other_formats_stay_as_they_are() -> None:
    plain = "{\\fonttbl{\\f1 Arial;}}"
    assert "{\\f1 a\\'b3}" == read("{\\f1 a\\'b3}", plain)
    other = b"\xd0\xcf\x11\xe0 {\\fonttbl{\\f1 Symbol;}}{\\f1 a}"
    assert other == rtf_with_symbols(other)


@pytest.mark.parametrize(
    "part", ["{\\f1 a}", "\\u-1", "{", "}", "\\'b3", "{\\fonttbl{\\f1", "\\f1 a\\b;", "\\", "\\f9999999999"]
)
def test_damaged_documents_cost_no_more_than_others(part: str) -> None:
    data = f"{{\\rtf1{TABLE}{part * 30_000}".encode()
    start = time.process_time()
    assert rtf_with_symbols(data)
    assert time.process_time() - start < 2
