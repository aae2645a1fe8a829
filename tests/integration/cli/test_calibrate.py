"""`ingest calibrate`: judged questions in, a calibration in the lake out, and a release that says how sure it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ingest.quality.calibrate import LEAST, calibrate
from ingest.records import PairedDifference
from ingest.search.confidence import Calibration
from tests.integration.cli.conftest import Lab, opened_lab

SVG = "{http://www.w3.org/2000/svg}"
KNOWN = [f"{metal}{n}" for metal in ("copper", "cobalt") for n in range(12)]
UNKNOWN = [f"{fruit}{n}" for fruit in ("quince", "medlar") for n in range(12)]


def judged(lab: Lab, unknown: int = len(UNKNOWN)) -> None:
    """Write a judged set of which `unknown` questions have no answer."""
    lines = [
        {"query_id": t, "text": f"where is the {t} beam", "gold": [{"doc": f"{t}.md", "headings": [f"About {t}"]}]}
        for t in KNOWN
    ]
    lines += [
        {"query_id": t, "text": f"who ate the {t} tart", "answerable": False, "gold": []} for t in UNKNOWN[:unknown]
    ]
    (lab.folder / "judged.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A released index of as many documents as there are answerable questions. Tests leave the release as it is."""
    with opened_lab(tmp_path_factory.mktemp("calibrate")) as lab:
        for topic in KNOWN:
            lab.write(topic)
        judged(lab)
        assert lab("run").code == 0
        yield lab


def kept(lab: Lab) -> list[str]:
    return sorted(lab.store.list("models/learned/"))


def test_a_calibration_is_kept_named_and_promoted_and_then_answers_have_a_confidence(tmp_path: Path) -> None:
    with opened_lab(tmp_path) as lab:
        for topic in KNOWN:
            lab.write(topic)
        judged(lab)
        lab("run")
        before = lab("search", "copper3 beam", "--json").document
        assert "confidence" not in before
        found = lab("calibrate", "--json").document
        assert (found["answerable"], found["unanswerable"]) == (24, 24)
        assert lab("status", "--json").document["release"]["number"] == 1
        lab.settings(profile={"calibration": found["calibration"]})
        judged(lab)
        promoted = lab("promote", "--json")
        assert promoted.code == 0, promoted.out
        assert promoted.document["release"]["generation"] == before["generation"]
        known = lab("search", "where is the copper3 beam", "--json").document
        other = lab("search", "who ate the quince3 tart", "--json").document
        assert (known["release"], known["abstain"], other["abstain"]) == (2, False, True)
        assert 0 <= other["confidence"] < found["threshold"] <= known["confidence"] <= 1
        text = lab("search", "who ate the quince3 tart").out.splitlines()[-1]
        assert f"Confidence {other['confidence']:.2f}. Below the threshold: the index may not hold an answer." == text
        run = [json.loads(line) for line in lab("search", "--file", "judged.jsonl").out.splitlines()]
        assert [line["query_id"] in UNKNOWN for line in run] == [line["abstain"] for line in run]
        assert "confidence" not in lab("search", "copper3", "--stage", "bm25", "--json").document


def test_calibrating_again_is_the_same_calibration(many: Lab) -> None:
    first, second = (many("calibrate", "--json").document["calibration"] for _ in range(2))
    assert first == second
    assert first in kept(many)


def test_people_read_the_figures_and_what_to_do(many: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    answer = many("calibrate", "--cost", "3", "--plot", "trade-off.svg")
    lines = [line.strip() for line in answer.out.splitlines()]
    told = {"answerable: 24", "unanswerable: 24", "scored: 24 of 48 questions are scored: 24 have no answer"}
    assert told <= {*lines}
    figures = {line.partition(":")[0] for line in lines}
    assert {"threshold", "wrong answer"} <= figures
    shown = [line.split("  ")[0] for line in lines[lines.index("figures") : lines.index("trade off")]]
    assert ["auc", "refused", "precision", "wrong_refusals", "cost"] == shown[3:8]
    assert "On questions it has not seen, it refuses 50%: 0% of the answerable ones." == lines[-2]
    assert [line.split()[0] for line in lines if line.startswith(("dense", "bm25", "fused", "blend"))]
    assert lines[lines.index("trade off") + 3].endswith(f"{'█' * 20}{'▒' * 20}")
    assert lines[-1].startswith("To use it, write `profile: {calibration: ")
    assert lines[-1].endswith("}` into the settings, then run `ingest promote`.")
    drawn = ElementTree.parse(many.folder / "trade-off.svg").getroot()
    assert {"refused", "precision", "wrong_refusals", "cost"} <= {one.get("id") for one in drawn.iter(f"{SVG}g")}
    labels = [one.text for one in drawn.iter(f"{SVG}text")]
    assert ["refused", "precision", "wrong refusals"] == labels[-5:-2]
    assert ("cost, of ", "chosen: a wrong answer costs 3") == (labels[-2][:9], labels[-1])
    before = (many.folder / "trade-off.svg").read_bytes()
    many("calibrate", "--cost", "3", "--plot", "trade-off.svg")
    assert before == (many.folder / "trade-off.svg").read_bytes()


def test_a_plot_needs_its_folder_before_anything_is_asked(many: Lab) -> None:
    assert 2 == many("calibrate", "--plot", "nowhere/trade-off.svg").code


def test_a_calibration_that_a_top_score_beats_is_refused_and_nothing_is_written(
    many: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten(*given: Any, **more: Any) -> Calibration:
        worse = PairedDifference(metric="dense", questions=48, mean=0.1, lower=0.05, upper=0.3, detectable=0.3)
        return calibrate(*given, **more).model_copy(update={"against_top_scores": (worse,)})

    before = kept(many)
    monkeypatch.setattr("ingest.quality.calibrate.calibrate", beaten)
    answer = many("calibrate", "--cost", "1.5")
    assert (3, before) == (answer.code, kept(many))
    assert "A threshold on a top score alone costs less (dense). Nothing was written." == answer.out.splitlines()[-1]


@pytest.mark.parametrize("cost", ["nan", "0", "-1", "inf"])
def test_a_cost_that_is_none_is_refused(many: Lab, cost: str) -> None:
    assert many("calibrate", "--cost", cost).code == 2


def test_too_few_unanswerable_questions_are_refused_with_both_numbers(many: Lab) -> None:
    before = kept(many)
    judged(many, LEAST - 1)
    answer = many("calibrate", "--json")
    judged(many)
    error = answer.document["error"]
    assert (answer.code != 0, error["class"]) == (True, "InvalidSettings")
    assert f"found 24 and {LEAST - 1}" in error["message"]
    assert before == kept(many)


def test_a_profile_that_names_no_calibration_of_the_lake_is_not_promoted(many: Lab) -> None:
    many.settings(profile={"calibration": "0" * 64})
    judged(many)
    answer = many("promote", "--json")
    many.settings()
    judged(many)
    assert (answer.code != 0, "models/learned/000" in answer.document["error"]["message"]) == (True, True)
    assert many("status", "--json").document["release"]["number"] == 1


def test_a_lost_or_old_calibration_blocks_neither_calibrating_nor_promoting(tmp_path: Path) -> None:
    with opened_lab(tmp_path) as lab:
        for topic in KNOWN:
            lab.write(topic)
        judged(lab)
        lab("run")
        name = lab("calibrate", "--json").document["calibration"]
        lab.settings(profile={"calibration": name})
        judged(lab)
        assert lab("promote").code == 0
        for settings_name_it, weight in ((True, 0.4), (False, 0.45)):
            lab.store.delete(f"models/learned/{name}")
            assert lab("search", "copper3", "--json").document["error"]["class"] == "SchemaMismatch"
            lab.settings(profile={"calibration": name if settings_name_it else "", "dense_weight": weight})
            judged(lab)
            again = lab("calibrate", "--json")
            assert again.code == 0, again.err
            name = again.document["calibration"]
            lab.settings(profile={"calibration": name, "dense_weight": weight})
            judged(lab)
            assert lab("promote").code == 0
            assert "confidence" in lab("search", "copper3", "--json").document


def test_stale_questions_are_left_out_and_an_empty_answer_abstains(tmp_path: Path) -> None:
    with opened_lab(tmp_path) as lab:
        for topic in KNOWN:
            lab.write(topic)
        judged(lab)
        (tmp_path / "documents" / "copper0.md").unlink()
        assert lab("run").code == 0
        answer = lab("calibrate", "--json")
        found = answer.document
        assert (found["answerable"], found["unanswerable"]) == (23, 24)
        assert "23 of 48 questions are scored: 24 have no answer; 1 are stale" == found["scored"]
        lab.settings(profile={"calibration": found["calibration"]})
        judged(lab)
        assert lab("promote").code == 0
        nothing = lab("search", "copper3", "--acl", "nobody", "--json").document
        assert (nothing["results"], nothing["confidence"], nothing["abstain"]) == ([], 0.0, True)
