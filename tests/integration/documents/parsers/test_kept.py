"""What the guide says of each format, and what the comparison of two versions tells."""

from benchmarks import formats, kept
from benchmarks.features.markup import PROBE, TEXT
from ingest.records import Block, BlockKind, Child, Document
from tests.inline_sandbox import InlineSandbox


def test_the_guide_says_what_is_kept_dropped_and_marked_today():
    guide = formats.DOCS.read_text(encoding="utf-8")
    assert formats.written(guide, kept.table(), kept.MARKER) == guide, "run `make kept`"


def test_each_document_has_the_word_that_is_looked_for_and_no_name_twice():
    for path, documents in kept.FORMATS.values():
        assert len({*documents()}) == len(documents()), path


def test_where_a_word_stands_is_told_by_block_mark_child_and_title():
    text = f"{PROBE} {TEXT}"
    block = Block(BlockKind.PARAGRAPH, 0, len(text))
    hidden = Block(BlockKind.PARAGRAPH, 0, len(text), marks=("hidden",))
    apart = Block(BlockKind.METADATA, 0, len(text))
    child = Child("a.txt", PROBE.encode())
    documents = [
        Document(text, (block,), "", "text/plain", "plain"),
        Document(text, (hidden,), "", "text/plain", "plain"),
        Document(text, (apart,), "", "text/plain", "plain"),
        Document(TEXT, (), "", "text/plain", "plain", children=(child,)),
        Document(TEXT, (), PROBE, "text/plain", "plain"),
        Document(TEXT, (), "", "text/plain", "plain"),
    ]
    expected = [
        (kept.KEPT, ""),
        (kept.MARKED, "hidden"),
        (kept.MARKED, "not embedded"),
        (kept.OWN, ""),
        (kept.TITLE, ""),
        (kept.DROPPED, ""),
    ]
    assert expected == [kept.place(document) for document in documents]


def test_a_comparison_shows_changed_lines_and_counts_files_by_format():
    before = {"a.md": "title: A\n-- paragraph\none\n", "b.md": "same\n", "c.pdf": "gone\n"}
    after = {"a.md": "title: A\n-- paragraph\ntwo\n", "b.md": "same\n", "d.pdf": "new\n"}
    expected = (
        "--- a.md\n+++ now\n@@ -2,3 +2,3 @@\n -- paragraph\n-one\n+two\n \n"
        "--- c.pdf\n+++ now\n@@ -1,2 +1 @@\n-gone\n \n"
        "--- d.pdf\n+++ now\n@@ -1 +1,2 @@\n+new\n \n"
        "\n| format | same | changed | new | gone |\n| --- | --- | --- | --- | --- |\n"
        "| md | 1 | 1 | 0 | 0 |\n| pdf | 0 | 0 | 1 | 1 |\n"
    )
    assert expected == formats.changes(before, after)


def test_what_a_document_was_read_as_tells_kinds_levels_marks_and_header_rows(tmp_path):
    (tmp_path / "a.md").write_bytes(b"# Title\n\nText.\n\n| a | b |\n| - | - |\n| 1 | 2 |\n")
    expected = (
        "title: Title\n-- heading 1\n# Title\n-- paragraph\nText.\n"
        "-- table header: | a | b | | - | - |\n| a | b |\n| - | - |\n| 1 | 2 |\n"
    )
    assert expected == formats.told(formats.outcomes(tmp_path, InlineSandbox().parse))["a.md"]
