"""A collection says which generation it holds: nobody reads or mends another one there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import UnknownRelease
from ingest.lake.contents import contents_of
from ingest.pipeline.collections import ensure, releases_of
from ingest.records import EVERYTHING, Lengths, Shape
from ingest.search import Searcher, open_serving
from tests.pipelines import Project, document, project

OTHER = "0009-00000000"


@pytest.fixture
def p(tmp_path: Path) -> Project:
    made = project(tmp_path, 3)
    made.run()
    return made


def give_away(p: Project) -> None:
    """Let another generation have the collection that serves."""
    p.vectors.give(p.manifest().collection, p.lake.known_identity(), OTHER)


def test_a_reader_refuses_at_its_next_search_once_its_collection_holds_another_generation(p: Project) -> None:
    early, generation = open_serving(p.retrieval()), p.manifest().generation
    assert generation == p.vectors.generation_of(p.manifest().collection)
    give_away(p)
    for ask in (
        lambda: early.search(["word1x0x1"], EVERYTHING),
        lambda: early.search(["word1x0x1"], EVERYTHING, stages=("bm25",)),
        lambda: early.candidates(["word1x0x1"], EVERYTHING, 5),
        lambda: open_serving(p.retrieval()),
        lambda: Searcher(p.retrieval(), p.manifest(), p.options.profile),
    ):
        with pytest.raises(UnknownRelease, match=f"{generation} is gone: .* holds generation {OTHER}"):
            ask()


def test_a_reader_that_is_overtaken_between_search_and_answer_refuses(p: Project) -> None:
    early, search = open_serving(p.retrieval()), p.vectors.search

    def overtaken(*args: Any) -> Any:
        found = search(*args)
        give_away(p)
        return found

    p.vectors.search = overtaken
    with pytest.raises(UnknownRelease, match=OTHER):
        early.search(["word1x0x1"], EVERYTHING)


def test_nothing_is_mended_in_a_collection_that_holds_another_generation(p: Project) -> None:
    contents = contents_of(p.lake, p.manifest())
    give_away(p)
    p.vectors.delete(contents.collection, [next(p.vectors.scroll(contents.collection, EVERYTHING)).id])
    left = p.vectors.count(contents.collection, EVERYTHING)
    with pytest.raises(UnknownRelease, match="was recycled"):
        ensure(p.retrieval(), p.options, contents)
    services = p.services()
    with pytest.raises(UnknownRelease, match="was recycled"):
        releases_of(services.retrieval, p.options, services.writer).restore(contents.generation)
    assert left == p.vectors.count(contents.collection, EVERYTHING)


def test_a_lost_collection_with_the_name_of_another_generation_is_loaded_again_and_says_what_it_holds(
    p: Project,
) -> None:
    lent = replace(contents_of(p.lake, p.manifest()), collection=f"docs__{OTHER}-00000000")
    ensure(p.retrieval(), p.options, lent)
    assert lent.generation == p.vectors.generation_of(lent.collection)
    assert lent.points() == p.vectors.count(lent.collection, EVERYTHING)


def test_sparse_vectors_are_weighed_by_the_lengths_of_their_epoch(tmp_path: Path) -> None:
    p = project(tmp_path, 4, shape=Shape(sparse=True), settings={"payload": "langchain", "sparse": True})
    p.run()
    first = p.manifest()
    p.source.write("d01.md", document(1, edition=2))
    p.run()
    second = p.manifest()
    assert isinstance(first.lengths, Lengths)
    assert (first.lengths, ()) == (second.lengths, p.check().faults)
    kept = {point.id: point for point in p.vectors.scroll(first.collection, EVERYTHING)}
    now = {point.id: point for point in p.vectors.scroll(second.collection, EVERYTHING)}
    assert 9 == len([id_ for id_, point in now.items() if point == kept.get(id_)])  # of twelve
    for n in range(4):  # chunks become longer by more than a tenth
        p.source.write(f"e{n:02d}.md", document(n, edition=9).replace("edition", "edition and many more words here"))
    p.run()
    assert (True, ()) == (second.lengths != p.manifest().lengths, p.check().faults)
