"""What the comparison of two versions' chunks counts."""

from benchmarks import contexts
from ingest_conformance.hashing_embedder import HashingTokenizer

BEFORE = {"a.md": [["t1", "c1"], ["t2", "c1"], ["t2", "c1"]], "gone.md": [["t9", "c9"]]}


def test_a_chunk_of_the_same_text_may_have_another_context_and_a_vector_may_be_known_from_elsewhere():
    after = {"a.md": [["t1", "c1"], ["t2", "c1"], ["t2", "c2"], ["t3", "c1"]], "new.md": [["t9", "c9"]]}
    expected = {"documents": 2, "chunks": 5, "contexts": 1, "texts": 2, "vectors": 2}
    assert contexts.compared(BEFORE, after) == expected


def test_unchanged_chunks_count_for_nothing_and_the_table_has_a_row_for_each_corpus():
    assert contexts.table({"one": BEFORE}, {"one": BEFORE, "two": {}}).splitlines()[2:] == [
        "| one | 2 | 4 | 0 | 0 | 0 |",
        "| two | 0 | 0 | 0 | 0 | 0 |",
    ]


def test_digests_tell_texts_and_contexts_apart_without_holding_them(tmp_path):
    (tmp_path / "a.md").write_text("# Install\n\nRun it.\n\n# Remove\n\nRun it.")
    ((path, chunks),) = contexts.digests(tmp_path, HashingTokenizer()).items()
    assert (path, len({text for text, _ in chunks}), len({context for _, context in chunks})) == ("a.md", 2, 2)
    assert {len(digest) for pair in chunks for digest in pair} == {contexts.DIGITS}
