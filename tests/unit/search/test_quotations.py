"""Quoted strings in questions, and which texts hold them."""

import pytest

from ingest.records import Hit
from ingest.search.quotations import LONGEST, MOST, exact_first, held, quotations


@pytest.mark.parametrize(
    ("question", "strings"),
    [
        ('what does "no such  Alias" mean', ["no such alias"]),
        ("“Connection refused,” it says, and ‘exit 4’", ["connection refused", "exit 4"]),
        ("„Polnisches Theater“ und »Model C« ou « café »", ["polnisches theater", "model c", "café"]),
        ("set `tune.run` and ``--dry-run`` to `x`", ["tune.run", "--dry-run", "x"]),
        ("“华沙剧院”和《罗马条约》", ["华沙剧院", "罗马条约"]),
        ("I don't know 'the cause' of it, can't say", ["the cause"]),
        ("“same” and 'Same' and \"SAME\"", ["same"]),
        ('an unclosed "quote, 5\' tall, "" and "..."', []),
        ("‘don’t panic’, 'can't stop' and the users' guide to rock 'n' roll", ["don't panic", "can't stop"]),
        ("‹eins› ›zwei‹ ‚drei‘ ”fyra” 〈五〉 ＂six＂", ["eins", "zwei", "drei", "fyra", "五", "six"]),
        (r'{"error": \"no such alias\"}', ["error", "no such alias"]),  # as in JSON within JSON
        ('a "nested "quote" of" one, 6" and 8" pipes', ["quote"]),
        ("no quotes at all, it's plain", []),
        ("", []),
        (f'"{"x" * (LONGEST + 1)}"', []),
        (" ".join(f'"s{i}"' for i in range(20)), [f"s{i}" for i in range(MOST)]),
    ],
)
def test_quoted_strings_are_found_in_any_marks_that_people_use(question, strings):
    assert quotations(question) == strings


@pytest.mark.parametrize(
    ("string", "text", "holds"),
    [
        ("no such alias", "Error: No such\n   alias: docs", True),
        ("no such alias", "no such aliases", False),
        ("cat", "concatenate", False),
        ("c", "c_file", False),
        ("--dry-run", "use `--dry-run`.", True),
        ("it's", "it’s \u00adthere", True),
        ("c", "c++ and c# and (C)", True),
        ("c", "c++ and c#", False),
        ("docs.md", "docs.md#roll-back", True),
        ("c++", "c++20", True),
        ("हिन्द", "हिन्दी", False),  # the vowel sign belongs to the word
        ("हिन्दी", "हिन्दी, भाषा", True),
        ("色", "色인", True),  # without spaces, words have no edges
        ("a.b(*c)", "x a.b(*c) y", True),  # no pattern
    ],
)
def test_a_text_holds_a_string_whatever_its_white_space_case_and_typography(string, text, holds):
    assert held([string], text) == int(holds)


def test_chunks_that_hold_most_come_first_in_their_order_and_none_is_lost():
    hits = [Hit("a", 0.9), Hit("b", 0.5), Hit("c", 0.4), Hit("d", -3.0)]
    found = exact_first(hits, {"b": 1, "d": 2, "c": 1, "lost": 1})
    assert [hit.chunk_id for hit in found] == ["d", "b", "c", "a"]
    assert sorted((hit.score for hit in found), reverse=True) == [hit.score for hit in found]
    assert exact_first(hits, {}) == hits
    assert exact_first([], {"a": 1}) == []


@pytest.mark.parametrize("question", ["`" * 20_000, '"' * 20_001, "'a " * 10_000, "“" * 20_000, "»a" * 10_000])
def test_marks_without_an_end_take_no_time(question):
    assert quotations(question)[MOST:] == []
