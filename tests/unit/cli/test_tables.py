"""Verdicts as people read them in a terminal."""

import io

from rich.console import Console

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


def printed(judged: Verdict) -> list[str]:
    console = Console(file=io.StringIO(), width=160)
    for part in tables.verdict(judged):
        console.print(part)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_slices_are_shown_with_those_that_fell_first_and_without_what_holds_all_questions() -> None:
    lines = printed(verdict())
    start = lines.index("Slices (serving)")
    fell, held = lines[start + 3 : start + 5]
    assert "topic0=few fell 4 0.0000 (1.0000) – -1.0000 [-1.0000, -1.0000]" == fell
    assert held.startswith("topic0=many held 96 1.0000 (1.0000)")
    assert not any("source=docs" in line for line in lines)


def test_many_slices_are_counted_beyond_a_number() -> None:
    lines = printed(verdict(names=15))
    assert "… and 10 more slices; --json shows all" in lines
