"""BM25 on a public set: equal to an independent implementation, and as good as published."""

from statistics import fmean

import bm25s
import numpy as np
import pyarrow.parquet as pq
import pytest

from ingest.keyword import Analyser, KeywordIndex, merge, shard_postings, verify
from ingest.quality.judged_sets import read_judged_set
from ingest.quality.metrics import score_questions
from ingest.records import Gold, Question, Result

pytestmark = [pytest.mark.data, pytest.mark.slow]
SHARDS = 7


@pytest.fixture(scope="module")
def scifact(judged_data, tmp_path_factory):
    """Whole abstracts as chunks: (terms of each, opened index, questions, chunk ids)."""
    folder = tmp_path_factory.mktemp("scifact")
    paths = sorted((judged_data / "scifact" / "docs").glob("*.md"))
    texts, ids = [p.read_text(encoding="utf-8") for p in paths], [f"docs/{p.name}" for p in paths]
    shards = []
    for i, part in enumerate(np.array_split(np.arange(len(texts)), SHARDS)):
        made = shard_postings([texts[j] for j in part], [ids[j] for j in part], Analyser())
        pq.write_table(made.postings, path := folder / f"{i}.parquet")
        shards.append((made.lengths, [(path, np.arange(len(part)))]))
    files = merge(shards, folder / "merged")
    assert verify(files.postings, files.terms, files.lengths) == []
    with (judged_data / "scifact" / "queries.jsonl").open(encoding="utf-8") as lines:
        questions = read_judged_set(lines, "scifact")
    with KeywordIndex(files.postings, files.terms, files.lengths) as index:
        yield Analyser().terms(texts), index, questions, ids


def test_scores_equal_bm25s_on_every_claim(scifact):
    corpus, index, questions, ids = scifact
    vocabulary = {term: i for i, term in enumerate(sorted({t for chunk in corpus for t in chunk}))}
    model = bm25s.BM25(method="lucene", k1=1.2, b=0.75, dtype="float64")
    model.index(([[vocabulary[t] for t in c] for c in corpus], vocabulary), show_progress=False)
    for question, terms in zip(questions, Analyser().terms([q.text for q in questions]), strict=True):
        expected = model.get_scores([t for t in terms if t in vocabulary])
        assert np.abs(index.score(terms, np.arange(len(ids))) - expected).max() < 1e-6, question.query_id
        order = sorted(np.flatnonzero(expected > 0).tolist(), key=lambda i: -round(expected[i], 9))[:100]
        found = index.search([terms], [None], 100)[0]
        assert [h.score for h in found] == pytest.approx(expected[order], abs=1e-6)


def test_whole_abstracts_reach_the_published_ndcg(scifact):
    _, index, questions, _ = scifact
    by_document = [
        Question(q.query_id, q.text, gold=tuple(Gold(g.doc, g.grade) for g in q.gold if not g.added)) for q in questions
    ]
    terms = Analyser().terms([q.text for q in questions])
    answers = [
        ([Result(h.chunk_id, "", "", "", h.chunk_id, "", (), "", 0, 0) for h in hits], question)
        for hits, question in zip(index.search(terms, [None] * len(terms), 50), by_document, strict=True)
    ]
    scores = score_questions(answers, lambda texts: [1] * len(texts))
    assert 0.66 <= fmean(row["ndcg@10"] for row in scores.values()) <= 0.70
    assert len(scores) == 300
