"""Tuning fusion: equal to searching under each weight, chosen on other questions, and refused in words."""

import json
from pathlib import Path

import pytest

from ingest.errors import InvalidSettings, UnknownRelease
from ingest.quality.evaluate import judged_questions, score
from ingest.quality.tuning import CHOSEN_BY, FOLDS, WEIGHTS, Tuning, tune
from ingest.records import QueryProfile
from ingest.search import Searcher
from tests.pipelines import CountingSource, Project, judged_project

PROFILE = QueryProfile(dense_weight=1.0, depth=8)
WORDS = ("zebra", "quokka", "tapir", "okapi", "gnu", "ibex")


def zoo(folder: Path, questions: int = 30, profile: QueryProfile = PROFILE) -> Project:
    """Documents that a rare word tells apart, which keywords see and the fake model hardly does."""
    source, judged = CountingSource("a", folder / "docs"), []
    for n in range(questions):
        rare, other = f"{WORDS[n % 6]}{WORDS[n // 6]}", WORDS[(n + 1) % 6]
        source.write(f"d{n}.md", f"# Page {n}\n\n{' '.join([WORDS[n % 6]] * 8)} {rare} {rare}\n")
        judged.append((f"{other} {rare}", f"d{n}.md", f"Page {n}"))
    return judged_project(source, judged, profile, documents_per_shard=100)


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return zoo(tmp_path_factory.mktemp("tuning"))


@pytest.fixture(scope="module")
def tuned(p: Project) -> Tuning:
    return tune(p.retrieval(), p.options)


@pytest.mark.parametrize("weight", WEIGHTS[::4])
def test_a_weight_is_worth_what_a_search_under_it_is(p: Project, tuned: Tuning, weight: float) -> None:
    profile = PROFILE.model_copy(update={"dense_weight": weight, "depth": 50})
    rows = score(Searcher(p.retrieval(), p.manifest(), profile), judged_questions(p.options.judged))
    for metric, mean in tuned.by_weight[weight].items():
        assert mean == pytest.approx(sum(row[f"fused.{metric}"] for row in rows.values()) / len(rows), abs=1e-9)


def test_the_best_weight_is_chosen_and_judged_by_questions_that_did_not_choose(tuned: Tuning) -> None:
    means = {weight: scores[CHOSEN_BY] for weight, scores in tuned.by_weight.items()}
    assert means[tuned.weight] == max(means.values()) > means[1.0]
    assert (tuned.questions, tuned.stale, tuned.folds, len(tuned.by_fold)) == (30, (), FOLDS, FOLDS)
    assert tuned.unseen[CHOSEN_BY] <= means[tuned.weight]
    assert tuned.now == tuned.by_weight[1.0]
    assert tuned.against_now[0].mean == pytest.approx(tuned.unseen[CHOSEN_BY] - tuned.now[CHOSEN_BY])
    assert tuned.helps


def test_the_same_judgments_choose_the_same(p: Project, tuned: Tuning) -> None:
    assert tune(p.retrieval(), p.options) == tuned


def test_another_fusion_of_the_settings_is_what_choosing_is_compared_with(tmp_path: Path) -> None:
    other = zoo(tmp_path, profile=QueryProfile(fusion="rrf"))
    rows = score(
        Searcher(other.retrieval(), other.manifest(), other.options.profile),
        judged_questions(other.options.judged),
    )
    now = tune(other.retrieval(), other.options).now
    for metric, mean in now.items():
        assert mean == pytest.approx(sum(row[f"fused.{metric}"] for row in rows.values()) / len(rows), abs=1e-9)


def test_no_weight_is_compared_with_a_longer_ranking_than_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = zoo(tmp_path, profile=PROFILE.model_copy(update={"depth": 30}))
    monkeypatch.setattr("ingest.quality.tuning.DEPTH", 5)
    tuned = tune(deep.retrieval(), deep.options)
    assert tuned.now == tuned.by_weight[1.0]


def test_equal_questions_count_once(tmp_path: Path) -> None:
    one = zoo(tmp_path)
    text = json.loads(one.options.judged[0].read_text().splitlines()[0])["text"]
    rows = [json.loads(line) | {"text": text} for line in one.options.judged[0].read_text().splitlines()]
    one.options.judged[0].write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(InvalidSettings, match=r"30 of 30 judged .* 1 of them with different texts; at least 20"):
        tune(one.retrieval(), one.options)


def test_too_few_questions_are_told_with_both_numbers(tmp_path: Path) -> None:
    small = zoo(tmp_path, questions=8)
    with pytest.raises(InvalidSettings, match=r"8 of 8 judged questions .* at least 20 are needed"):
        tune(small.retrieval(), small.options)


def test_without_a_release_nothing_is_tuned(tmp_path: Path) -> None:
    empty = Project((CountingSource("a", tmp_path / "a"),))
    with pytest.raises(UnknownRelease, match="nothing serves yet"):
        tune(empty.retrieval(), empty.options)
