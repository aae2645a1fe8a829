"""Whatever a caller may see and asks for: no stage and no context shows more, and hiding others costs nothing."""

from dataclasses import dataclass, replace
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import EVERYTHING, ChunkingOptions, Filter, QueryProfile
from ingest.search import ContextOptions, Searcher, context_of
from ingest.wiring.model_opening import open_reranker
from tests.pipelines import CountingSource, Project, build_options
from tests.visible import by_ids, filters, groups_of, visible

WORDS = ("zebra", "quokka", "tapir", "okapi", "gnu", "ibex", "shared")
CHUNKS = ChunkingOptions(target_tokens=24, max_tokens=40, min_tokens=8, parent_tokens=90)
PATHS = [f"p{n}.md" for n in range(24)]
ALL = 1000  # more than there are chunks


def page(n: int) -> str:
    """Return a page of five sections; a page shares its words with all others, so that every cut falls among equals."""
    sections = (
        f"## Part {k}\n\n{' '.join(WORDS[(n + k + i) % 7] for i in range(12))} page{n} part{k} shared.\n"
        for k in range(5)
    )
    return f"# Page {n}\n\n" + "\n".join(sections)


@dataclass(repr=False)
class Site:
    """A project, and what each of its documents may be seen by."""

    project: Project

    @cached_property
    def small(self) -> Searcher:
        """Few results a stage: much less than what is visible, so that a filter after the cut would show."""
        return self._searcher(4)

    @cached_property
    def whole(self) -> Searcher:
        return self._searcher(ALL)

    def _searcher(self, depth: int) -> Searcher:
        opened = replace(self.project.retrieval(), open_reranker=open_reranker)
        profile = QueryProfile(dense_weight=0.35, reranker="blend", depth=depth, rerank_depth=3)
        return Searcher(opened, self.project.manifest(), profile, 1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("leaks")
    a, b = CountingSource("a", folder / "a"), CountingSource("b", folder / "b", tenant="other")
    for n in range(24):
        source = (a, b)[n % 3 == 0]
        source.write(f"p{n}.md", page(n))
        source.acl_of[f"p{n}.md"] = groups_of(n)
    made = Project((a, b), options=build_options(chunking=CHUNKS))
    made.run()
    return Site(made)


questions = st.lists(st.sampled_from([*WORDS, "page7", "page12", "part3", "unknown"]), min_size=1, max_size=5).map(
    " ".join
)


@settings(max_examples=60)
@given(filter=filters(PATHS), question=questions, top=st.integers(1, 8))
def test_no_stage_shows_more_and_both_searches_find_what_a_brute_force_over_the_visible_finds(
    site: Site, filter: Filter, question: str, top: int
) -> None:
    filter = by_ids(site.project, filter)
    (answer,) = site.small.search([question], filter, top, site.small.stages)
    (every,) = site.whole.search([question], EVERYTHING, ALL, ("bm25", "dense"))
    assert ("bm25", "dense", "fused", "reranked") == site.small.stages
    for stage in site.small.stages:
        assert all(visible(site.project, result, filter) for result in answer.stages[stage])
    for stage in ("bm25", "dense"):
        expected = [r.scores[stage] for r in every.stages[stage] if visible(site.project, r, filter)][:top]
        assert pytest.approx(expected, abs=1e-6) == [r.scores[stage] for r in answer.stages[stage]]
    found = {r.chunk_id for stage in ("bm25", "dense") for r in answer.stages[stage]}
    fused = {r.chunk_id for r in answer.stages["fused"]}
    assert len(fused) == len(answer.stages["reranked"]) == min(top, len(fused | found))


@settings(max_examples=60)
@given(
    filter=filters(PATHS),
    question=questions,
    stage=st.sampled_from(["bm25", "dense", "fused", "reranked"]),
    options=st.builds(ContextOptions, st.integers(20, 400), st.integers(0, 3), st.booleans()),
)
def test_no_context_shows_what_is_around_and_hidden(
    site: Site, filter: Filter, question: str, stage: str, options: ContextOptions
) -> None:
    filter = by_ids(site.project, filter)
    (every,) = site.whole.search([question], EVERYTHING, ALL, (stage,))
    hidden = {r.document_id for r in every.results if not visible(site.project, r, filter)}
    (answer,) = site.whole.search([question], filter, 8, (stage,))
    context = context_of(site.whole, answer.results, stage, (options, filter))
    assert not {p.document_id for p in context.passages} & hidden
    words = {word for p in context.passages for word in p.text.split()}
    seen = {f"page{r.path[1:-3]}" for r in every.results if visible(site.project, r, filter)}
    assert {word for word in words if word.startswith("page")} <= seen
