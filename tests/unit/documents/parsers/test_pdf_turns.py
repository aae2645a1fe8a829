import math

from ingest.documents.parsers.pdf.turns import quarter_turns


def test_a_matrix_says_how_text_is_turned_unless_its_numbers_are_none():
    matrices = [(1, 0), (0, 2), (-1, 0.1), (0, -1), (math.nan, 0), (math.inf, -math.inf)]
    assert [quarter_turns(a, b) for a, b in matrices] == [0, 1, 2, 3, 0, 0]
