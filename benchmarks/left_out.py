"""What weights are worth on a judged set on which they were not chosen: choose on all sets but one, report that one.

    INGEST_TEST_DATA=<folder> python benchmarks/left_out.py [--sets covidqa ray_docs …] [--out .quality]
                                                            [--chunking .quality-150 .quality-300 …]

Reads the indexes that `benchmarks/quality.py` left under --out, and asks each question once. Then, for each set:

1. every recipe of a stage (a weight of fusion; weights of re-ranking) is compared with the reference on all other sets,
   by nDCG@10, paired by question, with 95 % intervals;
2. of the recipes that lose on none of them (lower bound at least −0.01), the mildest is chosen whose mean gain is
   within one standard error, over the sets, of the best (the one-standard-error rule: Breiman et al. 1984,
   "Classification and Regression Trees", 3.4.3). The reference is the mildest of all;
3. what it gains over the reference on the set that was left out is printed. Only these figures may be quoted.

A stage may be on by default if no left-out set loses and the mean gains. `--chunking`: folders that `quality.py` left
with other chunk sizes (`--index '{"chunking": {…}}'`), the mildest first; their fused scores are recipes as well.
"""

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import yaml
from quality import judged, written_settings

METRICS = ("ndcg@10", "answered@1000")
WEIGHT = 0.35  # of the dense stage, the reference
# Recipes, the mildest first: the weights of cosine, keyword score, near and proximity.
FUSION = sorted((round(n / 20, 2) for n in range(3, 14) if n != 20 * WEIGHT), key=lambda weight: abs(weight - WEIGHT))
NEAR = {f"1/{n}": (WEIGHT, 1 - WEIGHT, 1 / n, 0.0) for n in (32, 16, 12, 8, 5, 4, 3)}
BLENDS = {(n, p): (1.0, 1.0, n, p) for n, p in sorted(product((0.0, 0.5, 1.0), (0.0, 0.25, 0.5)), key=sum)}
REFERENCE = "reference"
HEAD = 50  # candidates of re-ranking
MAY_LOSE = -0.01
RESAMPLES = 2_000


@dataclass(frozen=True)
class Case:
    """A judged question, what both searches found, and what tells good candidates."""

    question: object
    results: list  # in fused order under the settings
    both: np.ndarray  # (results, 2): cosine, and keyword score as a share of its bound
    rows: np.ndarray  # (HEAD or fewer, FEATURES)


def main() -> int:
    """Print the tables; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    config = yaml.safe_load((Path(__file__).parent / "quality.yaml").read_text())
    parser.add_argument("--sets", nargs="*", default=config["sets"])
    parser.add_argument("--out", type=Path, default=Path(".quality"))
    parser.add_argument("--chunking", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with judged sets")
        return 1
    found = {name: by_recipe(Path(data) / name, args.out / name, config) for name in args.sets}
    table("The weight of the dense stage", {name: stages["fusion"] for name, stages in found.items()})
    table("Re-ranking: near beside the fused order", {name: stages["near"] for name, stages in found.items()})
    table("Re-ranking: near and proximity beside equal weights", {n: stages["blends"] for n, stages in found.items()})
    table("The default re-ranking alone", {name: stages["default"] for name, stages in found.items()})
    if args.chunking:
        folders = {REFERENCE: args.out, **{folder.name: folder for folder in args.chunking}}
        sizes = {n: {label: stored(folder / n / "fused.csv") for label, folder in folders.items()} for n in args.sets}
        table("Chunk size", sizes)
    return 0


def by_recipe(folder: Path, out: Path, config: dict) -> dict:
    """Return stage → recipe → metric → (questions,) scores of one set."""
    from ingest.quality.metrics import score_questions

    cases, count = collected(folder, out, config)

    def scored(orders) -> dict:
        ranked = [([c.results[i] for i in order], c.question) for c, order in zip(cases, orders, strict=True)]
        rows = score_questions(ranked, count)
        return {metric: np.array([rows[c.question.query_id][metric] for c in cases]) for metric in METRICS}

    fused = scored([np.arange(len(c.results)) for c in cases])
    weights = {w: scored([best(c.both @ (w, 1 - w)) for c in cases]) for w in FUSION}
    near, blends = (
        {label: scored([reordered(c, *recipe) for c in cases]) for label, recipe in recipes.items()}
        for recipes in (NEAR, BLENDS)
    )
    print(f"{folder.name}: {len(cases)} questions, fused {told(fused)}", file=sys.stderr, flush=True)
    return {
        "fusion": {REFERENCE: fused, **weights},
        "near": {REFERENCE: fused, **near},
        "blends": {REFERENCE: fused, **blends},
        "default": {REFERENCE: fused, "default": scored([by_default(c) for c in cases])},
    }


def collected(folder: Path, out: Path, config: dict) -> tuple:
    """Return the cases of one set's serving release, and what counts tokens."""
    import ingest
    from ingest.quality.calibrate import candidates_of, open_fused
    from ingest.quality.judged_sets import read_judged_set
    from ingest.quality.metrics import DEPTH
    from ingest.search.context import counter
    from ingest.search.ranking import features

    index, found = {**config["index"], **config.get("of_set", {}).get(folder.name, {})}, []
    with ingest.open(written_settings(folder, out, index)) as opened:
        with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
            questions = judged(read_judged_set(lines, folder.name))
        profile = opened.services.bench.options.profile
        searcher = open_fused(opened.services.retrieval, profile, max(DEPTH, HEAD))
        for batch in candidates_of(searcher, "left-out", questions, None):
            for question, results in batch:
                bound = searcher.wording.bound(searcher.wording.asked([question.text])[0]) or 1.0
                shares = [r.scores.get("bm25", 0.0) / bound for r in results]
                # What the model cannot read has no cosine: its share counts alone, as in the fused stage.
                both = [[max(r.scores.get("dense", s), 0.0), s] for r, s in zip(results, shares, strict=True)]
                rows = features(question.text, results[:HEAD], searcher.wording)
                found.append(Case(question, list(results), np.array(both).reshape(-1, 2), rows))
        return found, counter(searcher.retrieval.tokenizer)


def best(scores: np.ndarray) -> np.ndarray:
    """Return the positions of results, best first, ties in their order."""
    return np.argsort(-scores, kind="stable")


def reordered(case: Case, cosine: float, keyword: float, near: float, proximity: float) -> np.ndarray:
    """Return the order of results under a blend; what is not a candidate follows."""
    from ingest.search.ranking import FEATURES

    weights = np.zeros(len(FEATURES))
    for name, value in {"cosine": cosine, "keyword": keyword, "near": near, "proximity": proximity}.items():
        weights[FEATURES.index(name)] = value
    head = best(case.rows @ weights)
    return np.append(head, np.arange(len(head), len(case.results)))


def by_default(case: Case) -> np.ndarray:
    """Return the order of the default re-ranker."""
    from ingest.search.ranking import NEAR_WEIGHT

    return reordered(case, WEIGHT, 1 - WEIGHT, NEAR_WEIGHT, 0.0)


def stored(path: Path) -> dict:
    """Return metric → (questions,) scores that `quality.py` has written, by query id."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["query_id"])
    return {metric: np.array([float(row[metric]) for row in rows]) for metric in METRICS}


def gain(scores: dict, recipe: object, metric: str) -> tuple[float, float, float]:
    """Return mean and interval of recipe − reference on one set."""
    differences = scores[recipe][metric] - scores[REFERENCE][metric]
    draws = np.random.default_rng(0).integers(0, len(differences), (RESAMPLES, len(differences)))
    low, high = np.quantile(differences[draws].mean(axis=1), (0.025, 0.975))
    return float(differences.mean()), float(low), float(high)


def chosen(sets: dict) -> object:
    """Return the mildest recipe that loses on none of some sets and gains about as much as the best; see above."""
    gains = {
        recipe: [gain(scores, recipe, METRICS[0]) for scores in sets.values()] for recipe in next(iter(sets.values()))
    }
    safe = {r: [mean for mean, *_ in g] for r, g in gains.items() if min(low for _, low, _ in g) >= MAY_LOSE}
    best = max(safe.values(), key=np.mean)
    error = np.std(best, ddof=1) / np.sqrt(len(best)) if len(best) > 1 else 0.0
    return next(recipe for recipe, means in safe.items() if np.mean(means) >= np.mean(best) - error - 1e-9)


def table(stage: str, sets: dict) -> None:
    """Print the left-out table of one stage. `sets`: set → recipe → metric → scores."""
    print(f"\n## {stage}\n\n| left out | chosen on the others | {' | '.join(f'{m}: gain [95 %]' for m in METRICS)} |")
    print("| --- | --- |" + " --- |" * len(METRICS))
    found = []
    for name, scores in sets.items():
        others = {other: by for other, by in sets.items() if other != name}
        only = [recipe for recipe in scores if recipe != REFERENCE]
        recipe = only[0] if len(only) == 1 else chosen(others or sets)
        found.append(gain(scores, recipe, METRICS[0]))
        cells = ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*gain(scores, recipe, metric)) for metric in METRICS]
        print(f"| {name} | {recipe} | {' | '.join(cells)} |", flush=True)
    mean, lowest = np.mean([m for m, *_ in found]), min(low for _, low, _ in found)
    verdict = f"it {'may' if lowest >= MAY_LOSE and mean > 0 else 'may not'} be on by default"
    print(f"\nMean gain {mean:+.4f}, lowest bound {lowest:+.3f}: {verdict}. Best on all sets: {chosen(sets)}.")


def told(scores: dict) -> str:
    """Return the means, for the log."""
    return ", ".join(f"{metric} {values.mean():.3f}" for metric, values in scores.items())


if __name__ == "__main__":
    sys.exit(main())
