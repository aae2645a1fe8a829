"""The Python of README and guides runs as it stands there, their settings load, and the library is told as it is."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

import ingest
from ingest.errors import InvalidSettings
from ingest.index import Index
from ingest.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python(?P<label>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
YAML = re.compile(r"^```yaml\n(?P<settings>.*?)^```$", re.DOTALL | re.MULTILINE)
ELSEWHERE = re.compile(r" (gemtext|(langchain|llamaindex|haystack|plain) (dense|hybrid))")
"""Blocks that a test of their page runs: of the parsers, and of `make interop`."""


def examples(page: Path) -> list[str]:
    """Return the blocks of a page that are run here."""
    return [block["code"] for block in BLOCK.finditer(page.read_text(encoding="utf-8")) if not block["label"]]


def with_releases(folder: Path) -> None:
    """Write settings and documents into a folder, and release them in two editions."""
    (folder / "documents").mkdir()
    index = {
        "sources": [{"name": "docs", "uri": "./documents"}],
        "model": {"kind": "hashing", "name": "hashing"},
        "gate": {"allow_unjudged": True, "floors": {}},
    }
    (folder / "ingest.yaml").write_text(yaml.safe_dump({"lake": "./lake", "indexes": {"docs": index}}))
    for edition in ("first", "second"):
        page = folder / "documents" / "release.md"
        page.write_text(f"# Release\n\nHow to roll back a release: the {edition} edition.\n")
        with ingest.open(folder / "ingest.yaml") as opened:
            assert "promoted" == opened.run().decision


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch, capsys):
    with_releases(tmp_path)
    monkeypatch.chdir(tmp_path)
    for example in examples(page):
        exec(compile(example, str(page), "exec"), {"__name__": "__main__"})
    assert "file://" in capsys.readouterr().out


def test_every_python_block_is_run_somewhere():
    labels = {block["label"] for page in PAGES for block in BLOCK.finditer(page.read_text(encoding="utf-8"))}
    assert [label for label in sorted(labels) if label and not ELSEWHERE.fullmatch(label)] == []
    assert "" in labels


def merged(whole: object, part: object) -> object:
    """Return a mapping with a part of one laid over it, level by level."""
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return part
    return whole | {key: merged(whole.get(key), value) for key, value in part.items()}


def faults(page: str, path: Path) -> list[str]:
    """Return why settings of a page do not load; what they leave out is filled, as a reader would."""
    found = []
    for block in YAML.finditer(page):
        given = yaml.safe_load(block["settings"])
        index = {"sources": [{"name": "docs", "uri": "./documents"}]}
        least = {"lake": "./lake", "indexes": dict.fromkeys(given.get("indexes", ["docs"]), index)}
        path.write_text(yaml.safe_dump(merged(least, given)))
        try:
            load_settings(path)
        except InvalidSettings as error:
            found.append(str(error))
    return found


def test_the_settings_of_every_page_load(tmp_path):
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert [fault for text in texts for fault in faults(text, tmp_path / "ingest.yaml")] == []
    assert sum(len(YAML.findall(text)) for text in texts) >= 4


def test_a_key_that_no_settings_have_is_noticed(tmp_path):
    (fault,) = faults("```yaml\nindexes:\n  docs:\n    sparce: true\n```\n", tmp_path / "ingest.yaml")
    assert "indexes.docs.sparce" in fault


@pytest.mark.parametrize(
    "name", ["search", "context", "plan", "run", "evaluate", "promote", "rollback", "status", "generations"]
)
def test_the_guide_tells_each_method_with_its_parameters(name):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (told,) = re.findall(rf"`{name}\(([^`]*)\)`", page)
    parameters = list(inspect.signature(getattr(Index, name)).parameters)[1:]
    assert parameters == re.findall(r"(?:^|, )\**(\w+)(?==|,|$)", told.replace("*, ", ""))
