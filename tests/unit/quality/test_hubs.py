"""Hubs: what stands in front of answers although it answers nothing is named, and refused above a limit."""

from ingest.quality import hubs
from ingest.quality.hubs import Crowd, hubs_told
from ingest.records import Asker, Gold, Question, Result

LARGE = {"chunks": 5000, "documents": 2000}


def question(n: int, doc: str = "") -> Question:
    return Question(f"q{n:03}", f"text {n}", gold=(Gold(doc or f"d{n}.md"),), asker=Asker(("staff",), "acme"))


def result(doc: str, start: int = 0, title: str = "", headings: tuple[str, ...] = ()) -> Result:
    return Result(f"{doc}-{start}", doc, f"file:///{doc}", "docs", doc, title, headings, "x", start, start + 9)


def crowd(hub: str = "", share: float = 0.0, questions: int = 200, spread: int = 1, **counts: int) -> Crowd:
    """Return a crowd of questions, each with its own answer first and, in a share of them, chunks of a hub after it."""
    made = Crowd(LARGE | counts)
    for n in range(questions):
        found = [result(f"d{n}.md"), *(result(f"e{n}-{rank}.md") for rank in range(8))]
        made.add_all([(question(n), [*found, result(hub, n % spread)] if n < share * questions else found)])
    return made


def test_a_chunk_in_the_first_ten_of_many_questions_that_are_answered_elsewhere_refuses_by_name() -> None:
    (reason,), warnings = hubs_told(crowd("poison.md", 0.15), None, 0.08)
    told = (
        "Chunk file:///poison.md characters 0 to 9 is among the first 10 for 30 of 200 questions (15.0%) whose answer"
    )
    assert reason == f"{told} is elsewhere, such as q000, q001, q002; at most 8.0% may be."
    assert [] == warnings


def test_many_chunks_of_one_document_are_a_hub_together() -> None:
    reasons, _ = hubs_told(crowd("poison.md", 0.3, spread=60), None, 0.08)
    assert ["Document file:///poison.md is among"] == [
        reason[: len("Document file:///poison.md is among")] for reason in reasons
    ]


def test_a_page_that_was_judged_to_answer_nothing_is_a_hub_all_the_same() -> None:
    made = Crowd(LARGE)
    for n in range(200):
        judged = Question(f"q{n:03}", "text", gold=(Gold(f"d{n}.md"), Gold("poison.md", grade=0)))
        made.add_all([(judged, [result(f"d{n}.md"), result("poison.md")] if n < 60 else [])])
    assert 2 == len(hubs_told(made, None, 0.08)[0])


def test_a_page_that_answers_many_questions_is_no_hub() -> None:
    made = Crowd(LARGE)
    for n in range(200):
        made.add_all([(question(n, "faq.md" if n < 150 else ""), [result("faq.md" if n < 150 else f"d{n}.md")])])
    assert ([], []) == hubs_told(made, None, 0.08)


def test_what_serves_already_is_only_told_and_so_is_what_is_far_worse_than_it() -> None:
    poisoned, clean = crowd("poison.md", 0.15), crowd("hub.md", 0.02)
    assert (0, 1) == tuple(map(len, hubs_told(poisoned, poisoned, 0.08)))
    assert (1, 1) == tuple(map(len, hubs_told(poisoned, clean, 0.08)))  # the document has a higher limit
    reasons, (warning, _) = hubs_told(crowd("new.md", 0.08), clean, 0.08)
    assert ([], True) == (
        reasons,
        warning.endswith("; the worst of the serving release for 2.0%; at most 8.0% may be."),
    )
    assert ([], []) == hubs_told(clean, clean, 0.08)


def test_in_a_small_index_only_the_very_first_results_count_and_few_questions_decide_nothing() -> None:
    assert {"chunk": 1, "document": 1} == Crowd({"chunks": 40, "documents": 9}).firsts
    assert {"chunk": 3, "document": 10} == Crowd({"chunks": 355, "documents": 1000}).firsts
    assert ([], []) == hubs_told(crowd("hub.md", 1.0, questions=9), None, 0.08)


def test_known_item_questions_join_where_there_are_few_and_are_asked_as_who_found_them() -> None:
    made = Crowd(LARGE)
    made.add_all([(question(1), [result(f"d{n}.md", title="Trips", headings=("Trips", "Trains")) for n in range(30)])])
    first, second = made.known_items()
    assert ("Trips Trains", (Gold("d10.md", source="docs"),), question(1).asker) == (
        first.text,
        first.gold,
        first.asker,
    )
    assert "known d20.md" == second.query_id
    assert [] == crowd(questions=hubs.ENOUGH).known_items()
