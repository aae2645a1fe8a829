"""The sparse vector ranks as the keyword index does, in a vector index that knows nothing of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import InvalidSettings
from ingest.keyword import Analyser, KeywordIndex, shard_postings
from ingest.keyword.sparse_vectors import Questions, dimension, shard_vectors
from ingest.pipeline.collection_points import PointMaker
from ingest.records import EVERYTHING, Hit, Shape
from ingest.search import Searcher, open_serving
from tests.pipelines import Project, project

TOP = 10
SHAPE = Shape(sparse=True)


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Documents of different lengths over few words, and a second generation: it carries most, and begins an epoch."""
    made = project(tmp_path_factory.mktemp("sparse"), documents=0, shape=SHAPE, settings=SHAPE.record())
    draw = np.random.default_rng(3)
    words = [f"word{n}" for n in range(60)]

    def write(number: int, length: int) -> None:
        drawn = draw.choice(words, size=length, p=np.arange(60, 0, -1) / 1830)
        made.source.write(f"d{number:02d}.md", f"# Page {number}\n\n{' '.join(drawn)}\n")

    for n in range(60):
        write(n, int(draw.integers(3, 40)))
    made.run()
    for n in range(20, 40):  # so much longer that the chunks are weighed anew
        write(n, 40)
    made.source.write("d07.md", "# Page 7\n\nword1 word1 word2 new\n")
    made.source.delete("d08.md")
    made.run()
    return made


@pytest.fixture(scope="module")
def searcher(p: Project) -> Searcher:
    return open_serving(p.retrieval())


def by_sparse_vector(p: Project, question: str, limit: int) -> list[Hit]:
    """Return the hits of a search as an application makes it."""
    from qdrant_client import models

    asked = Questions.from_record(p.manifest().analyser).embed_query(question)
    answer = p.vectors._connection._client.query_points(
        p.manifest().collection,
        query=models.SparseVector(indices=asked.indices, values=asked.values),
        using="bm25",
        limit=limit,
    )
    return [Hit(point.payload["metadata"]["chunk_id"], point.score) for point in answer.points]


@pytest.mark.parametrize("question", ["word1", "word50 word3", "word59 word2 word2 words", "new", "page 7 word11"])
def test_it_ranks_and_scores_as_the_keyword_index(p: Project, searcher: Searcher, question: str) -> None:
    (answer,) = searcher.search([question], EVERYTHING, top=200, stages=("bm25",))
    expected = {result.chunk_id: result.scores["bm25"] for result in answer.results}
    found = {hit.chunk_id: hit.score for hit in by_sparse_vector(p, question, 200)}
    assert found == pytest.approx(expected, rel=1e-5)
    best = [hit.chunk_id for hit in by_sparse_vector(p, question, TOP)]
    scores = sorted(expected.values(), reverse=True)[: len(best)]
    assert [expected[chunk] for chunk in best] == pytest.approx(scores, rel=1e-5)  # the same ids but for ties


def test_a_question_that_no_chunk_holds_finds_nothing(p: Project) -> None:
    assert [] == by_sparse_vector(p, "unheard of", TOP)
    assert [] == by_sparse_vector(p, "...", TOP)


def test_terms_of_one_dimension_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.keyword.sparse_vectors.dimension", len)
    made = Questions(Analyser(stem=False)).embed_query("ab cd ab x")
    assert ([1, 2], [1.0, 3.0]) == (made.indices, made.values)


def test_terms_of_one_dimension_add_up_in_a_shard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shard_postings(["ab cd x", "", "cd"], ["one", "none", "two"], Analyser(stem=False))
    monkeypatch.setattr("ingest.keyword.sparse_vectors.dimension", len)
    found = shard_vectors(made, average=2.0, k1=1.0, b=0.0)
    lists = {chunk: (v.indices.tolist(), v.values.tolist()) for chunk, v in found.items()}
    assert {"one": ([1, 2], [0.5, 1.0]), "none": ([], []), "two": ([2], [0.5])} == lists


def test_no_weight_is_further_off_than_the_average_length() -> None:
    made = shard_postings(["ab cd cd x", "ab", "cd ef gh ij kl"], ["one", "two", "three"], Analyser(stem=False))
    now, epoch = (shard_vectors(made, average, k1=1.2, b=0.75) for average in (3.0, 3.3))
    for chunk in now:
        shares = epoch[chunk].values / now[chunk].values
        assert ((1 < shares) & (shares < 1.1)).all()


def test_a_dimension_is_the_same_in_every_process_and_fits() -> None:
    assert 1735178064 == dimension("zebra")
    assert all(0 <= dimension(term) < 2**32 for term in ("", "é", "東京", "x" * 1000))


def test_questions_speak_to_langchain_llamaindex_and_haystack() -> None:
    questions = Questions(Analyser("english"))
    one = questions.embed_query("Running runs, zebra")
    assert {dimension("run"): 2.0, dimension("zebra"): 1.0} == dict(zip(one.indices, one.values, strict=True))
    assert sorted(one.indices) == one.indices
    assert ([one.indices, []], [one.values, []]) == questions(["Running runs, zebra", ""])
    with pytest.raises(InvalidSettings, match="2 texts to write"):
        questions.embed_documents(["a", "b"])


def test_a_lost_or_stale_sparse_vector_is_seen_and_mended(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6, shape=SHAPE, settings=SHAPE.record())
    p.run()
    assert () == p.check().faults
    contents = p.contents()
    maker = PointMaker.of(contents)
    assert maker.lengths is not None
    other = PointMaker.of(p.contents())
    other.contents.lake.lengths.put(contents.generation, replace(maker.lengths, terms=maker.lengths.terms + 1))
    ours, others = (one.wanted(_rows(p)[:1], 0) for one in (maker, other))
    assert ours != others
    p.vectors.upsert(contents.collection, other.points(others, 0))
    assert 1 == len([fault for fault in p.check().faults if "stale" in fault or "orphan" in fault])
    assert 1 == p.check(mending=True).mended
    assert () == p.check().faults


def _rows(p: Project):
    from ingest.pipeline.collection_points import rows_of

    return rows_of(p.contents(), 0)


def test_a_lost_collection_comes_back_with_its_shape(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6, shape=SHAPE, settings=SHAPE.record())
    p.run()
    before = {point.id: point.payload for point in p.vectors.scroll(p.manifest().collection, EVERYTHING)}
    ranked = by_sparse_vector(p, "word1x0x0 edition", TOP)
    p.vectors.drop_collection(p.manifest().collection)
    p.run()
    assert before == {point.id: point.payload for point in p.vectors.scroll(p.manifest().collection, EVERYTHING)}
    assert ranked == by_sparse_vector(p, "word1x0x0 edition", TOP)


def test_another_shape_is_another_generation_with_another_digest(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4)
    p.run()
    first = p.manifest()
    shape = Shape("plain", sparse=True)
    p.change(shape=shape, settings=shape.record())
    report = p.run()
    assert (True, 0) == (report.built, report.embedded)
    assert first.digest != report.digest
    assert {"payload": "plain", "sparse": True} == p.manifest().settings
    (answer,) = open_serving(p.retrieval()).search(["word1x0x0"], EVERYTHING, top=1)
    assert "word1x0x0" in answer.results[0].text
    p.change(shape=Shape(), settings={})
    p.run()
    assert first.digest == p.manifest().digest


def test_the_average_is_that_of_the_merged_index(p: Project) -> None:
    maker = PointMaker.of(p.contents())
    files = {part.kind: p.lake.part_path(part) for part in p.manifest().parts if part.shard is None}
    with KeywordIndex(files["keyword.postings"], files["keyword.terms"], files["keyword.lengths"]) as index:
        assert index.chunks == maker.lengths.chunks
