"""`ingest search`: for people, for programs, and as a run that anybody can score."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.cli import search
from ingest.records import Result
from ingest.search import Searcher
from tests.integration.cli.conftest import TOPICS, Lab
from tests.unit.documents.parsers.office_files import slides


def two_slides(deck: Any) -> None:
    for number in ("first", "second"):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = f"The {number} slide", f"A {number} sparrow."


def run_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_people_see_rank_heading_link_score_and_text(served: Lab) -> None:
    answer = served("search", "where", "is the copper beam", "--top", "1")
    assert answer.code == 0, answer.err
    first, second, third = answer.out.splitlines()[:3]
    rank, score, *heading = first.split()
    assert (rank, heading) == ("1", ["About", "copper"])
    assert score == "0.4131"
    assert second.startswith(f"     file://{served.folder}/documents/copper.md  ")
    assert third == "     # About copper The copper beam is stored beside the copper gate."


@pytest.mark.parametrize("stage", ["bm25", "dense", "fused"])
def test_json_has_the_ranking_of_one_stage(served: Lab, stage: str) -> None:
    found = served("search", "copper beam", "--stage", stage, "--top", "2", "--json").document
    assert (found["question"], found["stage"], found["release"]) == ("copper beam", stage, 1)
    assert [r["rank"] for r in found["results"]] == [1, 2]
    assert found["results"][0]["doc"] == "copper.md"
    scores = [r["scores"][stage] for r in found["results"]]
    assert scores == sorted(scores, reverse=True)


def test_a_file_of_questions_becomes_a_run_in_the_order_of_the_file(
    served: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH", 4)
    batches: list[int] = []
    inner = Searcher.search

    def counted(self: Searcher, questions: list[str], *rest: Any) -> Any:
        batches.append(len(questions))
        return inner(self, questions, *rest)

    monkeypatch.setattr(Searcher, "search", counted)
    answer = served("search", "--file", "judged.jsonl", "--out", "run.jsonl", "--json")
    assert (answer.code, answer.document["questions"], batches) == (0, 6, [4, 2])
    lines = run_of(served.folder / "run.jsonl")
    assert [line["query_id"] for line in lines] == list(TOPICS)
    assert [line["results"][0]["doc"] for line in lines] == [f"{topic}.md" for topic in TOPICS]
    assert {tuple(line) for line in lines} == {("query_id", "results")}
    result = lines[0]["results"][0]
    assert list(result) == ["doc", "start", "end", "page", "heading_path", "text", "uri", "scores"]
    assert result["page"] is None
    text = (served.folder / "documents" / result["doc"]).read_text()
    assert result["text"] == text[result["start"] : result["end"]]
    assert result["heading_path"] == ["About copper"]
    assert result["uri"] == f"file://{served.folder}/documents/copper.md"
    assert set(result["scores"]) == {"dense", "bm25", "fused"}


def test_without_out_the_run_goes_to_stdout_and_nothing_else_does(served: Lab) -> None:
    answer = served("search", "--file", "judged.jsonl", "--top", "3", "--stage", "bm25")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    assert [line["query_id"] for line in lines] == list(TOPICS)
    assert {len(line["results"]) <= 3 for line in lines} == {True}
    assert "6 questions answered by generation 0001-" in answer.err


def test_a_run_that_breaks_leaves_the_old_file_as_it_was(served: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (served.folder / "old.jsonl").write_text("old")
    monkeypatch.setattr(search, "BATCH", 1)
    left = [2]

    def breaks(result: Result) -> dict[str, Any]:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(search, "result_values", breaks)
    answer = served("search", "--file", "judged.jsonl", "--out", "old.jsonl")
    assert (answer.code, (served.folder / "old.jsonl").read_text()) == (130, "old")
    assert sorted(p.name for p in served.folder.iterdir() if "partial" in p.name) == []


def test_a_result_of_a_document_with_pages_names_its_page(lab: Lab) -> None:
    (lab.folder / "documents" / "deck.pptx").write_bytes(slides(two_slides))
    assert lab("run").code == 0
    (found,) = lab("search", "second sparrow", "--top", "1", "--json").document["results"]
    assert (found["doc"], found["page"]) == ("deck.pptx", 2)
    assert "deck.pptx  page 2" in lab("search", "second sparrow", "--top", "1").out


def test_what_the_groups_may_not_see_is_not_found(served: Lab) -> None:
    answer = served("search", "copper beam", "--acl", "board")
    assert (answer.code, answer.out) == (0, "No results in what the filters leave.\n")
    assert served("search", "copper beam", "--acl", "board", "--acl", "public", "--json").document["results"] != []
    assert served("search", "copper beam", "--tenant", "other", "--json").document["results"] == []
    assert (
        served("search", "copper beam", "--source", "other", "--json").document["error"]["class"] == "InvalidSettings"
    )


def test_a_context_has_passages_with_citations_within_its_tokens(served: Lab) -> None:
    found = served("search", "copper beam", "--context", "30", "--neighbours", "1", "--json").document
    assert (found["question"], found["stage"], found["release"]) == ("copper beam", "fused", 1)
    context = found["context"]
    assert sum(p["tokens"] for p in context["passages"]) == context["tokens"] <= context["budget"] == 30
    first = context["passages"][0]
    assert (first["path"], first["heading_path"]) == ("copper.md", ["About copper"])
    text = (served.folder / "documents" / "copper.md").read_text()
    assert first["text"] == text[first["start"] : first["end"]]
    assert {left["reason"] for left in context["left_out"]} == {"budget"}
    shown = served("search", "copper beam", "--context", "30")
    assert "The copper beam is stored beside the copper gate." in shown.out
    assert f"{context['tokens']} of 30 tokens" in shown.err


def test_a_run_of_contexts_can_be_scored_as_any_other(served: Lab) -> None:
    assert served("search", "--file", "judged.jsonl", "--out", "context.jsonl", "--context", "40").code == 0
    lines = run_of(served.folder / "context.jsonl")
    assert [line["results"][0]["doc"] for line in lines] == [f"{topic}.md" for topic in TOPICS]
    assert all(sum(r["tokens"] for r in line["results"]) <= 40 for line in lines)


def test_searching_before_anything_serves_is_a_fatal_error(lab: Lab) -> None:
    answer = lab("search", "copper")
    assert (answer.code, answer.out) == (4, "")
    assert "nothing serves yet; `ingest run`" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [""],
        [" ", " "],
        ["half \ud800"],
        ["a", "--file", "judged.jsonl"],
        ["a", "--out", "run.jsonl"],
        ["--file", "judged.jsonl", "--json"],
        ["--file", "judged.jsonl", "--out", "no/such/folder/run.jsonl"],
        ["--file", "missing.jsonl"],
        ["a", "--stage", "sparse"],
        ["a", "--top", "0"],
        ["a", "--context", "0"],
        ["a", "--parent"],
        ["a", "--neighbours", "1"],
    ],
)
def test_wrong_use_gives_2_and_opens_nothing(served: Lab, arguments: list[str]) -> None:
    before = served.closed
    answer = served("search", *arguments)
    assert (answer.code, answer.out, served.closed) == (2, "", before)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "contains no questions"),
        ('{"query_id": "a", "text": "x"}\n{', "q.jsonl:2: Invalid JSON"),
        ('{"query_id": ' + "9" * 5000 + ', "text": "x"}', "q.jsonl:1: Invalid JSON: number out of range"),
        ('{"query_id": "a", "text": "x", "z": ' + "[" * 100_000, "q.jsonl:1: Invalid JSON: recursion limit exceeded"),
        ('{"query_id": "a", "text": "half \\ud800"}', "q.jsonl:1: Invalid JSON: unexpected end of hex escape"),
        ('{"query_id": "\\ud800", "text": "x"}', "q.jsonl:1: Invalid JSON: unexpected end of hex escape"),
        ("[1]", "q.jsonl:1: Input should be an object"),
        ('{"query_id": "a"}', "q.jsonl:1: text: Field required"),
        ('{"query_id": true, "text": "x"}', "q.jsonl:1: query_id"),
        ('{"query_id": "a", "text": " "}', "q.jsonl:1: text: String should have at least 1 character"),
        (
            '{"query_id": "a", "text": "x"}\n\n{"query_id": "a", "text": "y"}',
            "q.jsonl:3: duplicate query_id 'a'",
        ),
    ],
)
def test_a_faulty_file_of_questions_is_named_with_its_line(served: Lab, lines: str, fault: str) -> None:
    (served.folder / "q.jsonl").write_text(lines)
    answer = served("search", "--file", "q.jsonl")
    assert answer.code == 2
    assert fault in " ".join(answer.err.split())


def test_a_file_may_begin_with_a_byte_order_mark(served: Lab) -> None:
    (served.folder / "q.jsonl").write_bytes(b'\xef\xbb\xbf{"query_id": "a", "text": "copper"}\r\n')
    assert json.loads(served("search", "--file", "q.jsonl").out)["query_id"] == "a"


def test_a_context_looks_at_as_many_results_as_are_asked_for(served: Lab) -> None:
    few, more = (
        served("search", "beam", "--context", "1000", "--top", top, "--json").document["context"] for top in ("1", "60")
    )
    assert len(few["passages"]) == 1 < len(more["passages"])


def test_text_of_documents_cannot_drive_the_terminal(lab: Lab) -> None:
    lab.write("copper", "The copper [red]beam[/red] \x1b[31mis \x9b2J here.\n")
    lab("run")
    out = lab("search", "copper beam", "--top", "1").out
    assert "The copper [red]beam[/red] [31mis 2J here." in out
    assert [c for c in out if not c.isprintable() and c != "\n"] == []


def test_an_unknown_stage_is_refused_in_a_sentence_with_the_known_ones(lab: Lab) -> None:
    answer = lab("search", "copper", "--stage", "magic")
    said = "Invalid value for --stage: 'magic' is not one of bm25, dense, fused, reranked"
    assert (2, True, False) == (answer.code, said in answer.err, "Value error" in answer.err)
