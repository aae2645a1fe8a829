"""Verdicts as people read them in a terminal."""

import io
from collections.abc import Iterable

from rich.console import Console, RenderableType

from ingest.cli import tables
from ingest.quality.gate import Facts, judge
from ingest.records import GateRules, Verdict

METRIC = "fused.ndcg@10"


def verdict(lost: int = 4, count: int = 100, names: int = 1) -> Verdict:
    """Return a verdict on a candidate that lost the first questions, which have slices of their own."""
    now, before = ({f"q{i:03}": {METRIC: float(i >= n)} for i in range(count)} for n in (lost, 0))
    few = {f"q{i:03}": [(f"topic{n}", "few" if i < lost else "many") for n in range(names)] for i in range(count)}
    slices = {q: [*own, ("source", "docs")] for q, own in few.items()}
    return judge(now, before, GateRules(), Facts("docs", "g2", "g1", 7, judged=count, slices=slices))


def printed(parts: Iterable[RenderableType]) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    for part in parts:
        console.print(part)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_slices_are_shown_with_those_that_fell_first_and_without_what_holds_all_questions() -> None:
    lines = printed(tables.verdict(verdict()))
    start = lines.index("Slices (serving)")
    fell, held = lines[start + 3 : start + 5]
    assert "topic0=few fell 4 0.0000 (1.0000) – -1.0000 [-1.0000, -1.0000]" == fell
    assert held.startswith("topic0=many held 96 1.0000 (1.0000)")
    assert not any("source=docs" in line for line in lines)


def test_many_slices_are_counted_beyond_a_number() -> None:
    lines = printed(tables.verdict(verdict(names=15)))
    assert "… and 10 more slices; --json shows all" in lines


def test_a_record_has_a_line_per_field_and_the_records_in_it_are_rows_of_tables() -> None:
    told = {
        "release": 1,
        "by_name": {"fused": {"ndcg": 0.5, "recall_10": 1234.0}},
        "each": [{"metric": "ndcg", "lower": None}],
        "faults": ("a is lost", "b is stale"),
        "counts": {"listed_twice": 2, "inside": {"held": True}},
        "interval": (0.25, 1),
        "secrets": (),
    }
    lines = [line for line in printed(tables.record(told)) if line.strip("─ ")]
    assert ["release: 1", "by name", "ndcg recall 10", "fused 0.5 1,234"] == lines[:4]
    assert ["each", "metric lower", "ndcg –", "faults: a is lost", "faults: b is stale"] == lines[4:9]
    assert ["counts: listed twice 2, inside held yes", "interval: 0.25, 1", "secrets: none"] == lines[9:]


def test_of_a_long_list_in_a_record_the_rest_is_counted() -> None:
    lines = printed(tables.record({"faults": [f"point {n} is lost" for n in range(1000)]}))
    assert (21, "… and 980 more; --json shows all") == (len(lines), lines[-1])


def test_numbers_of_any_size_are_shown_without_an_exponent_that_people_have_to_work_out() -> None:
    assert ["0.175", "12.35", "1,293", "100,689", "4,198", "yes"] == [
        tables.cell(value) for value in (0.175, 12.3456, 1292.8, 100_689.3, 4198, True)
    ]
