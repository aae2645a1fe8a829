"""Retrieval quality on real judged questions: index, evaluate and write runs for every stage, with one set of defaults.

    INGEST_TEST_DATA=<folder> python benchmarks/quality.py [--sets covidqa ray_docs] [--out .quality]

Prints per stage nDCG@10, recall@10, recall@50, MRR@10 and the share of questions answered within B tokens, paired
against the naive baseline's figures per question, with 95 % intervals.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import yaml

METRICS = ("ndcg@10", "recall@10", "recall@50", "mrr@10", "answered@500", "answered@1000", "answered@2000")
BASELINE = {"bm25": "bm25", "dense": "dense", "fused": ("rrf", "convex")}
FORMATS = ("*.md", "*.rst", "*.txt", "*.html", "*.ipynb")


def main() -> int:
    """Index and measure every set; the exit status is 1 when the data is not there."""
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
        measure(Path(data) / name, args.out / name, {**config["index"], **args.index})
    return 0


def written_settings(folder: Path, out: Path, index: dict) -> Path:
    """Write the settings of one set, with which `ingest -f … search --file …` writes runs that anybody can score."""
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


def measure(folder: Path, out: Path, index: dict) -> None:
    """Index one set, print its table and write its scores per question."""
    from ingest import pipeline
    from ingest.pipeline.evaluate import judged_questions, score
    from ingest.planning import WHOLE
    from ingest.search import open_serving
    from ingest.settings import load_settings
    from ingest.wiring import close_services, open_executor, open_services

    settings = load_settings(written_settings(folder, out, index))
    name = next(iter(settings.indexes))
    services = open_services(settings, name)
    try:
        execute = open_executor(settings, name, services)
        report = pipeline.run(services, WHOLE, execute, lambda verdict: True)
        judged = judged_questions(services)
        questions = [q for q in judged if all(g.start is not None for g in q.gold)] or judged
        scores = score(services, open_serving(services), questions)
        print(f"\n## {folder.name}: {len(questions)} questions, {report.conservation.chunks} chunks, ", end="")
        print(f"quarantined {dict(report.quarantined)}, decision {report.decision}")
        table(folder, out, scores)
        for stage in report.stages:
            print(f"  {stage.step:10s} {stage.seconds:8.1f} s {stage.chunks_per_second:8.1f} chunks/s")
    finally:
        close_services(services)


def table(folder: Path, out: Path, scores: dict[str, dict[str, float]]) -> None:
    """Print the table of one set and write the scores per question."""
    print("| stage | " + " | ".join(METRICS) + " | answered@1000 − naive [95 %] |")
    print("|" + " --- |" * (len(METRICS) + 2))
    for stage, baseline in BASELINE.items():
        means = [np.mean([row[f"{stage}.{m}"] for row in scores.values()]) for m in METRICS]
        cells = " | ".join(f"{value:.3f}" for value in means)
        print(f"| {stage} | {cells} | {paired(folder, stage, baseline, scores)} |")
        with (out / f"{stage}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["query_id", *METRICS])
            writer.writerows([q, *(round(row[f"{stage}.{m}"], 6) for m in METRICS)] for q, row in scores.items())


def paired(folder: Path, stage: str, baseline: str | tuple[str, ...], scores: dict[str, dict[str, float]]) -> str:
    """Return the paired difference to the baseline's better row in answered@1000, with its interval."""
    from scipy.stats import bootstrap

    metric = "answered@1000"
    names = [baseline] if isinstance(baseline, str) else baseline
    files = [folder / "baseline" / f"{n}.csv" for n in names]
    if not all(f.exists() for f in files):
        return "no baseline"
    rows = [{r["query_id"]: float(r[metric]) for r in csv.DictReader(f.open(encoding="utf-8"))} for f in files]
    best = max(rows, key=lambda r: sum(r.values()))
    differences = np.array([row[f"{stage}.{metric}"] - best[q] for q, row in scores.items() if q in best])
    low, high = bootstrap((differences,), np.mean, method="percentile", rng=0).confidence_interval
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    sys.exit(main())
