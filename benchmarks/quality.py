"""Retrieval quality on judged sets: index, ask and score every stage, with one set of defaults.

    INGEST_TEST_DATA=<folder> python benchmarks/quality.py [--sets covidqa ray_docs] [--out .quality]

Prints per set and stage nDCG@10, recall, MRR@10 and the share of questions answered within B tokens, paired by question
against the naive baseline beside the set, with 95 % intervals; what a packed context answers; and where a set has
questions without an answer, how well the answers tell (AUC). Under --out it leaves for every stage the run
(`<stage>.run.jsonl`, which anybody can score) and the scores per question (`<stage>.csv`).
"""

import argparse
import csv
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

METRICS = ("ndcg@10", "recall@10", "recall@50", "mrr@10", "answered@500", "answered@1000", "answered@2000")
PAIRED = ("ndcg@10", "answered@1000")
BASELINE = {"bm25": ("bm25",), "dense": ("dense",), "fused": ("rrf", "convex"), "reranked": ("rrf", "convex")}
BATCH, DEPTH, BUDGET = 64, 50, 1000
COSTS = (1, 2, 4, 9)  # of a wrong answer, in wrong refusals


def main() -> int:
    """Index and measure every set; the exit status is 1 when the data is not there."""
    from whole_documents import whole_documents

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    config = yaml.safe_load((Path(__file__).parent / "quality.yaml").read_text())
    parser.add_argument("--sets", nargs="*", default=config["sets"])
    parser.add_argument("--out", type=Path, default=Path(".quality"))
    parser.add_argument("--index", type=json.loads, default={}, help="JSON merged into the index settings")
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with judged sets")
        return 1
    for name in args.sets:
        index = {**config["index"], **config.get("of_set", {}).get(name, {}), **args.index}
        measure(Path(data) / name, args.out / name, index)
        if name in config.get("whole_documents", ()):
            whole_documents(Path(data) / name)
    return 0


def written_settings(folder: Path, out: Path, index: dict) -> Path:
    """Write the settings of one set, with which `ingest -f … search --file …` writes the same runs."""
    name = folder.name.replace("_", "-")
    source = {"name": name, "uri": str(folder.resolve()), "include": ["docs/*"]}
    values = {
        "lake": "lake",
        "state": "state",
        "indexes": {name: {"sources": [source], "judged": [str(folder.resolve() / "queries.jsonl")], **index}},
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / "ingest.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def measure(folder: Path, out: Path, index: dict) -> dict:
    """Index one set, print its tables, write runs and scores; return stage → query id → metric → value."""
    import ingest
    from ingest.quality.judged_sets import read_judged_set, scored_questions
    from ingest.quality.metrics import score_questions
    from ingest.search.context import counter

    with ingest.open(written_settings(folder, out, index)) as opened:
        report = opened.run()
        with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
            asked = read_judged_set(lines, folder.name)
        scored = judged(asked)
        searcher = opened.searcher()
        answers = answered(searcher, asked, searcher.stages)
        scores, count = {}, counter(searcher.retrieval.tokenizer)
        for stage in searcher.stages:
            ranked = {q.query_id: list(answers[q.query_id].stages[stage]) for q in asked}
            write_run(out / f"{stage}.run.jsonl", ranked)
            scores[stage] = score_questions([(ranked[q.query_id], q) for q in scored], count)
            write_scores(out / f"{stage}.csv", scores[stage])
        chunks = searcher.manifest.counts["chunks"]
        told = f"{scored_questions([asked])}; {chunks} chunks, quarantined {dict(report.quarantined)}"
        print(f"\n## {folder.name}: {told}\n")
        table(folder, scores)
        packed(searcher, {q.query_id: answers[q.query_id] for q in scored}, scored, scores)
        abstention(asked, answers, searcher)
        return scores


def judged(asked: list) -> list:
    """Return the questions that are scored, by the rule of the gate."""
    from ingest.quality.judged_sets import scored_questions

    return scored_questions([asked]).scored


def answered(searcher, asked: list, stages: tuple[str, ...]) -> dict:
    """Return query id → answer."""
    from ingest.records import EVERYTHING

    found = {}
    for first in range(0, len(asked), BATCH):
        batch = asked[first : first + BATCH]
        answers = searcher.search([q.text for q in batch], EVERYTHING, DEPTH, stages)
        found |= {q.query_id: answer for q, answer in zip(batch, answers, strict=True)}
    return found


def write_run(path: Path, ranked: dict) -> None:
    """Write a run, one line a question, best result first."""
    from ingest.cli.search import result_values

    with path.open("w", encoding="utf-8") as file:
        for query_id, results in ranked.items():
            values = [result_values(result) for result in results]
            file.write(json.dumps({"query_id": query_id, "results": values}, ensure_ascii=False) + "\n")


def write_scores(path: Path, scores: dict) -> None:
    """Write the metrics of every question."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["query_id", *METRICS])
        writer.writerows([q, *(round(row[m], 6) for m in METRICS)] for q, row in scores.items())


def table(folder: Path, scores: dict) -> None:
    """Print the table of one set."""
    print("| stage | " + " | ".join(METRICS) + " | " + " | ".join(f"{m} − naive [95 %]" for m in PAIRED) + " |")
    print("|" + " --- |" * (1 + len(METRICS) + len(PAIRED)))
    for stage, rows in scores.items():
        means = [f"{np.mean([row[m] for row in rows.values()]):.3f}" for m in METRICS]
        naive = [against(folder, stage, m, rows) for m in PAIRED]
        print("| " + " | ".join([stage, *means, *naive]) + " |")
    if "reranked" in scores:
        for metric in PAIRED:
            print(f"reranked − fused, {metric}: {paired(scores['reranked'], scores['fused'], metric)}")


def against(folder: Path, stage: str, metric: str, rows: dict) -> str:
    """Return the paired difference to the better row of the naive baseline for this stage."""
    files = [folder / "baseline" / f"{name}.csv" for name in BASELINE.get(stage, ())]
    if not files or not all(file.exists() for file in files):
        return "no baseline"
    read = [csv.DictReader(file.read_text(encoding="utf-8").splitlines()) for file in files]
    naive = [{row["query_id"]: {metric: float(row[metric])} for row in rows_of} for rows_of in read]
    return paired(rows, max(naive, key=lambda found: sum(row[metric] for row in found.values())), metric)


def paired(ours: dict, theirs: dict, metric: str) -> str:
    """Return the mean difference over the same questions, with its 95 % bootstrap interval."""
    from scipy.stats import bootstrap

    differences = np.array([row[metric] - theirs[q][metric] for q, row in ours.items() if q in theirs])
    if len(differences) < 2 or np.ptp(differences) == 0:
        return f"{differences.mean():+.3f}" if len(differences) else "no question in common"
    low, high = bootstrap((differences,), np.mean, method="percentile", rng=0).confidence_interval
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def packed(searcher, answers: dict, questions: list, scores: dict) -> None:
    """Print what the packed context of the last stage answers, beside its ranking cut at the same budget."""
    from ingest.quality.metrics import score_questions
    from ingest.records import EVERYTHING
    from ingest.search import ContextOptions, context_of
    from ingest.search.context import counter

    stage = next(reversed(scores))
    ways = {"packed": {}, "packed, neighbours 1": {"neighbours": 1}}
    metric = f"answered@{BUDGET}"
    for label, more in ways.items():
        wanted = ContextOptions(BUDGET, **more), EVERYTHING
        pairs = []
        for question in questions:
            ranked = answers[question.query_id].stages[stage]
            context = context_of(searcher, ranked, stage, wanted)
            found = [
                replace(ranked[p.rank - 1], text=p.text, start=p.start, end=p.end, heading_path=p.heading_path)
                for p in context.passages
            ]
            pairs.append((found, question))
        rows = score_questions(pairs, counter(searcher.retrieval.tokenizer))
        mean = np.mean([row[metric] for row in rows.values()])
        print(f"{stage}, {label}: {metric} {mean:.3f}, − cut {paired(rows, scores[stage], metric)}")


def abstention(asked: list, answers: dict, searcher) -> None:
    """Print how well an answer tells that the set holds none: AUC of each stage's top score, and of the confidence.

    The confidence of a question comes from a calibration that has not seen it: ten folds by question, in each of which
    strength, curve and threshold are chosen within the other nine.
    """
    from ingest.quality.calibrate import LEAST, fit_calibration, signals_and_tops
    from ingest.quality.judged_sets import scored_questions
    from ingest.records import EVERYTHING
    from ingest.search.confidence import LOOKED_AT

    counted = scored_questions([asked])
    asked = counted.scored + [q for q in asked if not q.answerable]
    known = np.array([q.answerable for q in asked])
    if known.all() or not known.any():
        return
    found = [answers[q.query_id] for q in asked]
    print(f"\n{int((~known).sum())} questions without an answer, {int(known.sum())} with one")
    for stage in searcher.stages:
        tops = [max((r.scores[stage] for r in a.stages[stage]), default=-1.0) for a in found]
        print(f"AUC of the top score of {stage}: {auc(known, np.array(tops, float)):.3f}")
    if min(known.sum(), (~known).sum()) < LEAST:
        return
    texts = [q.text for q in asked]
    batches = [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)]
    found = [one for batch in batches for one in searcher.candidates(batch, EVERYTHING, LOOKED_AT)]
    rows = np.array([signals_and_tops(text, one, searcher) for text, one in zip(texts, found, strict=True)])
    for cost in COSTS:
        made = fit_calibration(rows, known, cost)
        found = {name: "{:.3f} [{:.3f}, {:.3f}]".format(*values) for name, values in made.figures.items()}
        if cost == COSTS[0]:
            print(f"AUC of the confidence, 10 folds by question: {found['auc']}")
        best = max(made.against_top_scores, key=lambda d: d.mean)
        print(
            f"a wrong answer costs {cost}: refused {found['refused']}, right among answered {found['precision']}, "
            f"answerable ones refused {found['wrong_refusals']}, cost {found['cost']}, "
            f"− that of the best top score ({best.metric}) {best.mean:+.3f} [{best.lower:+.3f}, {best.upper:+.3f}]"
        )


def auc(positive, values) -> float:
    """Return the area under the ROC curve: the chance that a positive is above a negative, ties half."""
    from scipy.stats import rankdata

    ranks, n = rankdata(values), int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))


if __name__ == "__main__":
    sys.exit(main())
