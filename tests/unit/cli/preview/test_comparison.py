"""Two previews of one document: equal chunks, chunks of one side, and what the change costs."""

from itertools import pairwise

from ingest.cli.preview.comparison import compare, differing, own_parts
from ingest.cli.preview.document_preview import DocumentPreview
from ingest.ids import embedding_key
from ingest.records import Chunk, Document, DocumentRef, RawDocument
from tests.unit.cli.preview.conftest import Previewer

SMALL = {"target_tokens": 16, "max_tokens": 40, "min_tokens": 0}
TEXT = "# One\n\nFirst.\n\n# Two\n\n" + "A sentence of six words here. " * 9 + "\n"


def test_the_same_settings_differ_in_nothing(preview: Previewer) -> None:
    found = compare(preview(TEXT), preview(TEXT))
    assert (found.same_text, found.same_model, found.only_here, found.only_there) == (True, True, (), ())
    assert (found.other_context, found.embedded_anew) == (0, 0)
    assert [(i, i) for i in range(len(preview(TEXT).chunks))] == list(found.equal)


def test_another_size_keeps_what_fits_and_embeds_the_rest_anew(preview: Previewer) -> None:
    here, there = preview(TEXT), preview(TEXT, chunking={"target_tokens": 30, "max_tokens": 60, "min_tokens": 0})
    found = compare(here, there)
    assert (0, 0) in found.equal
    assert len(here.chunks) == len(found.equal) + len(found.only_here)
    assert len(there.chunks) == len(found.equal) + len(found.only_there)
    assert found.embedded_anew == len({c.embedding_key for c in there.chunks} - {c.embedding_key for c in here.chunks})
    assert 0 < found.embedded_anew < found.texts_there


def test_without_headings_in_front_equal_chunks_are_embedded_anew(preview: Previewer) -> None:
    here, there = preview(TEXT), preview(TEXT, chunking={**SMALL, "target_tokens": 24, "heading_prefix": False})
    found = compare(here, there)
    assert found.other_context == len(found.equal) > 0
    assert found.embedded_anew == found.texts_there


def test_another_model_embeds_everything_anew(preview: Previewer) -> None:
    found = compare(
        preview(TEXT), preview(TEXT, model={"kind": "hashing", "name": "hashing", "options": {"salt": "x"}})
    )
    assert (found.same_model, found.only_here, found.embedded_anew) == (False, (), found.texts_there)


def test_other_texts_are_compared_by_text(preview: Previewer) -> None:
    found = compare(preview("# A\n\nSame.\n\n# B\n\nSame.\n"), preview("# A\n\nOther.\n\n# B\n\nSame.\n"))
    assert (found.same_text, found.equal, found.only_here, found.only_there) == (False, ((1, 1),), (0,), (0,))


def made(borders: list[int], shared: int) -> DocumentPreview:
    """Return a preview of a text of 40 characters at some borders, chunks repeating `shared` characters."""
    text = "x" * 40
    edges = [0, *sorted(set(borders)), 40]
    spans = [(max(0, a - shared), b) for a, b in pairwise(edges)]
    chunks = tuple(Chunk("", "", (), ((),), text[a:b], "", a, b, 1, embedding_key("", text[a:b])) for a, b in spans)
    raw = RawDocument(DocumentRef("file:///a", "", "a", "", 40), b"")
    return DocumentPreview(raw, Document(text, (), "", "text/plain", "plain"), chunks)


def test_what_is_on_one_side_only_comes_in_the_order_of_the_text() -> None:
    here, there = made([10, 20], 0), made([10, 30], 0)
    found = differing(here, compare(here, there))
    assert [(1, True, (10, 20)), (1, False, (10, 30)), (2, True, (20, 40)), (2, False, (30, 40))] == [
        (at, ours, (chunk.start, chunk.end)) for at, ours, chunk in found
    ]


def test_own_parts_do_not_overlap() -> None:
    assert [(0, 10), (10, 20), (20, 40)] == own_parts(made([10, 20], 4).chunks)
