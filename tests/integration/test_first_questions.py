"""The guide to judged questions: its documents, questions and settings make an index that is measured and promoted."""

import re
from pathlib import Path

import yaml

import ingest

PAGE = Path(__file__).parents[2] / "docs" / "judged-questions.md"
BLOCK = re.compile(r"^```(?:markdown|jsonl) (?P<name>\S+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
SETTINGS = re.compile(r"^```yaml\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_ten_questions_of_the_guide_find_their_places_and_the_index_is_promoted(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "documents").mkdir()
    for block in BLOCK.finditer(page):
        folder = tmp_path if block["name"].endswith(".jsonl") else tmp_path / "documents"
        (folder / block["name"]).write_text(block["text"], encoding="utf-8")
    (settings,) = SETTINGS.findall(page)
    values = yaml.safe_load(settings)
    values["indexes"]["handbook"]["model"] = {"kind": "hashing", "name": "hashing"}  # starts faster
    (tmp_path / "ingest.yaml").write_text(yaml.safe_dump(values))
    with ingest.open(tmp_path / "ingest.yaml") as index:
        report = index.run()
        verdict = index.evaluate()
    assert ("promoted", True, ()) == (report.decision, verdict.positive, verdict.reasons)
    assert 7 == max(found.questions for found in verdict.slices)
    assert not [warning for warning in verdict.warnings if "stale" in warning]
