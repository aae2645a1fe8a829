"""What the conservation check learns from a keyword index."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.keyword import LENGTHS, POSTINGS, TERMS, Analyser, KeywordFiles, merge, shard_postings, verification, verify

TEXTS = ["a b b c", "b c", "a a a", "d"]


@pytest.fixture
def files(tmp_path):
    made = shard_postings(TEXTS, ["w", "x", "y", "z"], Analyser(stem=False))
    pq.write_table(made.postings, tmp_path / "p")
    return merge([(made.lengths, [(tmp_path / "p", np.arange(4))])], tmp_path / "out")


def check(files: KeywordFiles) -> list[str]:
    return verify(files.postings, files.terms, files.lengths)


def replace(path, schema, **columns):
    table = pq.read_table(path)
    values = {name: columns.get(name, table[name].to_pylist()) for name in schema.names}
    pq.write_table(pa.table({f.name: pa.array(values[f.name], f.type) for f in schema}), path)


# postings: a: w1 y3   b: w2 x1   c: w1 x1   d: z1
def test_a_whole_index_has_no_problems(files):
    assert check(files) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_borders_of_batches_raise_no_alarm(files, monkeypatch, rows):
    monkeypatch.setattr(verification, "batches", partial(verification.batches, rows=rows))
    assert check(files) == []


def test_an_empty_index_has_no_problems(tmp_path):
    assert check(merge([], tmp_path)) == []


def test_a_lost_posting_is_named_by_its_chunk_and_its_term(files):
    replace(files.postings, POSTINGS, chunk=[0, 2, 0, 0, 1, 3], frequency=[1, 3, 2, 1, 1, 1])  # b in x is gone
    replace(files.terms, TERMS, first=[0, 2, 3, 5])
    assert check(files) == [
        "term b: document frequency 2, but 1 postings",
        "chunk x: length 2, but its postings add up to 1 terms",
    ]


def test_a_lost_posting_is_named_by_its_chunk_though_the_terms_agree(files):
    replace(files.postings, POSTINGS, chunk=[0, 2, 0, 0, 1, 3], frequency=[1, 3, 2, 1, 1, 1])
    replace(files.terms, TERMS, document_frequency=[2, 1, 2, 1], first=[0, 2, 3, 5])
    assert check(files) == ["chunk x: length 2, but its postings add up to 1 terms"]


def test_a_chunk_without_any_posting_left_is_named(files):
    replace(files.postings, POSTINGS, chunk=[0, 2, 0, 1, 0, 1], frequency=[1, 3, 2, 1, 1, 1])
    replace(files.terms, TERMS, term=["a", "b", "c"], document_frequency=[2, 2, 2], first=[0, 2, 4])
    assert check(files) == ["chunk z: length 1, but its postings add up to 0 terms"]


def test_a_wrong_document_frequency_is_named(files):
    replace(files.terms, TERMS, document_frequency=[2, 3, 2, 1])
    assert check(files) == ["term b: document frequency 3, but 2 postings"]


def test_more_or_fewer_postings_than_the_terms_count_are_told(files):
    replace(files.terms, TERMS, document_frequency=[2, 2, 2, 2])
    assert check(files) == ["terms: they count 8 postings, there are 7"]


def test_terms_and_postings_out_of_order_are_told(files):
    replace(files.terms, TERMS, term=["a", "c", "b", "d"])
    replace(files.postings, POSTINGS, chunk=[2, 0, 0, 1, 0, 1, 3], frequency=[3, 1, 2, 1, 1, 1, 1])
    assert check(files) == [
        "term b: comes after c",
        "posting 1: chunk 0 is out of order within its term",
    ]


def test_postings_of_no_chunk_or_without_a_frequency_are_told(files):
    replace(files.postings, POSTINGS, chunk=[0, 2, 0, 1, 0, 1, 9], frequency=[1, 3, 2, 1, 1, 0, 1])
    assert check(files) == [
        "posting 5: chunk 1 of 4, frequency 0",
        "posting 6: chunk 9 of 4, frequency 1",
        "chunk x: length 2, but its postings add up to 1 terms",
        "chunk z: length 1, but its postings add up to 0 terms",
    ]


def test_the_list_of_problems_is_bounded(files, monkeypatch):
    monkeypatch.setattr(verification, "NAMED", 1)
    replace(files.lengths, LENGTHS, length=[9, 9, 9, 9])
    assert check(files) == ["chunk w: length 9, but its postings add up to 4 terms", "3 more problems with a chunk"]
