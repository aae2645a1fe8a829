"""`ingest train-reranker`: figures, a name for the settings, and a refusal that writes nothing."""

import json
import random

import pytest

from ingest.records import QueryProfile
from tests.integration.cli.conftest import Lab


@pytest.fixture
def taught(lab: Lab) -> Lab:
    """Sixty questions, each with a document that has its words together and one that has them scattered."""
    rng, rows = random.Random(0), []
    for n in range(60):
        asked = rng.sample([f"word{i}" for i in range(40)], 3)
        lab.write(f"right{n}", f"{' '.join(asked)} {' '.join(['filler'] * 9)}\n")
        lab.write(f"wrong{n}", f"{' filler '.join(asked * 2)}\n")
        gold = [{"doc": f"right{n}.md", "headings": [f"About right{n}"]}]
        rows.append({"query_id": f"q{n}", "text": " ".join(asked), "gold": gold})
    lab.settings(gate={"floors": {}, "min_questions": 1})
    (lab.folder / "judged.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert lab("run").code == 0
    return lab


def kept(lab: Lab) -> list[str]:
    return list(lab.store.list("models/learned/"))


def test_the_name_of_what_is_kept_is_for_the_settings(taught: Lab) -> None:
    answer = taught("train-reranker", "--force", "--json")
    assert answer.code == 0, answer.err
    told = answer.document
    assert kept(taught) == [told["reranker_model"]]
    assert (told["questions"], told["taught"], told["kept"]) == (60, 60, True)
    assert set(told["scores"]) == {"fused", "blend", "trained"}
    assert [d["metric"] for d in told["against_blend"]] == ["ndcg@10", "answered@1000"]
    shown = taught("train-reranker", "--force")
    assert f'reranker_model: "{told["reranker_model"]}"' in shown.out
    assert kept(taught) == [told["reranker_model"]]


def test_trees_that_do_not_help_are_refused_and_nothing_is_written(
    taught: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.quality.training.Training.helps", False)
    answer = taught("train-reranker")
    assert (answer.code, kept(taught)) == (3, [])
    assert "The trees do not help: the lower bound of ndcg@10 against the blend is" in answer.out
    assert "Nothing was written." in answer.out
    document = taught("train-reranker", "--json").document
    assert (document["kept"], document["reranker_model"]) == (False, None)


def test_too_few_questions_are_a_fatal_error_with_both_numbers(lab: Lab) -> None:
    lab("run")
    answer = lab("train-reranker", "--json")
    assert answer.code == 4
    assert "at least 50 with different texts are needed" in answer.document["error"]["message"]


def test_old_trees_do_not_keep_new_ones_from_being_trained(taught: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.lake.lake.Lake.profile", lambda lake, name: QueryProfile(calibration="0" * 64))
    assert taught("train-reranker", "--force").code == 0
