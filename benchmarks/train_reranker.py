"""What a re-ranker trained on one judged set is worth on the others: why the default has equal weights.

    INGEST_TEST_DATA=<folder> python benchmarks/train_reranker.py [--sets scifact covidqa] [--out .quality]

Reads the indexes that `benchmarks/quality.py` left under --out. For every pair of sets it prints what equal weights, a
linear model (pairwise logistic regression, weights at least 0, drawn to equal ones) and LambdaMART trees, each trained
on the first set, add to the fused order on the second, with 95 % intervals paired by question.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import yaml
from quality import judged, paired, written_settings

LINEAR = 9  # the features that a linear model may weigh: those that speak for a candidate
PULL = 0.003  # towards equal weights; 0.003 to 0.1 is the strongest within one standard error of the best, by set
NEGATIVES = 20  # best-blended irrelevant candidates of a question
METRICS = ("answered@1000", "ndcg@10")


def main() -> int:
    """Print the table; the exit status is 1 when the data is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", default=["covidqa", "ray_docs", "scifact", "clapnq_dev"])
    parser.add_argument("--out", type=Path, default=Path(".quality"))
    args = parser.parse_args()
    data = os.environ.get("INGEST_TEST_DATA")
    if not data:
        print("skipped: INGEST_TEST_DATA does not name a folder with judged sets")
        return 1
    examples, count = {}, None
    for name in args.sets:
        examples[name], count = collected(Path(data) / name, args.out / name)
    report(examples, count)
    return 0


def collected(folder: Path, out: Path) -> tuple:
    """Return the examples of one set's serving release, and what counts tokens."""
    import ingest
    from ingest.quality.judged_sets import read_judged_set
    from ingest.quality.metrics import DEPTH
    from ingest.quality.training import examples_of, open_fused
    from ingest.search.context import counter

    config = yaml.safe_load((Path(__file__).parent / "quality.yaml").read_text())
    index = {**config["index"], **config.get("of_set", {}).get(folder.name, {})}
    with ingest.open(written_settings(folder, out, index)) as opened:
        with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
            questions = judged(read_judged_set(lines, folder.name))
        profile = opened.services.bench.options.profile
        searcher = open_fused(opened.services.retrieval, profile, max(DEPTH, profile.rerank_depth))
        return examples_of(searcher, questions), counter(searcher.retrieval.tokenizer)


def report(examples: dict, count) -> None:
    """Print one row a pair and way."""
    from ingest.adapters.rerankers.learned import fit
    from ingest.quality.metrics import score_questions
    from ingest.quality.training import ordered, trees_of
    from ingest.search.ranking import SCALE, blend

    def scored(name: str, score) -> dict:
        return score_questions([(ordered(e, score(e.rows)), e.question) for e in examples[name]], count)

    fused = {
        name: score_questions([(list(e.fused), e.question) for e in found], count) for name, found in examples.items()
    }
    print("| trained on | tested on | way | " + " | ".join(f"{m} − fused [95 %]" for m in METRICS) + " |")
    print("|" + " --- |" * (3 + len(METRICS)))
    ways = [("", "equal weights", blend)]
    for name, found in examples.items():
        weights = linear([e for e in found if e.teaches])
        trees = trees_of([e for e in found if e.teaches], fit)
        print(f"weights of {name}: {(weights / weights[1]).round(2).tolist()}", file=sys.stderr)
        ways.append((name, "linear", lambda rows, w=weights: rows[:, :LINEAR] @ w))
        ways.append((name, "trees", lambda rows, t=trees: SCALE * blend(rows) + (t.predict(rows) if len(rows) else 0)))
    for name in examples:
        for source, way, score in ways:
            if source != name:
                rows = scored(name, score)
                cells = " | ".join(paired(rows, fused[name], metric) for metric in METRICS)
                print(f"| {source or 'nothing'} | {name} | {way} | {cells} |", flush=True)


def linear(examples: list) -> np.ndarray:
    """Return the (LINEAR,) weights that tell relevant from irrelevant candidates best, none below 0.

    Loss: mean over questions of the mean of ln(1 + exp(−w·(relevant − irrelevant))), and PULL times the squared
    distance from the nearest multiple of the blend's weights.
    """
    from scipy.optimize import minimize

    from ingest.search.ranking import SHARES, blend

    pairs, shares = [], []
    for example in examples:
        good, bad = np.flatnonzero(example.grades > 0), np.flatnonzero(example.grades == 0)
        bad = bad[np.argsort(-blend(example.rows[bad]), kind="stable")][:NEGATIVES]
        difference = (example.rows[good][:, None, :LINEAR] - example.rows[bad][None, :, :LINEAR]).reshape(-1, LINEAR)
        pairs.append(difference)
        shares.append(np.full(len(difference), 1 / len(difference) / len(examples)))
    rows, weight = np.vstack(pairs), np.concatenate(shares)
    equal = np.array([*SHARES, *[0.0] * (LINEAR - len(SHARES))])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        margin, away = rows @ w, w - (w @ equal) / (equal @ equal) * equal
        slope = -(weight / (1 + np.exp(margin))) @ rows
        return weight @ np.logaddexp(0, -margin) + PULL * away @ away, slope + 2 * PULL * away

    found = minimize(loss, 5 * equal, jac=True, method="L-BFGS-B", bounds=[(0, None)] * LINEAR)
    return found.x


if __name__ == "__main__":
    sys.exit(main())
