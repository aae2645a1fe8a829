"""Relevance that survives any chunker, metrics by hand, judged sets, and places that are followed."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InvalidSettings
from ingest.quality.anchors import relocate
from ingest.quality.judged_sets import read_judged_set
from ingest.quality.metrics import METRICS, relevant, score_questions
from ingest.records import Asker, Gold, Question, Result


def result(text: str = "", start: int = 0, end: int = 0, **fields) -> Result:
    values = {"source": "docs", "path": "a.md", "heading_path": (), **fields}
    return Result(
        "c", "d", "file:///a.md", values["source"], values["path"], "", values["heading_path"], text, start, end
    )


LONG = " ".join(f"word{i}" for i in range(40))


@pytest.mark.parametrize(
    ("chunk", "gold", "expected"),
    [
        (result("The CAT, sat."), Gold("a.md", spans=("cat sat",)), True),
        (result("concat sat"), Gold("a.md", spans=("cat sat",)), False),  # whole words
        (result("other"), Gold("a.md", spans=("no", "other")), True),
        (result("他在东京工作"), Gold("a.md", spans=("东京",)), True),  # no spaces between words
        (result("x"), Gold("a.md", spans=("…",)), False),
        (result(" ".join(LONG.split()[:28])), Gold("a.md", spans=(LONG,)), True),
        (result(" ".join(LONG.split()[:27])), Gold("a.md", spans=(LONG,)), False),
        (result(" ".join(LONG.split()[:29])), Gold("a.md", spans=(" ".join(LONG.split()[:30]),)), False),
        (result("no", 0, 100), Gold("a.md", spans=("span",), start=0, end=100), False),  # the first rule alone
        (result("", 0, 100), Gold("a.md", start=50, end=150), True),
        (result("", 0, 100), Gold("a.md", start=51, end=151), False),
        (result("", 0, 1000), Gold("a.md", start=990, end=1010), True),  # half of the shorter one
        (result("", 0, 100), Gold("a.md", start=100, end=101), False),
        (result("", 0, 9), Gold("a.md", start=50, end=60, headings=("A",)), False),
        (result(heading_path=("A b", "C")), Gold("a.md", start=5, end=9, headings=("a  B!",)), True),  # no offsets
        (result(heading_path=("A",)), Gold("a.md", headings=("A", "B")), False),
        (result(heading_path=("A", "B", "C")), Gold("a.md", headings=("A", "B")), True),
        (result(), Gold("a.md"), True),
        (result(path="b.md"), Gold("a.md"), False),
        (result(path="./a.md"), Gold("a.md"), False),  # as written
        (result(source="wiki"), Gold("a.md", source="docs"), False),
        (result(source="docs"), Gold("a.md", source="docs"), True),
    ],
)
def test_the_first_rule_whose_data_both_sides_have_decides(chunk, gold, expected):
    assert relevant(chunk, gold) is expected


def place(doc: str, **fields) -> Gold:
    return Gold(f"{doc}.md", **fields)


def ranking(*docs: str, tokens: int = 100) -> list[Result]:
    return [result("w " * tokens, path=f"{doc}.md") for doc in docs]


def scored(results: list[Result], question: Question) -> dict[str, float]:
    """Return the metrics of one question, {} where nothing can be scored."""
    return score_questions([(results, question)], lambda texts: [len(t.split()) for t in texts]).get(
        question.query_id, {}
    )


def test_metrics_equal_the_formulas():
    question = Question("q", "?", gold=(place("a", grade=2), place("b"), place("c")))
    found = scored(ranking("x", "b", "y", "a", "a"), question)
    dcg = 1 / math.log2(3) + 2 / math.log2(5)
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert found == pytest.approx(
        {
            "ndcg@10": dcg / ideal,
            "recall@10": 2 / 3,
            "recall@50": 2 / 3,
            "mrr@10": 0.5,
            "answered@500": 1.0,
            "answered@1000": 1.0,
            "answered@2000": 1.0,
        }
    )
    assert tuple(found) == METRICS


def test_a_place_counts_once_and_depths_are_kept():
    question = Question("q", "?", gold=(place("a"), place("b")))
    found = scored(ranking(*"xxxxxxxxxx", "a", "a"), question)
    assert (found["ndcg@10"], found["recall@10"], found["recall@50"], found["mrr@10"]) == (0.0, 0.0, 0.5, 0.0)
    assert (found["answered@1000"], found["answered@2000"]) == (0.0, 1.0)


def test_a_result_beyond_fifty_is_not_seen():
    question = Question("q", "?", gold=(place("a"),))
    assert scored(ranking(*"x" * 50, "a"), question)["recall@50"] == 0.0


def test_an_alternative_place_stands_in_once():
    question = Question("q", "?", gold=(place("a"), place("z", added=True)))
    found = scored(ranking("z", "a", "z"), question)
    assert (found["ndcg@10"], found["recall@10"], found["mrr@10"]) == (1.0, 1.0, 1.0)


SECTION = {"headings": ("A", "B"), "start": 100, "end": 200}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (place("a"), place("a")),
        (place("a", grade=2), place("a", grade=1)),  # the better grade counts
        (place("a"), place("a", source="docs")),
        (place("a", headings=("A",)), place("a", headings=("a!",))),
        (place("a", spans=("The cat",)), place("a", spans=("the  cat.",))),
        (place("a", **SECTION), place("a", **SECTION, sha256="0" * 64)),
        (place("a", **SECTION), place("a", headings=("A", "B"))),
        (place("a", start=100, end=200), place("a", start=120, end=180)),  # a quote within its paragraph
        (place("a", start=100, end=200), place("a", start=150, end=260)),
    ],
)
def test_a_place_that_is_listed_twice_counts_once(one, other):
    chunk = result("The cat sat.", 100, 200, heading_path=("A", "B"))
    for gold in ((one, other), (other, one), (one, other, one)):
        found = scored([chunk], Question("q", "?", gold=gold))
        assert (found["ndcg@10"], found["recall@10"], found["recall@50"], found["mrr@10"]) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "other",
    [
        place("b", start=100, end=200),
        place("a", start=100, end=200, source="wiki"),
        place("a", start=190, end=290),
        place("a", start=300, end=400),
        place("a", headings=("B",)),
    ],
)
def test_places_that_share_little_or_nothing_are_two(other):
    found = scored(
        [result("", 100, 200)], Question("q", "?", gold=(place("a", start=100, end=200, source="docs"), other))
    )
    assert found["recall@10"] == 0.5


def test_an_alternative_that_repeats_a_place_finds_no_other_place():
    gold = (place("a"), place("b"), place("a", added=True))
    assert scored(ranking("a", "a"), Question("q", "?", gold=gold))["recall@10"] == 0.5


def test_places_that_are_all_alternatives_count_as_places():
    question = Question("q", "?", gold=(place("a", added=True), place("b", added=True)))
    assert scored(ranking("a"), question)["recall@10"] == 0.5


def test_places_of_grade_zero_are_not_wanted():
    question = Question("q", "?", gold=(place("a"), place("b", grade=0)))
    assert scored(ranking("b", "a"), question)["mrr@10"] == 0.5


def test_answered_stops_at_the_first_chunk_that_does_not_fit():
    question = Question("q", "?", gold=(place("a"),))
    results = ranking("x", tokens=499) + ranking("y", tokens=2) + ranking("a", tokens=1)
    found = scored(results, question)
    assert (found["answered@500"], found["answered@1000"]) == (0.0, 1.0)


def test_answered_needs_half_of_a_span_from_any_number_of_chunks_once_each():
    gold = Gold("a.md", spans=("never held",), start=100, end=200)
    parts = [result("w", 90, 130), result("w", 110, 130), result("w", 0, 9)]
    question = Question("q", "?", gold=(gold,))
    assert scored(parts, question)["answered@500"] == 0.0
    assert scored([*parts, result("w", 180, 300)], question)["answered@500"] == 1.0
    without = [result("never held"), *parts]  # one chunk without a place: the rule of relevance
    assert scored(without, question)["answered@500"] == 1.0


def test_an_empty_ranking_scores_zero_and_an_unanswerable_question_not_at_all():
    question = Question("q", "?", gold=(place("a"),))
    assert scored([], question) == dict.fromkeys(METRICS, 0.0)
    assert scored(ranking("a"), Question("q", "?", answerable=False)) == {}
    assert score_questions([], lambda texts: []) == {}


def test_a_question_scored_twice_is_refused():
    pair = (ranking("a"), Question("q", "?", gold=(place("a"),)))
    with pytest.raises(InvalidSettings, match="question q is scored twice"):
        score_questions([pair, pair], lambda texts: [1] * len(texts))


@given(
    docs=st.lists(st.sampled_from("abcxyz"), max_size=30), grades=st.lists(st.integers(1, 4), min_size=3, max_size=3)
)
def test_the_library_agrees_with_the_formulas(docs, grades):
    question = Question("q", "?", gold=tuple(place(d, grade=g) for d, g in zip("abc", grades, strict=True)))
    found = scored(ranking(*docs), question)
    left = dict(zip("abc", grades, strict=True))
    gains = [left.pop(d, 0) for d in docs]
    ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(grades, reverse=True)))
    assert found["ndcg@10"] == pytest.approx(sum(g / math.log2(i + 2) for i, g in enumerate(gains[:10])) / ideal)
    assert found["recall@10"] == pytest.approx(sum(g > 0 for g in gains[:10]) / 3)
    assert found["mrr@10"] == pytest.approx(next((1 / (i + 1) for i, g in enumerate(gains[:10]) if g), 0.0))


def line(**fields) -> str:
    return json.dumps({"query_id": "q1", "text": "Why?", "gold": [{"doc": "a.md"}], **fields})


def test_a_judged_set_is_read_with_every_field():
    gold = {
        "doc": "a.md",
        "grade": 2,
        "headings": ["A"],
        "spans": ["s"],
        "start": 1,
        "end": 5,
        "added": True,
        "sha256": "0" * 64,
        "source": "docs",
        "label": "somebody's own",
    }
    lines = [
        "\ufeff"
        + line(gold=[gold], slices={"type": "how"}, must_pass=True, answers=["x"], asker={"groups": ["staff"]}),
        "  \n",
    ]
    lines.append(line(query_id="q2", answerable=False, gold=[]))
    expected = Gold("a.md", 2, ("A",), ("s",), 1, 5, True, "0" * 64, "docs")
    assert read_judged_set(lines, "set.jsonl") == [
        Question("q1", "Why?", True, (expected,), {"type": "how"}, True, Asker(("staff",))),
        Question("q2", "Why?", False),
    ]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be"),
        (line(text=""), "text: "),
        (line(answerable="no"), "answerable: "),
        (line(gold=[]), "needs a gold place"),
        (line(text=" "), "text is blank"),
        (line(gold=[{"doc": "a.md", "grade": 0}]), "needs a gold place"),
        (line(answerable=False), "answerable is false, but gold has 1 places"),
        (line(gold=[{"doc": "a.md", "start": 3}]), "gold.0: start and end come together"),
        (line(gold=[{"doc": "a.md", "start": 3, "end": 3}]), "start 3 is not before end 3"),
        (line(gold=[{"doc": "a.md", "grade": -1}]), "gold.0.grade: "),
        (line(gold=[{"doc": "a.md", "sha256": "xyz"}]), "gold.0.sha256: "),
        (line(must_pas=True), "unknown key 'must_pas'; is 'must_pass' meant?"),
        (line(gold=[{"doc": "a.md", "span": ["x"]}]), "unknown key 'span'; is 'spans' meant?"),
        (line(asker={"groups": []}), "asker.groups: "),
        (line(asker={"group": ["staff"]}), "unknown key 'group'; is 'groups' meant?"),
        (line(query_id="q0"), "query_id q0 is in set.jsonl, line 1 already"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_fault(bad, message):
    with pytest.raises(InvalidSettings) as caught:
        read_judged_set([line(query_id="q0"), "", bad], "set.jsonl")
    assert str(caught.value).startswith("set.jsonl, line 3: ")
    assert message in str(caught.value)


OLD = "# T\n\nIntro here.\n\n## S\n\nThe answer is 42. More.\n"


def anchored(text: str, quote: str, **fields) -> Gold:
    start = text.index(quote)
    return Gold("a.md", start=start, end=start + len(quote), sha256="1" * 64, **fields)


def test_a_place_in_an_unchanged_text_stays_as_it_was():
    gold = anchored(OLD, "The answer is 42.")
    assert relocate(gold, OLD, OLD) is gold


def test_a_place_that_moved_is_followed():
    new = "# T\n\nA new section before it.\n\n" + OLD
    moved = relocate(anchored(OLD, "The answer is 42."), OLD, new, "2" * 64)
    assert new[moved.start : moved.end] == "The answer is 42."
    assert moved.sha256 == "2" * 64


def test_among_equal_texts_the_one_with_the_same_surroundings_is_taken():
    old = "## A\n\nsame line\n\n## B\n\nsame line\n"
    new = "## B\n\nsame line\n\n## C\n\nx\n\n## A\n\nsame line\n"
    start = old.rindex("same")
    moved = relocate(Gold("a.md", start=start, end=start + 9), old, new)
    assert moved.start == new.index("same")


def test_a_changed_place_is_stale():
    assert relocate(anchored(OLD, "The answer is 42."), OLD, OLD.replace("42", "43")) is None
    assert relocate(anchored(OLD, "## S\n\nThe answer is 42."), OLD, OLD.replace("is", "was")) is None


def test_when_the_section_changed_the_longest_quote_left_is_the_place():
    gold = anchored(OLD, "## S\n\nThe answer is 42. More.", spans=("42", "answer is 42", "More of it"))
    new = OLD.replace("More", "Less")
    moved = relocate(gold, OLD, new)
    assert new[moved.start : moved.end] == "answer is 42"


def test_a_place_without_offsets_is_stale_when_no_quote_is_left():
    gold = Gold("a.md", spans=("the ANSWER, is 42", "other"))
    assert relocate(gold, OLD, OLD + "more") is gold
    assert relocate(gold, OLD, "nothing left") is None


def test_a_heading_is_stale_when_it_is_gone_and_a_document_never():
    gold = Gold("a.md", headings=("T", "S"))
    assert relocate(gold, OLD, "# T\n\n## S\n") is gold
    assert relocate(gold, OLD, "# T\n\n## U\n") is None
    assert relocate(Gold("a.md"), OLD, "x") == Gold("a.md")


def test_without_the_judged_text_quotes_and_headings_are_looked_for():
    quoted = anchored(OLD, "The answer is 42.", spans=("The answer is 42.",))
    new = "x " + OLD
    moved = relocate(quoted, None, new)
    assert new[moved.start : moved.end] == "The answer is 42."
    assert relocate(quoted, None, "gone") is None
    assert relocate(Gold("a.md", start=0, end=9, headings=("S",)), None, new) == Gold("a.md", headings=("S",))
    assert relocate(Gold("a.md", start=0, end=9), None, new) is None
    assert relocate(Gold("a.md", start=0, end=10**6), OLD, new) is None  # offsets outside what was judged
