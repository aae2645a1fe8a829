"""Whatever a caller may see and asks for: no stage and no context shows more, and hiding others costs nothing."""

from dataclasses import dataclass, replace
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.ids import document_id
from ingest.learned import open_reranker
from ingest.records import EVERYTHING, ChunkingOptions, Filter, QueryProfile, Result
from ingest.search import ContextOptions, Searcher, context_of
from tests.pipelines import CountingSource, Project, build_options

GROUPS = ("public", "staff", "board")
WORDS = ("zebra", "quokka", "tapir", "okapi", "gnu", "ibex", "shared")
CHUNKS = ChunkingOptions(target_tokens=24, max_tokens=40, min_tokens=8, parent_tokens=90)
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
        store, services = self.project.store, self.project.services()
        opened = replace(services, open_reranker=lambda profile, wording: open_reranker(store, profile, wording))
        profile = QueryProfile(
            normalisation="bounds", dense_weight=0.35, reranker="learned", depth=depth, rerank_depth=3
        )
        return Searcher(opened, self.project.manifest(), profile, 1)

    def by_ids(self, filter: Filter) -> Filter:
        """Return a filter of document ids in place of paths."""
        uris = {path: f"{s.uri}/{path}" for s in self.project.sources for path in s.acl_of}
        return replace(filter, documents=tuple(document_id(uris[path]) for path in filter.documents))

    def visible(self, result: Result, filter: Filter) -> bool:
        source = next(s for s in self.project.sources if s.name == result.source)
        return (
            (filter.acl is None or bool(set(filter.acl) & set(source.acl_of[result.path])))
            and (filter.tenant is None or filter.tenant == ("other" if source.name == "b" else "public"))
            and (not filter.sources or source.name in filter.sources)
            and (not filter.documents or result.document_id in filter.documents)
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("leaks")
    a, b = CountingSource("a", folder / "a"), CountingSource("b", folder / "b", tenant="other")
    for n in range(24):
        source = (a, b)[n % 3 == 0]
        source.write(f"p{n}.md", page(n))
        source.acl_of[f"p{n}.md"] = tuple(group for bit, group in enumerate(GROUPS) if n % 8 >> bit & 1)
    made = Project((a, b), options=build_options(chunking=CHUNKS))
    made.run()
    return Site(made)


groups = st.lists(st.sampled_from([*GROUPS, "nobody"]), max_size=3).map(tuple)
filters = st.builds(
    Filter,
    acl=st.none() | groups,
    tenant=st.sampled_from([None, "public", "other", "third"]),
    sources=st.sampled_from([(), ("a",), ("b",), ("c",)]),
    documents=st.just(())
    | st.lists(st.sampled_from([f"p{n}.md" for n in range(24)]), min_size=1, max_size=4).map(tuple),
)  # of paths in place of document ids
questions = st.lists(st.sampled_from([*WORDS, "page7", "page12", "part3", "unknown"]), min_size=1, max_size=5).map(
    " ".join
)


@settings(max_examples=60, deadline=None)
@given(filter=filters, question=questions, top=st.integers(1, 8))
def test_no_stage_shows_more_and_both_searches_find_what_a_brute_force_over_the_visible_finds(
    site: Site, filter: Filter, question: str, top: int
) -> None:
    filter = site.by_ids(filter)
    (answer,) = site.small.search([question], filter, top, site.small.stages)
    (every,) = site.whole.search([question], EVERYTHING, ALL, ("bm25", "dense"))
    assert ("bm25", "dense", "fused", "reranked") == site.small.stages
    for stage in site.small.stages:
        assert all(site.visible(result, filter) for result in answer.stages[stage])
    for stage in ("bm25", "dense"):
        expected = [r.scores[stage] for r in every.stages[stage] if site.visible(r, filter)][:top]
        assert pytest.approx(expected, abs=1e-6) == [r.scores[stage] for r in answer.stages[stage]]
    found = {r.chunk_id for stage in ("bm25", "dense") for r in answer.stages[stage]}
    fused = {r.chunk_id for r in answer.stages["fused"]}
    assert len(fused) == len(answer.stages["reranked"]) == min(top, len(fused | found))


@settings(max_examples=60, deadline=None)
@given(
    filter=filters,
    question=questions,
    stage=st.sampled_from(["bm25", "dense", "fused", "reranked"]),
    options=st.builds(
        ContextOptions, st.integers(20, 400), st.integers(0, 3), st.booleans(), st.sampled_from([0.0, 0.5])
    ),
)
def test_no_context_shows_what_is_around_and_hidden(
    site: Site, filter: Filter, question: str, stage: str, options: ContextOptions
) -> None:
    filter = site.by_ids(filter)
    (every,) = site.whole.search([question], EVERYTHING, ALL, (stage,))
    hidden = {r.document_id for r in every.results if not site.visible(r, filter)}
    (answer,) = site.whole.search([question], filter, 8, (stage,))
    context = context_of(site.project.services(), site.whole.manifest, answer.results, stage, (options, filter))
    assert not {p.document_id for p in context.passages} & hidden
    words = {word for p in context.passages for word in p.text.split()}
    seen = {f"page{r.path[1:-3]}" for r in every.results if site.visible(r, filter)}
    assert {word for word in words if word.startswith("page")} <= seen
