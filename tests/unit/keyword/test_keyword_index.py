"""The keyword index against an independent implementation, and against its own promises."""

import hashlib
import io
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.bounded_cache import BoundedCache
from ingest.errors import InvalidSettings, SchemaMismatch
from ingest.keyword import (
    LENGTHS,
    Analyser,
    Formula,
    KeywordFiles,
    KeywordIndex,
    ShardPostings,
    merge,
    merging,
    row_groups,
    shard_postings,
)
from ingest.keyword import keyword_index as index_module
from ingest.records import Hit

PLAIN = Analyser(stem=False)


def save(made: ShardPostings, folder: Path, name: str) -> merging.Shard:
    path = folder / f"{name}-postings.parquet"
    pq.write_table(made.postings, path)
    return made.lengths, [(path, np.arange(len(made.lengths)))]


def build(corpora: list[list[list[str]]], folder: Path) -> KeywordFiles:
    """Merge shards of chunks of terms; chunk ids are c0, c1, … over all shards."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, number = [], 0
    for i, corpus in enumerate(corpora):
        ids = [f"c{number + j}" for j in range(len(corpus))]
        number += len(corpus)
        shards.append(save(shard_postings([" ".join(chunk) for chunk in corpus], ids, PLAIN), folder, str(i)))
    return merge(shards, folder / "merged")


def opened(files: KeywordFiles, cache_bytes: int = index_module.CACHE_BYTES, **formula: Any) -> KeywordIndex:
    return KeywordIndex(files.postings, files.terms, files.lengths, formula=Formula(**formula), cache_bytes=cache_bytes)


def oracle(corpus: list[list[str]], query: list[str], k1: float, b: float) -> np.ndarray:
    model = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    vocabulary = {term: i for i, term in enumerate(sorted({t for chunk in corpus for t in chunk}))}
    ids = [[vocabulary[t] for t in chunk] for chunk in corpus]
    model.index((ids, vocabulary), show_progress=False, create_empty_token=False)
    known = [term for term in query if term in vocabulary]
    return model.get_scores(known) if known else np.zeros(len(corpus))


def all_scores(index: KeywordIndex, query: list[str]) -> np.ndarray:
    scores = np.zeros(index.chunks)
    for hit in index.search([query], [None], index.chunks)[0]:
        scores[int(hit.chunk_id[1:])] = hit.score
    return scores


WORDS = st.sampled_from(["a", "b", "c", "dd", "щ", "東京", "zz", "w1"])
CHUNKS = st.lists(st.lists(WORDS, min_size=1, max_size=12), min_size=1, max_size=12)


@settings(max_examples=60)
@given(
    corpora=st.lists(CHUNKS, min_size=1, max_size=4),
    query=st.lists(st.one_of(WORDS, st.just("unknown")), max_size=6),
    k1=st.sampled_from([0.0, 0.9, 1.2, 2.0]),
    b=st.sampled_from([0.0, 0.4, 0.75, 1.0]),
)
def test_scores_equal_bm25s_with_lucenes_idf(tmp_path_factory, corpora, query, k1, b):
    folder = tmp_path_factory.mktemp("bm25")
    corpus = [chunk for shard in corpora for chunk in shard]
    with opened(build(corpora, folder), k1=k1, b=b) as index:
        expected = oracle(corpus, query, k1, b)
        assert all_scores(index, query) == pytest.approx(expected, abs=1e-9)
        assert index.score(query, np.arange(len(corpus))[::-1]) == pytest.approx(expected[::-1], abs=1e-9)


def test_a_term_in_every_chunk_still_counts(tmp_path):
    corpus = [["a", "b"], ["a", "c", "c"], ["a"]]
    with opened(build([corpus], tmp_path)) as index:
        scores = all_scores(index, ["a"])
    assert scores == pytest.approx(oracle(corpus, ["a"], 1.2, 0.75), abs=1e-9)
    assert (scores > 0).all()


def test_one_chunk_alone_is_found(tmp_path):
    with opened(build([[["a", "b", "a"]]], tmp_path)) as index:
        assert all_scores(index, ["a", "a", "x"]) == pytest.approx(oracle([["a", "b", "a"]], ["a", "a"], 1.2, 0.75))


def test_no_chunk_scores_above_the_bound_and_unknown_terms_raise_it(tmp_path):
    index = opened(build([[["a", "b"], ["a"] * 50, ["c"]]], tmp_path))
    query = ["a", "a", "b", "unknown"]
    assert max(hit.score for hit in index.search([query], [None], 3)[0]) < index.bound(["a", "a", "b"])
    assert index.bound(query) - index.bound(["a", "a", "b"]) == pytest.approx(np.log(1 + 3.5 / 0.5))


def test_scores_by_id_are_those_of_the_search_and_leave_out_unknown_chunks(tmp_path):
    index = opened(build([[["a", "b"], ["a"], ["c"]]], tmp_path))
    found = {hit.chunk_id: hit.score for hit in index.search([["a", "b"]], [None], 3)[0]}
    assert {**found, "c2": 0.0} == index.scores(["a", "b"], ["c2", "c0", "missing", "c1"])


def test_equal_scores_stand_in_order_of_the_chunks_and_the_cut_keeps_the_first(tmp_path):
    with opened(build([[["a"]] * 50, [["a", "a"]] * 2, [["b"]] * 3], tmp_path)) as index:
        ids = [hit.chunk_id for hit in index.search([["a"]], [None], 5)[0]]
    assert ids == ["c50", "c51", "c0", "c1", "c2"]


def test_chunks_without_a_term_of_the_query_are_never_hits(tmp_path):
    with opened(build([[["a"], ["b"], ["a"]]], tmp_path)) as index:
        found = index.search([["a"], ["x"], []], [None] * 3, 10)
    assert [len(hits) for hits in found] == [2, 0, 0]


def test_the_mask_is_applied_before_the_cut_and_leaves_the_scores_alone(tmp_path):
    corpus = [["a"] * (i + 1) + ["b"] * 5 for i in range(20)]
    with opened(build([corpus], tmp_path)) as index:
        free = index.search([["a"]], [None], 20)[0]
        mask = np.zeros(20, np.bool_)
        mask[[0, 3]] = True
        assert index.search([["a"]], [mask], 2)[0] == [hit for hit in free if hit.chunk_id in ("c0", "c3")]


def test_a_mask_of_another_length_is_refused(tmp_path):
    with opened(build([[["a"]]], tmp_path)) as index, pytest.raises(SchemaMismatch, match="a mask of 2 for 1 chunks"):
        index.search([["a"]], [np.ones(2, np.bool_)], 1)


def test_a_text_instead_of_terms_is_refused(tmp_path):
    with opened(build([[["a"]]], tmp_path)) as index, pytest.raises(TypeError, match="not the text"):
        index.search(["a text"], [None], 1)


def test_a_limit_below_one_is_refused(tmp_path):
    with opened(build([[["a"]]], tmp_path)) as index, pytest.raises(InvalidSettings, match="limit"):
        index.search([["a"]], [None], 0)


def test_an_empty_index_answers_nothing(tmp_path):
    for name, shards in (("none", []), ("empty", [[]]), ("wordless", [[["…"], ["—"]]])):
        with opened(build(shards, tmp_path / name)) as index:
            assert index.search([["a"]], [None], 3) == [[]]
            assert index.score(["a"], np.arange(index.chunks)).tolist() == [0.0] * index.chunks
            assert index._ids.find(["c9"]).tolist() == [-1]


def random_corpora(seed: int, shards: int, chunks: int, words: int = 300) -> list[list[list[str]]]:
    rng = np.random.default_rng(seed)
    vocabulary = [f"w{i}" for i in range(words)]
    odds = 1 / np.arange(1, words + 1)
    return [
        [rng.choice(vocabulary, rng.integers(1, 30), p=odds / odds.sum()).tolist() for _ in range(chunks)]
        for _ in range(shards)
    ]


@pytest.fixture
def small_pieces(monkeypatch):
    """Batches, row groups, windows and rounds so small that every border is crossed."""
    monkeypatch.setattr(merging, "OPEN_FILES", 3)
    monkeypatch.setattr(merging.parquet, "POSTINGS_PER_GROUP", 17)
    monkeypatch.setattr(merging.parquet, "TERMS_PER_GROUP", 5)
    monkeypatch.setattr(merging.parquet, "CHUNKS_PER_GROUP", 7)
    monkeypatch.setattr(index_module, "WINDOW", 64)
    monkeypatch.setattr(merging, "BATCH_ROWS", 11)


@pytest.mark.usefixtures("small_pieces")
def test_borders_of_batches_groups_windows_and_rounds_change_nothing(tmp_path):
    corpora = random_corpora(1, 14, 9)
    corpus = [chunk for shard in corpora for chunk in shard]
    files = build(corpora, tmp_path)
    groups = pq.ParquetFile(files.postings).metadata
    assert {groups.row_group(i).num_rows for i in range(groups.num_row_groups - 1)} == {17}
    with opened(files, cache_bytes=2000) as index:
        for query in (["w0", "w1", "w7"], ["w299"], ["w0"], ["w3", "w3", "w250", "nothing"]):
            expected = oracle(corpus, query, 1.2, 0.75)
            assert all_scores(index, query) == pytest.approx(expected, abs=1e-9)
            best = sorted((-s, i) for i, s in enumerate(expected.tolist()) if s > 0)[:10]
            assert [h.chunk_id for h in index.search([query], [None], 10)[0]] == [f"c{i}" for _, i in best]
            some = np.array([100, 3, 50, 3, 0])
            assert index.score(query, some) == pytest.approx(expected[some], abs=1e-9)


@pytest.mark.usefixtures("small_pieces")
def test_no_more_row_groups_stay_decoded_than_asked_for(tmp_path):
    with opened(build(random_corpora(1, 14, 9), tmp_path), cache_bytes=2000) as index:
        index.search([[f"w{i}" for i in range(300)]], [None], 100)
        decoded = [len(groups.decoded) for one in index._cache.segments for groups in (one.postings, one.terms)]
        assert max(decoded) <= row_groups.CACHED_GROUPS
        assert 0 < index._cache.held.weight <= 2000


@pytest.mark.usefixtures("small_pieces")
class CountingFile(io.FileIO):
    """A file that is no path, as of another machine, and tells what was read of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.size, self.bytes_read = path.stat().st_size, 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


@pytest.mark.usefixtures("small_pieces")
def test_an_open_file_answers_as_a_path_and_is_read_where_a_query_touches_it(tmp_path):
    files = build(random_corpora(5, 3, 400), tmp_path)
    postings, terms = CountingFile(files.postings), CountingFile(files.terms)
    mapped, ranged = opened(files), KeywordIndex(postings, terms, files.lengths)
    footers = postings.bytes_read + terms.bytes_read
    assert ranged.search([["w299"]], [None], 10) == mapped.search([["w299"]], [None], 10) != [[]]
    assert 0 < postings.bytes_read + terms.bytes_read - footers < 0.02 * (postings.size + terms.size)
    queries = [[f"w{n}", f"w{3 * n}"] for n in range(60)]
    assert ranged.search(queries, [None] * 60, 10) == mapped.search(queries, [None] * 60, 10)
    ranged.close()
    assert (postings.closed, terms.closed) == (True, True)


def test_a_damaged_page_of_an_open_file_is_refused(tmp_path):
    files = build(random_corpora(5, 1, 400), tmp_path)
    data = bytearray(files.postings.read_bytes())
    place = pq.ParquetFile(files.postings).metadata.row_group(0).column(0).data_page_offset
    data[place + 200] ^= 1
    files.postings.write_bytes(data)
    with (
        KeywordIndex(CountingFile(files.postings), files.terms, files.lengths) as index,
        pytest.raises(SchemaMismatch, match="row group 0 is damaged"),
    ):
        index.search([[f"w{n}" for n in range(300)]], [None], 10)


def test_what_was_damaged_on_the_way_is_read_once_more(tmp_path):
    files = build(random_corpora(5, 1, 400), tmp_path)
    place = pq.ParquetFile(files.postings).metadata.row_group(0).column(0).data_page_offset

    class Damaging(CountingFile):
        forgotten = False

        def read(self, size: int | None = -1) -> bytes:
            start = self.tell()
            data = bytearray(super().read(size))
            if not self.forgotten and start <= place + 200 < start + len(data):
                data[place + 200 - start] ^= 1
            return bytes(data)

        def forget(self) -> None:
            self.forgotten = True

    query = [[f"w{n}" for n in range(300)]]
    with opened(files) as mapped, KeywordIndex(Damaging(files.postings), files.terms, files.lengths) as ranged:
        assert ranged.search(query, [None], 10) == mapped.search(query, [None], 10)


def test_a_term_that_is_held_does_not_wait_for_one_that_is_fetched(tmp_path):
    files = build(random_corpora(5, 1, 400), tmp_path)
    started, go_on = threading.Event(), threading.Event()

    class Slow(CountingFile):
        waits = False

        def read(self, size: int | None = -1) -> bytes:
            if self.waits:
                started.set()
                assert go_on.wait(60)
            return super().read(size)

    terms = Slow(files.terms)
    with KeywordIndex(files.postings, terms, files.lengths) as index:
        held = index.search([["w1"]], [None], 10)
        index._cache.segments[0].terms.decoded = BoundedCache(1)  # so that the next term has to read
        terms.waits = True
        other = threading.Thread(target=lambda: index.search([["w2"]], [None], 10))
        other.start()
        assert started.wait(60)
        assert index.search([["w1"]], [None], 10) == held
        assert other.is_alive()
        go_on.set()
        other.join()


def test_the_merged_files_hold_every_posting_in_order(tmp_path):
    corpora = random_corpora(2, 10, 5)
    files = build(corpora, tmp_path)
    corpus = [chunk for shard in corpora for chunk in shard]
    expected = sorted((t, i, n) for i, chunk in enumerate(corpus) for t, n in Counter(chunk).items())
    terms = pq.read_table(files.terms).to_pydict()
    assert terms["term"] == sorted({t for t, _, _ in expected})
    assert terms["document_frequency"] == [len([1 for u, _, _ in expected if u == t]) for t in terms["term"]]
    assert terms["first"] == [0, *np.cumsum(terms["document_frequency"])[:-1].tolist()]
    postings = pq.read_table(files.postings).to_pydict()
    assert list(zip(postings["chunk"], postings["frequency"], strict=True)) == [(i, n) for _, i, n in expected]
    lengths = pq.read_table(files.lengths).to_pydict()
    assert lengths == {"chunk_id": [f"c{i}" for i in range(len(corpus))], "length": list(map(len, corpus))}
    assert [p.name for p in sorted((tmp_path / "merged").iterdir())] == [
        "lengths.parquet",
        "postings.parquet",
        "terms.parquet",
    ]


def test_merging_twice_writes_the_same_bytes(tmp_path):
    corpora = random_corpora(3, 70, 3)
    one, two = build(corpora, tmp_path / "one"), build(corpora, tmp_path / "two")
    for a, b in zip((one.postings, one.terms, one.lengths), (two.postings, two.terms, two.lengths), strict=True):
        assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize("rows", [1, 2, 7, 40])
def test_terms_that_go_on_over_many_batches_are_merged_the_same(tmp_path, monkeypatch, rows):
    corpora = random_corpora(3, 70, 3)
    expected = build(corpora, tmp_path / "one")
    monkeypatch.setattr(merging, "BATCH_ROWS", rows)
    found = build(corpora, tmp_path / "two")
    assert expected.postings.read_bytes() == found.postings.read_bytes()
    assert pq.read_table(expected.terms) == pq.read_table(found.terms)


def test_a_merge_never_holds_more_files_open_than_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "OPEN_FILES", 4)
    most = 0
    real = merging._Input.fill

    def counted(self):
        nonlocal most
        links = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
        most = max(most, sum(link.startswith(str(tmp_path)) for link in links))
        real(self)

    monkeypatch.setattr(merging._Input, "fill", counted)
    build(random_corpora(4, 30, 2), tmp_path)
    assert 1 <= most <= 4 + 2  # and the files written


def test_unsorted_postings_are_refused_with_the_files_name(tmp_path):
    made = shard_postings(["a b", "a"], ["c0", "c1"], PLAIN)
    paths = save(ShardPostings(made.postings.take([2, 0, 1]), made.lengths), tmp_path, "bad")
    with pytest.raises(SchemaMismatch, match=r"bad-postings\.parquet: postings are not sorted"):
        merge([paths], tmp_path / "out")


def test_chunks_out_of_order_within_a_term_are_refused(tmp_path):
    made = shard_postings(["a b", "a"], ["c0", "c1"], PLAIN)
    paths = save(ShardPostings(made.postings.take([1, 0, 2]), made.lengths), tmp_path, "bad")
    with pytest.raises(SchemaMismatch, match="not sorted by term and chunk near a"):
        merge([paths], tmp_path / "out")


def test_a_posting_beyond_the_lengths_is_refused(tmp_path):
    made = shard_postings(["a", "a"], ["c0", "c1"], PLAIN)
    paths = save(ShardPostings(made.postings, made.lengths.slice(0, 1)), tmp_path, "short")
    with pytest.raises(SchemaMismatch, match="names chunk 1, but there are 1 lengths"):
        merge([paths], tmp_path / "out")


def test_damaged_files_and_files_of_another_index_are_refused(tmp_path):
    files, other = build([[["a", "b"]]], tmp_path / "one"), build([[["a"]]], tmp_path / "two")
    with pytest.raises(SchemaMismatch, match="counts 1 postings"):
        KeywordIndex(files.postings, other.terms, files.lengths)
    with pytest.raises(SchemaMismatch, match="column term must be string, found no such column"):
        KeywordIndex(files.postings, files.lengths, files.lengths)
    files.terms.write_bytes(files.terms.read_bytes()[:-9])
    with pytest.raises(SchemaMismatch, match="not a readable Parquet file"):
        opened(files)


def test_the_best_of_very_many_are_the_best(tmp_path):
    rng = np.random.default_rng(6)
    # The best ones lie where a sample of every eighth score finds them all, and it must not cut too high.
    corpus = [["a"] * (n + 40 * (i % 8 == 0)) + ["b"] * 3 for i, n in enumerate(rng.integers(1, 40, 3000).tolist())]
    with opened(build([corpus], tmp_path)) as index:
        every = index.search([["a"]], [None], 3000)[0]
        for limit in (1, 7, 40):
            assert index.search([["a"]], [None], limit)[0] == every[:limit]


def test_ordinals_are_found_by_id(tmp_path):
    with opened(build([[["a"]] * 1000, [["b"]] * 500], tmp_path)) as index:
        assert index._ids.find(["c1499", "c0", "c1500", "c1", ""]).tolist() == [1499, 0, -1, 1, -1]


def test_an_ordinal_that_does_not_exist_is_refused(tmp_path):
    with opened(build([[["a"]]], tmp_path)) as index, pytest.raises(SchemaMismatch, match="ordinals -1 to 0"):
        index.score(["a"], np.array([0, -1]))


def test_threads_that_search_at_once_get_the_same_hits(tmp_path):
    corpora = random_corpora(5, 3, 400)
    queries = [[f"w{i}", f"w{i + 1}"] for i in range(40)]
    with opened(build(corpora, tmp_path), cache_bytes=2000) as index:
        expected = index.search(queries, [None] * 40, 10)
        found: list[list[list[Hit]]] = []
        threads = [
            threading.Thread(target=lambda: found.append(index.search(queries, [None] * 40, 10))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 6


def test_a_headings_terms_count_as_often_as_the_analyser_says():
    analyser = Analyser(stem=False, heading_weight=3)
    made = shard_postings(["a b", "b"], ["x", "y"], analyser, ["b c", ""])
    repeated = shard_postings(["a b b c b c b c", "b"], ["x", "y"], analyser)
    assert made.postings.equals(repeated.postings)
    assert made.lengths.equals(repeated.lengths)


def test_headings_that_count_nothing_leave_no_posting():
    made = shard_postings(["a b", "b"], ["x", "y"], Analyser(stem=False, heading_weight=0), ["b c", "d"])
    expected = shard_postings(["a b", "b"], ["x", "y"], PLAIN)
    assert made.postings.equals(expected.postings)
    assert made.lengths.equals(expected.lengths)


def test_frequencies_above_a_byte_and_frequent_terms_score_exactly(tmp_path):
    corpus = [["a"] * (300 * (i % 5 == 0) + 1) + ["b"] * (i % 2) + [f"r{i}"] for i in range(200)]
    with opened(build([corpus], tmp_path)) as index:
        for query in (["a"], ["a", "b"], ["a", "b", "r3", "r199"]):
            assert all_scores(index, query) == pytest.approx(oracle(corpus, query, 1.2, 0.75), abs=1e-9)


def test_ids_of_hex_digits_are_found_and_returned_as_they_were(tmp_path):
    ids = [hashlib.sha256(str(i).encode()).hexdigest()[:32] for i in range(9000)]
    files = merge([save(shard_postings(["a"] * 9000, ids, PLAIN), tmp_path, "hex")], tmp_path / "out")
    with opened(files, cache_bytes=70_000) as index:  # one row group of ids fits
        assert [hit.chunk_id for hit in index.search([["a"]], [None], 9000)[0]] == ids
        assert index._ids.find([ids[8999], "other", ids[0], ids[1].upper()]).tolist() == [8999, -1, 0, -1]


def test_a_shard_refuses_doubles_and_texts_without_ids():
    with pytest.raises(SchemaMismatch, match="chunk x occurs twice"):
        shard_postings(["a", "b"], ["x", "x"], PLAIN)
    with pytest.raises(SchemaMismatch, match="2 texts for 1"):
        shard_postings(["a", "b"], ["x"], PLAIN)


def test_a_shards_postings_are_sorted_by_the_bytes_of_the_term():
    made = shard_postings(["zz é 東京 a", "a é a \U0001f1e6b"], ["x", "y"], PLAIN)
    rows = list(zip(*made.postings.to_pydict().values(), strict=True))
    assert rows == sorted(rows, key=lambda r: (r[0].encode(), r[1]))
    assert ("a", 1, 2) in rows
    assert made.lengths.schema == LENGTHS


def test_a_null_in_a_column_is_refused(tmp_path):
    files = build([[["a"]]], tmp_path)
    pq.write_table(pa.table({"chunk_id": ["c0"], "length": pa.array([None], pa.uint32())}), files.lengths)
    with pytest.raises(SchemaMismatch, match="null"):
        opened(files)


AUTO = Analyser("auto")
MIXED = [
    *((f"the cat number {n} sat in the house", "en") for n in range(40)),
    *((f"die Katze {n} war in dem Haus und die Katzen schliefen", "de") for n in range(4)),
    ("die war die war die war", "en"),
    ("Hund", "de"),
]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> KeywordIndex:
    folder = tmp_path_factory.mktemp("mixed")
    texts, languages = zip(*MIXED, strict=True)
    made = shard_postings(texts, [f"c{i}" for i in range(len(texts))], AUTO, languages=languages)
    files = merge([save(made, folder, "0")], folder / "merged")
    return KeywordIndex(files.postings, files.terms, files.lengths, sizes={"de": 5})


def test_a_common_word_of_a_rare_language_is_no_rare_word(mixed: KeywordIndex) -> None:
    rare, common = mixed.bound(["de:hund"]), mixed.bound(["de:die"])
    assert common < rare / 1.8
    assert mixed.bound(["the"]) < 0.2  # of the English chunks nearly all hold it


def test_a_question_in_a_language_of_few_chunks_finds_them_before_a_word_that_others_have_too(
    tmp_path: Path,
) -> None:
    words = ["alpha beta gamma delta"] * 40 + ["alpha den omega beta"]  # English, with a word of German
    texts = [*words, "Der Index wird mit einem Befehl zurückgesetzt", "Die Kantine öffnet mittags"]
    made = shard_postings(texts, [f"c{i}" for i in range(43)], AUTO, languages=["en"] * 41 + ["de"] * 2)
    files = merge([save(made, tmp_path, "0")], tmp_path / "merged")
    with KeywordIndex(files.postings, files.terms, files.lengths, sizes={"de": 2}) as index:
        (terms,) = AUTO.asked(["Wie wird der Index den zurückgesetzt"], {"en": 41, "de": 2})
        assert "c41" == index.search([terms], [None], 3)[0][0].chunk_id


def test_a_word_of_no_chunk_counts_as_the_rarest_whatever_its_language(mixed: KeywordIndex) -> None:
    assert mixed.bound(["de:xyzzy"]) == mixed.bound(["xyzzy"]) == pytest.approx(np.log(1 + 46.5 / 0.5))


@pytest.mark.parametrize(
    "question",
    [
        "Wo war die Katze in dem Haus 3",
        "die war",
        "where is the cat 3",
        "xyzzy Katze house 7",
        "Hund Hund",
        "die die Haus",
    ],
)
@pytest.mark.parametrize("held", [{"en": 41, "de": 5}, None])
def test_no_score_is_above_the_bound_in_any_language(mixed: KeywordIndex, question: str, held: Any) -> None:
    (terms,) = AUTO.asked([question], held)
    spaces = {term.rpartition(":")[0] for term in terms}
    assert max((hit.score for hit in mixed.search([terms], [None], 50)[0]), default=0.0) <= mixed.bound(terms)
    one = max(mixed.bound([t for t in terms if t.rpartition(":")[0] in ("", s)]) for s in spaces)
    assert mixed.bound(terms) <= one + 1e-9 or len(spaces) == 1  # never the sum over languages


def test_a_term_that_languages_share_counts_once(mixed: KeywordIndex) -> None:
    alone, both = (mixed.search([terms], [None], 99)[0] for terms in (["3"], AUTO.asked(["3"], {"en": 41, "de": 5})[0]))
    assert [hit.score for hit in alone] == [hit.score for hit in both]
