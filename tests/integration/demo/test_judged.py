"""The demo's judged set points at what its documents say today, in words of its own."""

import hashlib
import json
import re
from collections import Counter

import pytest

from demo import anchor
from demo.corpus import documents

RUN = 6


@pytest.fixture(scope="module")
def corpus():
    return dict(documents())


@pytest.fixture(scope="module")
def questions():
    return [json.loads(line) for line in anchor.JUDGED.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def places(questions):
    return [(question, gold) for question in questions for gold in question["gold"]]


def runs(text):
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def test_the_anchors_are_those_of_todays_documents():
    assert anchor.written() == anchor.JUDGED.read_text("utf-8"), "run `python -m demo.anchor`"


def test_the_set_is_large_and_spread(questions, places):
    documents_with_gold = {gold["doc"] for _, gold in places}
    about_our_guides = {q["query_id"] for q, gold in places if gold["doc"].startswith("docs/")}
    assert (len(questions) >= 70, len(documents_with_gold) >= 40, len(about_our_guides) >= 25) == (True, True, True)


def test_some_questions_have_no_answer_and_say_so(questions):
    assert [bool(q["gold"]) for q in questions] == [q["answerable"] for q in questions]
    assert 5 <= Counter(q["answerable"] for q in questions)[False] <= 20


def test_ids_and_texts_are_unique(questions):
    assert len({q["query_id"] for q in questions}) == len(questions)
    assert len({q["text"].casefold() for q in questions}) == len(questions)


def test_each_gold_section_begins_with_its_heading(places, corpus):
    for question, gold in places:
        text = corpus[gold["doc"]].decode()
        assert hashlib.sha256(corpus[gold["doc"]]).hexdigest() == gold["sha256"]
        assert 0 <= gold["start"] < gold["end"] <= len(text)
        if gold["headings"]:
            head = "".join(text[gold["start"] :].split("\n")[:2]).replace("`", "").replace("\\", "")
            assert gold["headings"][-1].replace("`", "") in head, question["query_id"]


def test_no_question_repeats_the_words_of_its_answer(places, corpus):
    copied = {
        question["query_id"]: runs(question["text"]) & runs(corpus[gold["doc"]].decode()[gold["start"] : gold["end"]])
        for question, gold in places
    }
    assert {query_id for query_id, common in copied.items() if common} == set()


def test_no_gold_section_is_nearly_the_whole_corpus_of_its_kind(places, corpus):
    for question, gold in places:
        assert gold["end"] - gold["start"] <= 6000, question["query_id"]


def test_sections_nest_and_end_where_the_next_equal_one_begins():
    text = "# A\nx\n## B\ny\n```\n# no heading\n```\n## C\nz\n"
    found = {section.path: text[section.start : section.end] for section in anchor.sections("a.md", text)}
    assert found == {
        ("A",): text,
        ("A", "B"): "## B\ny\n```\n# no heading\n```\n",
        ("A", "C"): "## C\nz\n",
    }


def test_rst_levels_follow_the_first_appearance_of_an_adornment():
    text = "=====\nTitle\n=====\n\ntext\n\nOne\n---\n\na\n\nTwo\n---\n\nb ---\n"
    found = {section.path: text[section.start : section.end] for section in anchor.sections("a.rst", text)}
    assert found == {
        ("Title",): text,
        ("Title", "One"): "One\n---\n\na\n\n",
        ("Title", "Two"): "Two\n---\n\nb ---\n",
    }


@pytest.mark.parametrize("headings", [("Nowhere",), ("Same",)])
def test_a_heading_that_is_missing_or_ambiguous_is_refused(headings):
    with pytest.raises(ValueError, match=r"sections end with"):
        anchor.anchored("a.md", headings, b"# Same\n\n# Same\n")


def test_html_cannot_be_gold():
    with pytest.raises(ValueError, match=r"HTML"):
        anchor.anchored("docs/prefect.html", ("Prefect",), b"<h1>Prefect</h1>")
