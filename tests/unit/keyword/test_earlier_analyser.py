"""Indexes of format 2 answer by the rules by which they were built."""

import pytest

from ingest.errors import UnknownReaderFormat
from ingest.keyword.analyser import Analyser
from ingest.keyword.earlier_analyser import EarlierAnalyser, analyser_of

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
    assert isinstance(analyser, EarlierAnalyser)
    assert [terms] == analyser.terms([text])


def test_a_record_of_now_gives_the_analyser_of_now_and_one_of_another_format_is_refused() -> None:
    assert type(analyser_of(Analyser().record())) is Analyser
    with pytest.raises(UnknownReaderFormat, match="format 9"):
        analyser_of({**RECORD, "format": 9})
