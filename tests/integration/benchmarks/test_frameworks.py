"""What `make bench-pipeline` makes of its runs, and that no process is missed; no peer is run here."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.frameworks import costs
from benchmarks.frameworks.measure import COUNT, TOLD, differences
from benchmarks.frameworks.report import NAMES, STEPS, Run, best_peer, follows, goals, lowest, report

RUN = Run("ingest", "cold", cpu=50.0, memory=2**30, seconds=90.0, chunks=10, characters=5000, missing=0, stale=0)
BURNS = "import time\nwhile time.process_time() < 0.2: pass\n"
LEAVES = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"


def runs(cpu: dict[str, float]) -> list[Run]:
    """Return four runs of each system, which all take as long."""
    return [replace(RUN, name=name, step=step, cpu=seconds) for name, seconds in cpu.items() for step in STEPS]


def test_the_cheaper_round_counts() -> None:
    assert 40.0 == lowest([RUN, replace(RUN, cpu=40.0), replace(RUN, step="changed", cpu=1.0)], "ingest", "cold").cpu


def test_the_best_peer_is_never_ours() -> None:
    assert "haystack" == best_peer(runs({"ingest": 1.0, "haystack": 100.0, "cocoindex": 130.0}), "cold").name


def test_goals_are_reached_at_two_fifths_cold_and_below_the_peer_unchanged() -> None:
    told = goals(runs({"ingest": 40.0, "haystack": 100.0}))
    assert 2 == told.count(": reached")
    told = goals(runs({"ingest": 41.0, "haystack": 100.0}))
    assert (1, 1) == (told.count(": not reached"), told.count(": reached"))
    assert 2 == goals(runs({"ingest": 100.0, "haystack": 100.0})).count(": not reached")


def test_without_a_peer_no_goal_is_told() -> None:
    assert "" == goals(runs({"ingest": 1.0}))


def test_the_table_has_a_line_for_each_system_that_was_measured() -> None:
    lines = report(runs({"ingest": 50.0, "langchain": 137.0})).splitlines()
    found = [line for line in lines if line.startswith(tuple(f"| {name} " for name in NAMES.values()))]
    assert [
        "| ingest | 50.0 | 50.0 | 50.0 | 50.0 | 1,024 | 1,024 | 10 | 500 | yes | yes |",
        "| LangChain | 137.0 | 137.0 | 137.0 | 137.0 | 1,024 | 1,024 | 10 | 500 | yes | yes |",
    ] == found


def test_the_table_tells_what_an_index_keeps_and_lacks() -> None:
    assert ("no, 2 stale", "1 missing", "–") == (
        follows(replace(RUN, stale=2)),
        follows(replace(RUN, missing=1)),
        follows(None),
    )


def test_old_editions_and_deleted_documents_are_stale() -> None:
    wanted = dict.fromkeys(range(COUNT), 0)
    texts = [f"a chunk\n{TOLD.format(edition=0, number=number)}" for number in wanted]
    assert (0, 0) == found(texts, wanted)
    assert (1, 1) == found(texts, wanted | {3: 1})
    del wanted[5]
    assert (0, 1) == found(texts, wanted)


def found(texts: list[str], editions: dict[int, int]) -> tuple[int, int]:
    told = differences(texts, editions)
    assert len(texts) == told["chunks"]
    return told["missing"], told["stale"]


def test_processes_that_a_command_leaves_behind_are_counted_and_told_to_end(tmp_path: Path) -> None:
    out, stays = tmp_path / "costs.json", BURNS + "time.sleep(300)"
    command = [sys.executable, costs.__file__, str(out), sys.executable, "-c", LEAVES, stays]
    assert 0 == subprocess.run(command).returncode
    assert 0.2 <= json.loads(out.read_text())["cpu"] < 2.0
