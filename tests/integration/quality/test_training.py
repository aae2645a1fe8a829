"""Training a re-ranker: out of fold, the same bytes twice, and refused in words where it cannot help."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ingest.adapters.rerankers.learned import fit
from ingest.errors import InvalidSettings, UnknownRelease
from ingest.lake.model_files import keep_learned
from ingest.quality import training
from ingest.quality.evaluate import judged_questions
from ingest.quality.training import FOLDS, Example, open_fused, train, trees_of
from ingest.records import EVERYTHING, QueryProfile, Question
from ingest.search import Searcher
from ingest.search.ranking import FEATURES, RISING
from ingest.wiring.model_opening import open_reranker
from tests.pipelines import CountingSource, Project, judged_project

PROFILE = QueryProfile(normalisation="bounds", dense_weight=0.35, reranker="learned")


def taught_project(folder: Path, questions: int = 60) -> Project:
    """Documents that share their words: the one that answers has those of the question beside each other."""
    rng = random.Random(0)
    source, judged = CountingSource("a", folder / "docs"), []
    words = [f"word{n}" for n in range(40)]
    for n in range(questions):
        asked = rng.sample(words, 3)
        scattered = " filler ".join(asked * 2)
        source.write(f"right{n}.md", f"# Right {n}\n\n{' '.join(asked)} {' '.join(['filler'] * 9)}\n")
        source.write(f"wrong{n}.md", f"# Wrong {n}\n\n{scattered} filler\n")
        judged.append((" ".join(asked), f"right{n}.md", f"Right {n}"))
    return judged_project(source, judged, PROFILE, documents_per_shard=200)


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return taught_project(tmp_path_factory.mktemp("training"))


def test_the_same_judgments_give_the_same_bytes(p: Project) -> None:
    one, other = train(p.retrieval(), p.options, fit), train(p.retrieval(), p.options, fit)
    assert one == other
    assert (60, 60, FOLDS) == (one.questions, one.taught, one.folds)
    assert {"fused", "blend", "trained"} == set(one.scores)


def test_what_was_trained_opens_by_its_name_and_ranks(p: Project) -> None:
    trained = train(p.retrieval(), p.options, fit)
    name = keep_learned(p.store, trained.model)
    opened = replace(p.retrieval(), open_reranker=lambda profile, wording: open_reranker(p.store, profile, wording))
    profile = PROFILE.model_copy(update={"reranker_model": name})
    (answer,) = Searcher(opened, p.manifest(), profile).search(["word1 word2"], EVERYTHING, 5, ("reranked",))
    assert answer.results


def test_the_blend_is_what_a_search_without_trees_shows(p: Project) -> None:
    seen = training.examples_of(open_fused(p.retrieval(), p.options.profile, 50), questions(p)[:3])
    opened = replace(p.retrieval(), open_reranker=lambda profile, wording: open_reranker(p.store, profile, wording))
    searcher = Searcher(opened, p.manifest(), PROFILE)
    for example in seen:
        (answer,) = searcher.search([example.question.text], EVERYTHING, 50, ("reranked",))
        ordered = training.ordered(example, training.blend(example.rows))
        assert [r.chunk_id for r in answer.results] == [r.chunk_id for r in ordered[:50]]


def questions(p: Project) -> list[Question]:
    return judged_questions(p.options.judged)


def test_too_few_questions_are_told_with_both_numbers(tmp_path: Path) -> None:
    small = taught_project(tmp_path, questions=8)
    with pytest.raises(InvalidSettings, match=r"8 of 8 judged .* at least 50 with different texts are needed"):
        train(small.retrieval(), small.options, fit)


def test_without_a_release_nothing_is_trained(tmp_path: Path) -> None:
    empty = Project((CountingSource("a", tmp_path / "a"),))
    with pytest.raises(UnknownRelease, match="nothing serves yet"):
        train(empty.retrieval(), empty.options, fit)


def example(n: int, rng: np.random.Generator, signal: str | None) -> Example:
    rows = rng.random((20, len(FEATURES)))
    rows[:, :4] = 0.5  # the blend cannot tell
    column = FEATURES.index(signal) if signal else 0
    grades = (rows[:, column] >= np.sort(rows[:, column])[-2]) if signal else rng.permutation(20) < 2
    return Example(Question(f"q{n}", f"text {n}"), (), rows, grades.astype(np.int32))


def test_trees_learn_what_the_blend_leaves_over_and_no_feature_against_its_sense() -> None:
    rng = np.random.default_rng(0)
    trees = trees_of([example(n, rng, "proximity") for n in range(80)], fit)
    low, high = np.full((1, len(FEATURES)), 0.5), np.full((1, len(FEATURES)), 0.5)
    low[0, FEATURES.index("proximity")], high[0, FEATURES.index("proximity")] = 0.1, 0.99
    assert trees.predict(high)[0] > trees.predict(low)[0]
    for name in RISING:
        worse = high.copy()
        worse[0, FEATURES.index(name)] = 0.0
        assert trees.predict(worse)[0] <= trees.predict(high)[0]


def test_no_example_is_an_error() -> None:
    with pytest.raises(InvalidSettings, match="0 questions"):
        trees_of([], fit)
