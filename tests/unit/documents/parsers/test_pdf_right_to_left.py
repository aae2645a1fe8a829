import pytest

from ingest.documents.parsers import pdf
from tests.unit.documents.parsers.bidi_display import MIRROR, displayed
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.glyph_files import DOT, Shown, advance, glyph_file, line, right_line
from tests.unit.documents.parsers.pdf_files import grid

EDGE = 540
SENTENCES = [
    "המחיר עלה ב-25 אחוזים (ראו Appendix A) בחודש מאי.",
    "הדוח לשנת 2024 הוגש בתאריך 01/02/2024 בשעה 12:30.",
    'החברה "Acme Ltd." פועלת מאז 1998 ומעסיקה 12.5% מהתושבים [3].',
    "גרסה Windows 10 דורשת 25 GB של זיכרון ו-4K.",
    "הטמפרטורה ירדה אל -5 מעלות, דוא״ל info@acme.com!",
    "השנים 10-20 והטלפון +972-3-1234567.",
    "ارتفع السعر بنسبة 25% إلى 1,234.50 دولار (انظر Appendix A).",
    "بتاريخ 2024-05-01 في الساعة 12:30؛ هل تعرف؟",
    "الأرقام ١٢٫٥ و٢٥٪ والتاريخ ١٤٤٥/٠٣/١٢.",
    "قیمت ۱۲٬۵۰۰ تومان، یعنی ۲۵٪ بیشتر از Version 2.1 است.",
    "یہ اردو زبان میں ایک جملہ ہے (سن 2024) اور English بھی۔",
]


def texts(data):
    return [text for _, text in shown(parsed(pdf, data))]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_line_seen_from_right_to_left_is_read_in_order(sentence):
    assert texts(glyph_file([right_line(EDGE, 100, displayed(sentence, True))])) == [sentence]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_order_of_the_glyphs_in_the_file_does_not_matter(sentence):
    seen = right_line(EDGE, 100, displayed(sentence, True))
    assert texts(glyph_file([seen[::-1]], one_by_one=True)) == [sentence]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_spans_have_brackets_as_they_are_read(sentence):
    seen = right_line(EDGE, 100, displayed(sentence, True))
    for glyph in seen:
        if glyph.text in MIRROR:
            glyph.actual = MIRROR[glyph.text]
    assert texts(glyph_file([seen])) == [sentence]


def test_lines_of_a_paragraph_are_joined_in_order():
    rows = ["השורה הראשונה של הפסקה נגמרת כאן", "והשנייה ממשיכה עד סוף המשפט."]
    page = [glyph for i, row in enumerate(rows) for glyph in right_line(EDGE, 100 + 12 * i, displayed(row, True))]
    assert texts(glyph_file([page])) == [" ".join(rows)]


def test_a_line_of_english_in_a_hebrew_paragraph_keeps_its_end():
    rows = ["הכותרת של המסמך היא במקור באנגלית,", "A long title that fills one line.", "וכאן ממשיך הטקסט בעברית."]
    page = [glyph for i, row in enumerate(rows) for glyph in right_line(EDGE, 100 + 12 * i, displayed(row, True))]
    assert texts(glyph_file([page])) == [" ".join(rows)]


def test_hebrew_words_in_english_stay_in_their_sentence():
    sentence = 'He said "שלום עולם" and left in 2024. The word שלום (peace) is common.'
    english = "Here is a line of English without any other letters in it at all."
    page = line(72, 100, displayed(sentence, False)) + line(72, 140, english)
    assert texts(glyph_file([page])) == [sentence, english]


def test_forms_of_arabic_letters_become_letters():
    seen = "\ufee1\ufefc\ufeb4\ufedf\ufe8d"  # meem, lam with alef, seen, lam, alef, as a viewer shows them
    assert texts(glyph_file([right_line(EDGE, 100, seen)])) == ["السلام"]


@pytest.mark.parametrize("order", [1, -1])
def test_letters_of_a_ligature_are_in_order(order):
    seen = right_line(EDGE, 100, ["م", "لا", "س", "ل", "ا"])
    assert texts(glyph_file([seen[::order]], one_by_one=True)) == ["السلام"]


def test_marks_follow_the_letters_at_whose_place_they_stand():
    letters = right_line(EDGE, 100, displayed("שלום", True))
    right, left = letters[-1], letters[-2]
    marks = [Shown("\u05b8", right.x, 100), Shown("\u05c1", right.x, 100.5), Shown("\u05b0", left.x, 100)]
    assert texts(glyph_file([marks + letters])) == ["ש\u05b8\u05c1ל\u05b0ום"]


def test_spaces_are_found_by_distance_where_the_file_has_none():
    seen, x = [], EDGE
    for letter in "שלום לכל העולם":
        x -= advance(letter, 10)
        seen += [Shown(letter, x, 100)] if letter != " " else []
    assert texts(glyph_file([seen], one_by_one=True)) == ["שלום לכל העולם"]


def test_a_table_is_read_from_the_right():
    rows = [("שם", "מחיר", "Code"), ("בורג", "12.50", "AB-12"), ("אום", "3.20", "CD-7 (new)")]
    page = []
    for y, cells in zip((134, 154, 174), rows, strict=True):
        for right, cell in zip((396, 296, 196), cells, strict=True):
            page += right_line(right, y, displayed(cell, True))
    document = parsed(pdf, glyph_file([page], drawn=grid([100, 200, 300, 400], [120, 140, 160, 180])))
    assert shown(document) == [("table", "שם | מחיר | Code\nבורג | 12.50 | AB-12\nאום | 3.20 | CD-7 (new)")]
    assert faults(document) == []


def test_the_right_column_comes_first():
    page = []
    for i in range(12):
        page += right_line(EDGE, 100 + 12 * i, displayed(f"הטור הימני בשורה {i + 10} של העמוד", True))
        page += right_line(280, 100 + 12 * i, displayed(f"הטור השמאלי בשורה {i + 10} של העמוד", True))
    whole = " ".join(texts(glyph_file([page])))
    assert whole.index("הימני בשורה 21") < whole.index("השמאלי בשורה 10")


def test_items_of_a_list_are_found_at_the_right():
    rows = ["1. סעיף ראשון", "2. סעיף שני", "3. סעיף (שלישי)"]
    page = [glyph for i, row in enumerate(rows) for glyph in right_line(EDGE, 100 + 12 * i, displayed(row, True))]
    assert shown(parsed(pdf, glyph_file([page]))) == [("list", "\n".join(rows))]


@pytest.mark.parametrize("sentence", SENTENCES[:3] + SENTENCES[6:7])
def test_text_put_on_the_page_in_reading_order_from_the_left_is_not_turned_round(sentence):
    assert texts(glyph_file([line(72, 100, sentence)])) == [sentence]


def test_brackets_are_seen_as_their_surroundings_tell_where_a_table_has_them_the_wrong_way_round():
    rows = [("המחיר (ראו עמוד) עלה.", True), ("The word שלום (peace) is common.", False)]
    page = []
    for i, (row, rtl) in enumerate(rows):
        seen = "".join(MIRROR.get(letter, letter) for letter in displayed(row, rtl))
        page += right_line(EDGE, 100 + 30 * i, seen) if rtl else line(72, 100 + 30 * i, seen)
    assert texts(glyph_file([page])) == [row for row, _ in rows]


def test_letters_set_apart_are_one_word():
    seen, x = [], EDGE
    for letter in "כותרת מודגשת":
        x -= 1.4 * advance(letter, 10)
        seen += [Shown(letter, x, 100)] if letter != " " else []
    assert texts(glyph_file([seen], one_by_one=True)) == ["כותרת מודגשת"]


def test_marks_go_with_the_letter_that_most_marks_follow_where_two_lie_above_each_other():
    letters = right_line(EDGE, 100, displayed("שלומ", True))
    shin, lamed, vav, mem = letters[::-1]
    lamed.x += 1
    lamed_mark = Shown("\u05b0", lamed.x - 0.9, 100)  # over both
    order = [mem, Shown("\u05b4", mem.x, 100), vav, Shown("\u05b9", vav.x, 100), lamed, lamed_mark]
    assert texts(glyph_file([[shin, *order[4:], *order[2:4], *order[:2]]], one_by_one=True)) == [
        "של\u05b0ו\u05b9מ\u05b4"
    ]


def test_letters_that_go_down_in_a_word_are_one_line():
    seen = right_line(EDGE, 100, displayed("ہے کتابیں اور", True))
    for at, glyph in enumerate(seen):
        glyph.y -= (0, 3, 6)[at % 3]
    assert texts(glyph_file([seen], one_by_one=True)) == ["ہے کتابیں اور"]


def test_an_english_paragraph_on_a_hebrew_page_is_one_paragraph():
    rows = ["An English paragraph stands here that is left", "aligned and ragged", "at the right, as it should be."]
    hebrew = "השורה הזאת כתובה בעברית והיא ארוכה יותר מכל השורות האחרות בעמוד הזה, כדי שהעמוד יהיה עברי."
    page = [glyph for i in range(4) for glyph in right_line(EDGE, 300 + 30 * i, displayed(hebrew, True), 8)]
    page += [glyph for i, row in enumerate(rows) for glyph in line(72, 100 + 12 * i, row)]
    assert texts(glyph_file([page]))[0] == " ".join(rows)


@pytest.mark.parametrize("stroke", ["ـ", "ــ", "N", "NN"])
def test_strokes_that_stretch_arabic_words_are_left_out(stroke):
    seen = displayed("كلمة المسافات في سنة 1445 هـ.", True).replace("سم", f"س{stroke}م")
    assert texts(glyph_file([right_line(EDGE, 100, seen)])) == ["كلمة المسافات في سنة 1445 هـ."]


def test_raised_figures_follow_hebrew_words():
    seen = right_line(EDGE, 100, displayed("שטח של 25 מ", True))
    page = [Shown("2", seen[0].x - 3, 96, 6), *seen, *right_line(EDGE, 140, displayed("ועוד שורה של טקסט.", True))]
    assert texts(glyph_file([page], one_by_one=True))[0] == "שטח של 25 מ²"


def test_a_phone_number_set_from_the_left_keeps_its_sign():
    seen = displayed("טלפון של המשרד ", True).lstrip()
    assert texts(glyph_file([right_line(EDGE, 100, f".+972-3-1234567 {seen}")])) == ["טלפון של המשרד +972-3-1234567."]


def test_english_cells_on_a_hebrew_page_keep_their_brackets_and_quotes():
    rows = [("מוצר חדש לבית ולמשרד", "Price (USD)"), ('Monitor 27"', "999"), ("מקלדת", "12")]
    page = []
    for y, cells in zip((134, 154, 174), rows, strict=True):
        for right, cell in zip((396, 246), cells, strict=True):
            page += right_line(right, y, displayed(cell, True))
    data = glyph_file([page], drawn=grid([100, 250, 400], [120, 140, 160, 180]))
    assert shown(parsed(pdf, data)) == [("table", "\n".join(" | ".join(row) for row in rows))]


def test_a_table_of_an_english_page_with_columns_of_other_scripts_is_read_from_the_left():
    rows = [("English", "עברית", "عربي"), ("One (1)", "אחת (1)", "واحد (1)"), ("Two", "שתיים", "اثنان")]
    page = line(72, 80, "This page is written in English, and its table has three columns.")
    for y, cells in zip((134, 154, 174), rows, strict=True):
        for right, cell in zip((196, 296, 396), cells, strict=True):
            page += right_line(right, y, displayed(cell, cell[0] > "z"))
    data = glyph_file([page], drawn=grid([100, 200, 300, 400], [120, 140, 160, 180]))
    assert shown(parsed(pdf, data))[1] == ("table", "\n".join(" | ".join(row) for row in rows))


def test_brackets_around_latin_words_are_as_they_are_seen_where_others_are_as_they_are_read():
    rows = ["המחיר (ראו עמוד) עלה.", "שימוש ב-API (REST)-ובשרת."]
    first = [MIRROR.get(letter, letter) for letter in displayed(rows[0], True)]
    page = right_line(EDGE, 100, first) + right_line(EDGE, 130, displayed(rows[1], True))
    assert texts(glyph_file([page])) == rows


def test_a_dot_without_a_text_of_its_own_adds_none():
    letters = right_line(EDGE, 100, displayed("ברא", True))
    letters[-1].text = "ב\u05bc"
    dot = Shown(DOT, letters[-1].x + 2, 102)
    assert texts(glyph_file([[*letters, dot]], one_by_one=True)) == ["ב\u05bcרא"]
