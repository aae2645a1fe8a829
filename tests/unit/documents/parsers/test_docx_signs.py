import pytest

from ingest.documents.parsers import docx
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown
from tests.unit.documents.parsers.office_files import body, p

W14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
SYMBOL = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
WINGDINGS = '<w:rFonts w:ascii="Wingdings" w:hAnsi="Wingdings"/>'
NUMBERS = (
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="\uf0b7"/><w:rPr>'
    f'{SYMBOL}</w:rPr></w:lvl></w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>'
)
ITEM = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="5"/></w:numPr>'


def run(xml: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr>{xml}</w:r>"


def text(content: str, properties: str = "") -> str:
    return run(f'<w:t xml:space="preserve">{content}</w:t>', properties)


def paragraph(*runs: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def read(*runs: str, **parts: str) -> str:
    document = parsed(docx, body(paragraph(*runs), **parts))
    assert faults(document) == []
    return document.text


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ('<w:br w:type="page"/>', "Alfa\nBeta"),
        ('<w:br w:type="column"/>', "Alfa\nBeta"),
        ('<w:br w:type="textWrapping" w:clear="all"/>', "Alfa\nBeta"),
        ("<w:br/>", "Alfa\nBeta"),
        ("<w:cr/>", "Alfa\nBeta"),
        ("<w:tab/>", "Alfa Beta"),
        ('<w:ptab w:relativeTo="margin" w:alignment="right" w:leader="none"/>', "Alfa Beta"),
        ("<w:lastRenderedPageBreak/>", "Alfa Beta"),
        ("<w:noBreakHyphen/>", "Alfa\u2011Beta"),
        ("<w:softHyphen/>", "AlfaBeta"),
    ],
)
def test_breaks_inside_a_paragraph_separate_words_and_soft_hyphens_do_not(sign: str, expected: str) -> None:
    assert expected == read(text("Alfa"), run(sign), text("Beta"))
    assert expected == read(run(f"<w:t>Alfa</w:t>{sign}<w:t>Beta</w:t>"))
    assert expected == read(text("Alfa"), f"<w:hyperlink>{run(sign)}{text('Beta')}</w:hyperlink>")
    assert expected == read(text("Alfa"), f'<w:ins w:id="1">{run(sign)}</w:ins>', text("Beta"))


def test_breaks_separate_words_in_headings_items_and_cells() -> None:
    runs = text("Alfa") + run('<w:br w:type="page"/>') + text("Beta")
    style = '<w:style w:type="paragraph" w:styleId="x"><w:name w:val="heading 1"/></w:style>'
    cell = f"<w:tc>{paragraph(runs)}</w:tc>"
    xml = (
        paragraph(runs, properties='<w:pStyle w:val="x"/>')
        + paragraph(run('<w:br w:type="page"/>') + runs, properties=ITEM)
        + f"<w:tbl><w:tr>{cell}{cell}</w:tr></w:tbl>"
    )
    document = parsed(docx, body(xml, styles=style, numbering=NUMBERS))
    assert [(1, "Alfa Beta")] == headings(document)
    assert [("list", "- Alfa\n  Beta"), ("table", "Alfa Beta | Alfa Beta")] == shown(document)[1:]


def test_a_page_that_ends_inside_a_paragraph_never_parts_a_word() -> None:
    end = "<w:lastRenderedPageBreak/>"
    assert "state-of-the-art" == read(text("state-of-"), run(f"{end}<w:t>the-art</w:t>"))
    assert "one two" == read(text("one "), run(f"{end}<w:t>two</w:t>"))
    assert "one, two" == read(text("one"), run(end), text(", two"))
    assert "\u6f22\u5b57" == read(text("\u6f22"), run(end), text("\u5b57"))
    divided = "<w:autoHyphenation/>"
    assert "embankment" == read(text("em"), run(f"{end}<w:t>bankment</w:t>"), settings=divided)


def test_characters_of_symbol_fonts_are_what_the_font_shows() -> None:
    sign = '<w:sym w:font="{}" w:char="{}"/>'.format
    assert "pH ≥ 7, α, 5 μg" == read(
        text("pH "),
        run(sign("Symbol", "F0B3")),
        text(" 7, "),
        run(sign("Symbol", "0061")),
        text(", 5 "),
        run(sign("Symbol", "F06D")),
        text("g"),
    )
    assert "☑☐☒✓→" == read(*(run(sign("Wingdings", code)) for code in ("F0FE", "F0A8", "F0FD", "F0FC", "F0E0")))
    assert "☑☐" == read(run(sign("Wingdings 2", "F052")), run(sign("Wingdings 2", "F0A3")))
    assert "☐★" == read(run(sign("MS Gothic", "2610")), run(sign("", "2605")))


def test_a_symbol_that_no_table_has_is_no_private_character() -> None:
    sign = '<w:sym w:font="{}" w:char="{}"/>'.format
    assert "a \ufffd \ufffd b" == read(
        text("a "), run(sign("Wingdings", "F0FF")), text(" "), run(sign("MT Extra", "F06C")), text(" b")
    )
    damaged = ("", "zz", "D800", "110000", "-1", "F" * 100)
    assert "x" == read(text("x"), *(run(sign("Symbol", code)) for code in damaged))


def test_text_in_a_symbol_font_is_what_the_font_shows() -> None:
    assert "≥αμ7" == read(text("\uf0b3", SYMBOL), text("am", SYMBOL), text("7"))
    assert "✓ yes" == read(text("\u00fc", WINGDINGS), text(" yes"))
    assert "≥ and é" == read(text("\uf0b3", '<w:rFonts w:ascii="Symbol"/>'), text(" and é"))
    assert "a→" == read(text("a\uf0e0", '<w:rFonts w:ascii="Arial" w:hAnsi="Wingdings"/>'))
    assert "• point" == read(text("\uf0b7 point"))
    assert "日本≥" == read(text("日本≥", SYMBOL))


def test_fonts_come_from_styles_defaults_and_the_theme() -> None:
    styles = (
        f'<w:style w:type="character" w:styleId="base"><w:name w:val="s"/><w:rPr>{SYMBOL}</w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="y"><w:name w:val="t"/><w:basedOn w:val="base"/></w:style>'
        f'<w:style w:type="paragraph" w:styleId="z"><w:name w:val="z"/><w:rPr>{SYMBOL}</w:rPr></w:style>'
    )
    assert "α a" == read(text("a", '<w:rStyle w:val="y"/>'), text(" a"), styles=styles)
    own = '<w:rFonts w:ascii="Arial" w:hAnsi="Arial"/>'
    themed = '<w:rFonts w:ascii="Symbol" w:asciiTheme="minorHAnsi"/>'
    document = body(
        paragraph(text("a"), text("a", own), text("a", themed), properties='<w:pStyle w:val="z"/>'), styles=styles
    )
    assert "αaa" == parsed(docx, document).text


def test_bullets_in_symbol_fonts_are_dashes() -> None:
    assert [("list", "- a\n- b")] == shown(parsed(docx, body(p("a", "", ITEM) + p("b", "", ITEM), numbering=NUMBERS)))


@pytest.mark.parametrize(
    ("state", "content", "expected"),
    [
        ('<w14:checked w14:val="1"/>', text("\u2612"), "☒"),
        ('<w14:checked w14:val="0"/>', text("\u2610"), "☐"),
        ('<w14:checked w14:val="true"/>', run('<w:sym w:font="Wingdings" w:char="F0FE"/>'), "☒"),
        ("", "", "☐"),
    ],
)
def test_a_check_box_is_shown_as_it_is_set(state: str, content: str, expected: str) -> None:
    box = f"<w:sdt><w:sdtPr><w14:checkbox {W14}>{state}</w14:checkbox></w:sdtPr><w:sdtContent>{content}"
    assert f"{expected} Insured" == read(f"{box}</w:sdtContent></w:sdt>", text(" Insured"))


def form(data: str, result: str = "") -> str:
    return (
        run(f'<w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar>')
        + run("<w:instrText> FORMCHECKBOX </w:instrText>")
        + run('<w:fldChar w:fldCharType="separate"/>')
        + result
        + run('<w:fldChar w:fldCharType="end"/>')
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('<w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox>', "☒"),
        ('<w:checkBox><w:default w:val="1"/><w:checked w:val="0"/></w:checkBox>', "☐"),
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', "☒"),
        ("<w:checkBox/>", "☐"),
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="cat"/><w:listEntry w:val="dog"/></w:ddList>', "dog"),
        ('<w:ddList><w:listEntry w:val="cat"/><w:listEntry w:val="dog"/></w:ddList>', "cat"),
        ('<w:ddList><w:result w:val="9"/><w:listEntry w:val="cat"/></w:ddList>', ""),
    ],
)
def test_form_fields_show_their_state(data: str, expected: str) -> None:
    assert f"Pet: {expected}".strip() == read(text("Pet: "), form(data))


def test_a_text_field_shows_what_was_typed_in() -> None:
    assert "Name: Hollander" == read(text("Name: "), form("<w:textInput/>", text("Hollander")))


def test_a_symbol_field_is_shown_once() -> None:
    begin, separate, end = (run(f'<w:fldChar w:fldCharType="{kind}"/>') for kind in ("begin", "separate", "end"))
    instruction = run("<w:instrText> SYMBOL 252 </w:instrText>") + run(
        '<w:instrText>\\f "Wingdings" \\s 12</w:instrText>'
    )
    assert "✓ done" == read(begin, instruction, end, text(" done"))
    assert "✓ done" == read(begin, instruction, separate, text("\uf0fc", WINGDINGS), end, text(" done"))
    assert "α" == read('<w:fldSimple w:instr="SYMBOL a \\f Symbol"/>')
    assert "x" == read(text("x"), begin, run("<w:instrText> SYMBOL </w:instrText>"), end)


def test_what_is_stored_for_old_and_new_programs_is_read_once() -> None:
    namespaces = 'xmlns:w16se="http://schemas.microsoft.com/office/word/2015/wordml/symex"'
    sign = f'<w16se:symEx {namespaces} w16se:font="Segoe UI Emoji" w16se:char="1F60A"/>'
    choice = f'<mc:Choice Requires="w16se">{sign}</mc:Choice>'
    assert "Hi 😊!" == read(
        text("Hi "),
        run(f"<mc:AlternateContent>{choice}<mc:Fallback><w:t>😊</w:t></mc:Fallback></mc:AlternateContent>"),
        text("!"),
    )
    assert "😊" == read(run(f"<mc:AlternateContent>{choice}</mc:AlternateContent>"))


def test_soft_hyphens_in_text_part_no_words_but_a_symbol_with_their_code_is_shown() -> None:
    arrow = '<w:r><w:rPr><w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/></w:rPr><w:t>\u00ad</w:t></w:r>'
    document = parsed(docx, body(f"<w:p><w:r><w:t>agree\u00adment</w:t></w:r>{arrow}</w:p>"))
    assert document.text == "agreement↑"


def test_raised_figures_are_other_texts_than_the_same_on_the_line() -> None:
    styles = '<w:style w:type="character" w:styleId="u"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>'
    up, down = (f'<w:vertAlign w:val="{kind}script"/>' for kind in ("super", "sub"))
    runs = text("10"), text("3", up), text(" H"), text("2", down), text("O, 1"), text("st", up), text(" m")
    assert "10³ H2O, 1st m²" == read(*runs, text("2", '<w:rStyle w:val="u"/>'), styles=styles)
    plain = '<w:rStyle w:val="u"/><w:vertAlign w:val="baseline"/>'
    assert "m2" == read(text("m"), text("2", plain), styles=styles)


def test_a_run_that_is_raised_by_a_distance_and_touches_a_word_is_raised() -> None:
    up, little, down = (f'<w:position w:val="{height}"/>' for height in (8, 2, -6))
    runs = text("10"), text("3", up), text(" 101"), text("2", down), text(" H"), text("2", little), text("O ")
    assert "10³ 101₂ H2O 2024" == read(*runs, text("2024", up))
