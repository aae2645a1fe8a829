import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.checks import parsed, shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, Writer

WIDTHS = f"/FirstChar 32 /LastChar 255 /Widths [{' '.join(['600'] * 224)}]"


def table(rows):
    head = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def\n"
    chars = "".join(f"<{code:02X}> <{ord(text):04X}>\n" for code, text in rows)
    ranges = f"1 begincodespacerange <00> <FF> endcodespacerange {len(rows)} beginbfchar\n{chars}endbfchar\n"
    return f"{head}{ranges}endcmap end end".encode()


def build(codes, name, kind="TrueType", more="", rows=()):
    """Return a file with "x = " and then codes in a font."""
    writer = Writer()
    about = writer.add(
        f"<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [0 -200 600 800] /ItalicAngle 0 /Ascent 800 "
        "/Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    own = f"/FontDescriptor {about} 0 R {WIDTHS}" if kind != "Standard" else ""
    told = f"/ToUnicode {writer.stream(table(rows))} 0 R" if rows else ""
    kind = "Type1" if kind == "Standard" else kind
    symbols = writer.add(f"<< /Type /Font /Subtype /{kind} /BaseFont /{name} {own} {told} {more} >>")
    plain = writer.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    shown_codes = bytes(codes).hex()
    content = f"BT /F1 12 Tf 72 {HEIGHT - 90} Td (x = ) Tj ET BT /F2 12 Tf 95 {HEIGHT - 90} Td <{shown_codes}> Tj ET"
    stream = writer.stream(content.encode())
    tree = len(writer.bodies) + 2
    page = writer.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
        f"/Resources << /Font << /F1 {plain} 0 R /F2 {symbols} 0 R >> >> /Contents {stream} 0 R >>"
    )
    writer.add(f"<< /Type /Pages /Kids [{page} 0 R] /Count 1 >>")
    return writer.file(f"/Root {writer.add(f'<< /Type /Catalog /Pages {tree} 0 R >>')} 0 R")


def text(data):
    return [block for _, block in shown(parsed(pdf, data))]


@pytest.mark.parametrize(
    ("name", "codes", "expected"),
    [
        ("ABCDEF+Wingdings-Regular", b"\xfc\xfe\xa8", "✓☑☐"),
        ("ABCDEF+SymbolMT", b"\x61\xb3\x35\x6d", "α≥5μ"),
        ("Wingdings2", b"\x50\x51", "✓☒"),
        ("ABCDEF+ArialMT", b"\x61\x62\xb1", "ab±"),
    ],
)
@pytest.mark.parametrize("encoding", ["", "/Encoding /WinAnsiEncoding"])
def test_codes_of_a_symbol_font_without_a_table_become_what_it_shows(name, codes, expected, encoding):
    assert text(build(codes, name, more=encoding)) == [f"x = {expected}"]


@pytest.mark.parametrize(
    ("name", "expected"), [("ABCDEF+Wingdings", "✓☑"), ("ABCDEF+SymbolMT", "⎫⎭"), ("ABCDEF+Arial", "✓☑")]
)
def test_codes_of_the_private_use_area_become_what_the_font_shows(name, expected):
    rows = [(0xFC, "\uf0fc"), (0xFE, "\uf0fe")]
    assert text(build(b"\xfc\xfe", name, rows=rows)) == [f"x = {expected}"]


def test_what_the_file_says_of_a_symbol_font_is_left_alone():
    rows = [(0x61, "α"), (0xFC, "✔"), (0x6D, "µ"), (0xD7, "×")]
    assert text(build(b"\x61\xfc\x6d\xd7", "ABCDEF+SymbolMT", rows=rows)) == ["x = α✔µ×"]


def test_standard_symbol_fonts_keep_their_encodings():
    assert text(build(b"\x61\xb3\xb4\xfc", "Symbol", kind="Standard")) == ["x = α≥×⎫"]
    assert text(build(b"\x33\x6c", "ZapfDingbats", kind="Standard")) == ["x = ✓●"]


def test_names_of_glyphs_tell_what_a_font_shows():
    names = "/Encoding << /Type /Encoding /Differences [97 /alpha 109 /mu 179 /greaterequal] >>"
    assert text(build(b"\x61\xb3\x6d", "ABCDEF+Symbol", kind="Type1", more=names)) == ["x = α≥µ"]
