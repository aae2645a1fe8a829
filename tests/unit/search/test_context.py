"""What reaches a language model: exact slices, each once, in order, never over the budget, never what is hidden."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InvalidSettings
from ingest.records import EVERYTHING, ChunkingOptions, Filter, Result
from ingest.search import open_serving
from ingest.search.context import ContextOptions, VisibleSurroundings, build_context, context_of
from ingest.search.indexed_documents import LEAST_WEIGHT, IndexedDocuments
from ingest_conformance.hashing_embedder import HashingTokenizer
from tests.pipelines import CountingSource, Project, build_options

TEXT = "".join(f"word{n} of document, part {n}.{' ' if n % 3 else chr(10) * 2}" for n in range(60))


def count(texts):
    return [len(spans) for spans in HashingTokenizer().offsets(texts)]


def chunk(start, end, score=1.0, *, document="d", section="A", text=TEXT):
    return Result(
        f"{document}:{start}:{end}",
        document,
        f"file:///{document}",
        "s",
        document,
        "T",
        (section,),
        text[start:end],
        start,
        end,
        {"fused": score},
    )


class Alone:
    """There is nothing but the chunks."""

    def text(self, of, start, end):
        return None

    def spans(self, of, neighbours, parent):
        return []


class Whole:
    """Everything around a chunk may be seen."""

    def text(self, of, start, end):
        return TEXT[start:end]

    def spans(self, of, neighbours, parent):
        return [(max(0, of.start - 40 * neighbours), min(len(TEXT), of.end + 40 * neighbours))] if neighbours else []


def build(ranked, budget, around=None, **options):
    return build_context(ranked, "fused", ContextOptions(budget, **options), count, around or Alone())


rankings = st.lists(
    st.builds(
        lambda start, size, document, section: chunk(
            start, min(len(TEXT), start + size), document=document, section=section
        ),
        st.integers(0, len(TEXT) - 10),
        st.integers(5, 300),
        st.sampled_from("de"),
        st.sampled_from("AB"),
    ),
    max_size=12,
    unique_by=lambda r: r.chunk_id,
)


@settings(max_examples=200)
@given(rankings, st.integers(1, 200), st.booleans(), st.integers(0, 2))
def test_passages_are_exact_slices_each_once_in_order_within_the_budget(ranked, budget, known, neighbours):
    context = build(ranked, budget, Whole() if known else None, neighbours=neighbours)
    assert context.tokens == sum(count([p.text for p in context.passages])) <= budget
    assert [p.rank for p in context.passages] == sorted(p.rank for p in context.passages)
    assert [p.text for p in context.passages] == [TEXT[p.start : p.end] for p in context.passages]
    for document in "de":
        spans = sorted((p.start, p.end) for p in context.passages if p.document_id == document)
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    shown = {c for p in context.passages for c in p.chunks}
    assert shown <= {r.chunk_id for r in ranked}
    assert not shown & {left.chunk_id for left in context.left_out}
    assert context == build(ranked, budget, Whole() if known else None, neighbours=neighbours)


def test_chunks_of_one_section_become_one_passage_and_others_do_not():
    cut = TEXT.index("word3")  # white space before it
    one, two, three = chunk(0, cut - 1), chunk(cut, 150), chunk(150, 200, section="B")
    (merged, apart) = build([two, three, one], 200, Whole()).passages
    assert (merged.start, merged.end, merged.rank) == (0, 150, 1)
    assert merged.chunks == (one.chunk_id, two.chunk_id)
    assert merged.spans == ((one.start, one.end), (two.start, two.end))
    assert (apart.start, apart.heading_path) == (150, ("B",))
    assert len(build([two, three, one], 200).passages) == 3  # the gap is not known


def test_overlapping_chunks_of_two_sections_show_what_they_share_once():
    one, two = chunk(0, 100), replace(chunk(60, 160), heading_path=("A", "deeper"))
    (passage,) = build([one, two], 200).passages
    assert (passage.text, passage.heading_path) == (TEXT[:160], ("A",))


def test_a_chunk_that_does_not_fit_is_passed_over_for_a_later_one():
    small, large = chunk(0, 30), chunk(200, 600, document="e")
    context = build([large, small], count([small.text])[0])
    assert [p.chunks for p in context.passages] == [(small.chunk_id,)]
    assert [(left.chunk_id, left.reason) for left in context.left_out] == [(large.chunk_id, "budget")]


def test_a_near_duplicate_names_the_chunk_that_it_repeats():
    first, again = chunk(0, 300), replace(chunk(0, 300, document="e"), text=TEXT[:300].upper())
    context = build([first, again], 1000)
    assert len(context.passages) == 1
    assert [(left.chunk_id, left.reason, left.of) for left in context.left_out] == [
        (again.chunk_id, "duplicate", first.chunk_id)
    ]


def test_surroundings_come_after_all_chunks_that_fit():
    ranked = [chunk(100, 200), chunk(700, 800)]
    narrow = sum(count([r.text for r in ranked]))
    assert [p.text for p in build(ranked, narrow, Whole(), neighbours=1).passages] == [r.text for r in ranked]
    wide = build(ranked, narrow + 20, Whole(), neighbours=1).passages
    assert (wide[0].start, wide[0].end) == (60, 240)
    assert (wide[1].start, wide[1].end) == (700, 800)


@pytest.mark.parametrize("options", [{"budget": 0}, {"budget": 9, "neighbours": 99}])
def test_options_out_of_range_name_the_value(options):
    with pytest.raises(InvalidSettings, match=r"context: .* must be within"):
        ContextOptions(**options)


def page(n):
    parts = [
        f"## Part {part} of {n}\n\n"
        + "".join(f"Sentence {s} about zebra{n}x{part} and quokka{s}. " for s in range(9)).strip()
        for part in range(3)
    ]
    return f"# Page {n}\n\n" + "\n\n".join(parts) + "\n"


@pytest.fixture(scope="module")
def p(tmp_path_factory):
    """Six documents in an index with parents, every other one for the board alone."""
    source = CountingSource("docs", tmp_path_factory.mktemp("context") / "docs")
    for n in range(6):
        source.write(f"p{n}.md", page(n))
        source.acl_of[f"p{n}.md"] = ("board",) if n % 2 else ("public",)
    chunking = ChunkingOptions(target_tokens=30, max_tokens=48, min_tokens=8, parent_tokens=200)
    made = Project((source,), options=build_options(chunking=chunking))
    made.run()
    return made


def context(p, question, filter=EVERYTHING, budget=400, top=3, **options):
    searcher = open_serving(p.retrieval())
    (answer,) = searcher.search([question], filter, top)
    wanted = ContextOptions(budget, **options), filter
    return context_of(searcher, answer.results, "fused", wanted)


@pytest.mark.parametrize("options", [{}, {"neighbours": 1}, {"parent": True}, {"neighbours": 2, "parent": True}])
@pytest.mark.parametrize("budget", [20, 60, 150, 900])
def test_passages_of_an_index_are_slices_of_its_documents(p, options, budget):
    found = context(p, "zebra2x1 quokka4", budget=budget, **options)
    assert found.tokens == sum(count([x.text for x in found.passages])) <= budget
    for passage in found.passages:
        assert passage.text == page(int(passage.path[1]))[passage.start : passage.end]


def test_neighbours_and_parents_are_wider_than_the_chunk(p):
    def first(**options):
        return context(p, "zebra2x1 quokka4", budget=2000, top=1, **options).passages[0]

    alone, near, parent = first(), first(neighbours=1), first(parent=True)
    assert near.start <= alone.start < alone.end <= near.end
    assert len(alone.text) < len(near.text)
    assert len(alone.text) < len(parent.text)


def test_nothing_around_a_chunk_is_shown_that_the_asker_may_not_see(p):
    (answer,) = open_serving(p.retrieval()).search(["zebra1x1"], EVERYTHING, 20)
    documents = IndexedDocuments(p.contents())
    hidden = next(r for r in answer.results if r.path == "p1.md")
    public, board = (VisibleSurroundings(documents, Filter(acl=(group,), tenant=None)) for group in ("public", "board"))
    assert public.text(hidden, hidden.start, hidden.end + 10) is None
    assert all(public.text(hidden, *span) is None for span in public.spans(hidden, 2, True))
    assert board.text(hidden, hidden.start, hidden.end + 10) == page(1)[hidden.start : hidden.end + 10]
    found = context(p, "zebra1x1", Filter(acl=("public",), tenant=None), 900, neighbours=2, parent=True)
    assert {int(x.path[1]) % 2 for x in found.passages} == {0}


def test_what_a_policy_drops_is_not_shown_around_a_chunk(p):
    (answer,) = open_serving(p.retrieval()).search(["zebra2x1 quokka4"], EVERYTHING, 1)
    chunk = answer.results[0]
    documents = IndexedDocuments(p.contents())
    held = documents.of(chunk)
    row = held.chunks[chunk.chunk_id]
    gone = held.spans[row + 1]
    documents._kept.put(chunk.document_id, replace(held, dropped=(gone,)))
    around = VisibleSurroundings(documents, EVERYTHING)
    spans = around.spans(chunk, 2, True)
    assert spans
    assert all(end <= gone[0] for _, end in spans)
    assert around.text(chunk, chunk.start, gone[0] + 1) is None


def test_few_documents_are_kept(p):
    (answer,) = open_serving(p.retrieval()).search(["zebra"], EVERYTHING, 50)
    documents = IndexedDocuments(p.contents(), characters=2 * LEAST_WEIGHT)
    for result in answer.results:
        assert documents.of(result).text == page(int(result.path[1]))
    assert len(documents._kept._values) == 2
