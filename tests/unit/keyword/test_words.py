"""What counts as the same word, however it is written."""

import time

import pytest

from ingest.keyword import Analyser
from ingest.keyword.words import alike, words_in


def words(text):
    return [word for piece in text.split() for word in words_in(piece)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERR4031", ["err4031", "err", "4031"]),
        ("ERR-4031", ["err4031", "err", "4031"]),
        ("(ERR_4031)", ["err4031", "err", "4031"]),
        ("ERR 4031", ["err", "4031"]),
        ("UTF-8", ["utf", "8"]),
        ("utf8", ["utf8", "utf", "8"]),
        ("10mg x86 H2O", ["10mg", "10", "mg", "x86", "h2o"]),
        ("SARS-CoV-2", ["sars", "cov", "2"]),
        ("docs/read-the-index.md", ["docs", "read", "the", "index.md", "index", "md"]),
    ],
)
def test_codes_of_letters_and_digits_share_their_parts(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize("text", ["e-mail", "E‑Mail", "e\u2010mail", "e–mail"])
def test_a_short_first_part_is_also_written_solid(text):
    assert words(text) == ["email", "e", "mail"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C++, C# (F#) C c++20", ["c++", "c#", "f#", "c", "c++", "20"]),
        ("Objective-C++ C#12", ["objective", "c++", "c#", "12"]),
        ("row_count++ page-one# a#b issue#7", ["row_count", "row", "count", "page", "one", "a", "b", "issue", "7"]),
        ("E-4031 E4031", ["e4031", "e", "4031", "e4031"]),
        ("g++/.NET", ["g++", ".net", "net"]),
        ("ASP.NET node.js NodeJS", ["asp.net", "asp", "net", "node.js", "node", "js", "nodejs", "node", "js"]),
        ("Ｃ＋＋", ["c++"]),
        ("a+ CD4+ Na+/K+", ["a+", "a", "cd4+", "cd4", "cd", "4", "na+", "na", "k+", "k"]),
        ("10+ 1+1 a+b #tag issue#12 i++", ["10", "1", "1", "a", "b", "tag", "issue", "12", "i++"]),
        (
            "'.gitignore' end. x.filter(a) ...and",
            [".gitignore", "gitignore", "end", "x.filter", "x", "filter", "a", "and"],
        ),
    ],
)
def test_signs_that_are_part_of_a_name_keep_it_apart(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize("text", ["1234.56", "1,234.56", "1'234.56", "1’234.56", "1.234,56", "1234,56", "$1,234.56."])
def test_a_number_is_the_same_whatever_separates_its_digits(text):
    assert words(text) == ["1234.56", "1234", "56"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234 12,34,567 1'000'000", ["1234", "1234567", "1000000"]),
        ("v1.2.3 10.100.200.30", ["v1.2.3", "v1", "2", "3", "10.100.200.30", "10", "100", "200", "30"]),
        ("[12,345] 2024-01-15 3,5", ["12", "345", "2024", "01", "15", "3", "5"]),
        ("٣٤٥ १२३ ３．５", ["345", "123", "3.5", "3", "5"]),
    ],
)
def test_versions_addresses_dates_and_lists_are_no_such_numbers(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1\u00a0234,56", ["1234.56", "1234", "56"]),
        ("12\u202f345\u202f678", ["12345678"]),
        ("1 234,56", ["1", "234", "56", "1234.56", "1234", "56"]),  # may be two numbers
        ("rooms 1 234", ["room", "1", "234"]),
        ("infor-\nmation", ["infor", "mation", "inform"]),
        ("infor\u00ad\r\nmation in\u00adfor\u200bmation", ["inform", "inform"]),
        ("-----\n----- a-\n- b", ["a", "b"]),
    ],
)
def test_words_and_numbers_that_are_broken_apart_are_also_whole(text, expected):
    assert Analyser().terms([text]) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("색인 색인을 색인에서는", ["색인", "색인", "인을", "색인", "인에", "에서", "서는"]),
        ("책 책을 책에서", ["책", "책", "책을", "책", "책에", "에서"]),
        ("API를 3월", ["api", "를", "3", "월"]),
        ("ქართული ენა", ["ქართული", "ენა"]),  # words of other scripts stay whole
    ],
)
def test_korean_words_are_found_whatever_particle_follows(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("texts", "term"),
    [
        ("naïve naive NAÏVE", "naiv"),
        ("Ångström angstrom", "angstrom"),
        ("smørrebrød smorrebrod", "smorrebrod"),
        ("kullanıcı kullanici", "kullanici"),
        ("maður madur", "madur"),
        ("łódź Łódź lodz", "lodz"),
        ("İstanbul istanbul Istanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ Σισυφος", "σισυφοσ"),
        ("ёлка елка", "елка"),
        ("москва́ москва", "москва"),
        ("שָׁלוֹם שלום", "שלום"),
        ("مُحَمَّد محمد محـمد", "محمد"),
        ("أحمد احمد", "احمد"),
    ],
)
def test_accents_and_points_that_are_often_left_out_do_not_count(texts, term):
    assert set(Analyser().terms([texts])[0]) == {term}


@pytest.mark.parametrize("texts", ["май маи", "tiếng tieng", "हिन्दी हन्द", "ไม่ ไม", "の ぬ"])
def test_signs_that_tell_words_apart_count(texts):
    assert len(set(Analyser().terms([texts])[0])) == 2


def test_invisible_characters_and_typographic_apostrophes_do_not_count():
    assert words("don’t donʼt don't l’index") == ["don", "t"] * 3 + ["l", "index"]
    assert words("می\u200cخواهم\u200f") == words("میخواهم")
    assert words("Umsatz¹² km²") == ["umsatz", "km2", "km", "2"]
    assert alike("ﬁne\u200b “x”") == "fine “x”"


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, "a1" * 25_000, "1,234" * 10_000, "a_" * 25_000, "é-" * 25_000, ".a" * 25_000, "a-\n" * 20_000],
)
def test_time_grows_with_the_length_of_a_piece_alone(text):
    start = time.process_time()
    Analyser().terms([text])
    assert time.process_time() - start < 1
