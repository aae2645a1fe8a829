"""Indexes of formats 2 and 3 answer by the rules by which they were built."""

import pytest

from ingest.errors import UnknownReaderFormat
from ingest.keyword.analyser import Analyser
from ingest.keyword.earlier_analyser import SecondAnalyser, ThirdAnalyser, analyser_of

RECORD = {"format": 2, "lowercase": True, "max_term_characters": 64, "language": "english", "stem": True}


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Naïve cafés", ["naïv", "café"]),
        ("ERR-4031 in foo.bar_baz()", ["err", "4031", "in", "foo.bar_baz", "foo", "bar", "baz"]),
        ("HTTPServer C++ 1,234.56", ["httpserver", "http", "server", "c", "1", "234.56", "234", "56"]),
        ("東京都に住む 색인을", ["東京", "京都", "都に", "に住", "住む", "색인을"]),
    ],
)
def test_words_are_those_of_that_time(text: str, terms: list[str]) -> None:
    analyser = analyser_of(RECORD)
    assert isinstance(analyser, SecondAnalyser)
    assert [terms] == analyser.terms([text])


def test_an_index_of_format_3_opens_and_its_turkish_words_are_found() -> None:
    probe = "e8071792a4b8b254db7e8c72d7b08f7aad40a864a1cae81d67d7463ca85403e5"  # as it was recorded
    analyser = analyser_of({**RECORD, "format": 3, "language": "auto", "probe": probe})
    assert isinstance(analyser, ThirdAnalyser)
    assert [["tr:kullandc", "tr:maiur"], ["de:cafe"]] == analyser.terms(["kullanıcı maður", "Café"], ["tr", "de"])


def test_a_record_of_now_gives_the_analyser_of_now_and_one_of_another_format_is_refused() -> None:
    assert type(analyser_of(Analyser().record())) is Analyser
    with pytest.raises(UnknownReaderFormat, match="format 9"):
        analyser_of({**RECORD, "format": 9})
