"""BM25 alone over whole documents of a judged set, which is how BEIR's figures are published; part of quality.py."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


def whole_documents(folder: Path) -> None:
    """Print nDCG@10 of BM25 alone over whole documents, as it is published for BEIR."""
    from ingest.keyword import Analyser, KeywordIndex, merge, shard_postings
    from ingest.quality.judged_sets import read_judged_set

    paths = sorted((folder / "docs").iterdir())
    texts, ids = [path.read_text(encoding="utf-8") for path in paths], [f"docs/{path.name}" for path in paths]
    with (folder / "queries.jsonl").open(encoding="utf-8") as lines:
        asked = [q for q in read_judged_set(lines, folder.name) if q.answerable and q.gold]
    analyser = Analyser()
    with tempfile.TemporaryDirectory() as scratch:
        made = shard_postings(texts, ids, analyser)
        pq.write_table(made.postings, path := Path(scratch) / "shard")
        files = merge([(made.lengths, [(path, np.arange(len(texts)))])], Path(scratch) / "merged")
        with KeywordIndex(files.postings, files.terms, files.lengths) as index:
            found = index.search(analyser.terms([q.text for q in asked]), [None] * len(asked), 10)
    scores = [ndcg([h.chunk_id for h in hits], q.gold) for hits, q in zip(found, asked, strict=True)]
    print(f"bm25 over {len(ids):,} whole documents: ndcg@10 {np.mean(scores):.3f}")


def ndcg(ranked: list[str], gold: tuple) -> float:
    """Return nDCG@10 of documents, best first; a document's gain is the best grade of its places."""
    grades: dict[str, int] = {}
    for place in gold:
        grades[place.doc] = max(place.grade, grades.get(place.doc, 0))
    discount = 1 / np.log2(np.arange(2, 12))
    gains = np.array([grades.get(name, 0) for name in ranked[:10]], float)
    best = np.array(sorted(grades.values(), reverse=True)[:10], float)
    return float(gains @ discount[: len(gains)] / (best @ discount[: len(best)]))
