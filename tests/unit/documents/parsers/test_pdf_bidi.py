import random

import pytest

from ingest.documents.parsers.pdf.bidi import reading_order
from tests.unit.documents.parsers.bidi_display import MIRROR, displayed

WORDS = {
    "Hebrew": ["שלום", "עולם", "מחיר", "דוח", "ב-25", "(ישראל)", '"חברה"', "-5", "10-20", "25%", "$30"],
    "Arabic": ["السلام", "عليكم", "تقرير", "سنوي", "و25", "(شركة)", "«جديد»", "2024-05-01", "25%", "١٢٫٥", "٢٥٪"],
    "Persian": ["کتاب", "گزارش", "قیمت", "(پنجره)", "۱۲٬۵۰۰", "۱۴۰۳/۰۵/۱۲", "۲۵٪"],
}
NUMBERS = ["25", "1,234.50", "12:30", "2024", "01/02/2024"]
LATIN = ["Acme Ltd", "COVID-19", "info@acme.com", "Windows 10", "f(x)", "Word, Excel", "(Appendix A)", "4K"]


def read(seen: str, rtl: bool) -> str:
    order = reading_order(list(seen), rtl)
    return "".join(MIRROR.get(seen[place.at], seen[place.at]) if place.reversed else seen[place.at] for place in order)


def sentence(rng: random.Random, words: list[str]) -> str:
    """Return words, numbers and Latin words, a word between any two of the others: else their order cannot be told."""
    found = []
    for _ in range(rng.randint(1, 6)):
        found.append(rng.choice(words[:4]) + rng.choice(["", "", "", ",", ":"]))
        found.append(rng.choice([*words, *NUMBERS, *LATIN]))
    return " ".join(found) + rng.choice([".", "!", "?", ""])


@pytest.mark.parametrize("language", WORDS)
def test_what_is_displayed_is_read_back(language):
    rng = random.Random(15)
    written = [sentence(rng, WORDS[language]) for _ in range(1000)]
    assert written == [read(displayed(text, True), True) for text in written]


@pytest.mark.parametrize(
    ("text", "rtl"),
    [
        ("The word שלום (peace) is common.", False),
        ('He said "שלום, עולם (טוב)" in 2024.', False),
        ("See שלום ב-25, then 30.", False),
        ("Contact: דוד כהן, 12 Herzl St.", False),
        ("In the year سنة ١٤٤٥ it was.", False),
        ("(בשנת 1998) Acme Ltd.", True),
        ("Windows של Microsoft", True),
        ("דורשת 25 GB", True),
        ("בשנת 2024, Excel", True),
        ("מחיר: 10 - 20", True),
        ("2024-05-01 הוגש", True),
    ],
)
def test_neutral_characters_belong_to_their_side(text, rtl):
    assert text == read(displayed(text, rtl), rtl)


def test_what_cannot_be_told_is_a_name_with_its_number():
    assert displayed("גרסה Windows 10", True) == displayed("גרסה 10 Windows", True)
    assert read(displayed("גרסה 10 Windows", True), True) == "גרסה Windows 10"


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ("םויה (API (REST-ב", "ב-API (REST) היום"),
        ("השדח (Python (3.8 הסרג", "גרסה Python (3.8) חדשה"),
        ("(API (REST", "API (REST)"),
    ],
)
def test_brackets_behind_latin_words_are_read_also_where_a_program_leaves_the_last_one_outside(seen, text):
    assert text == read(seen, True)
