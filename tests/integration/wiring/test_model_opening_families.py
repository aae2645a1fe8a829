"""Prompts of a model's family: a new index has them, one that was built without stays as it is."""

import json
import logging
from pathlib import Path

import pytest

from ingest.adapters.embedders.sentence_transformer import embedder
from ingest.adapters.embedders.sentence_transformer.families import family_prompts
from ingest.ports import Embedder
from ingest.settings import ModelSettings
from ingest.wiring import model_opening as models
from tests.default_model import copy_without_weights
from tests.integration.wiring.test_service_opening import WeightsByHash, gone, pytestmark, released, services
from tests.pipelines import project

__all__ = ["pytestmark"]
PROMPTS = {"question_prompt": "query: ", "text_prompt": "passage: "}


class Hearing(WeightsByHash):
    """A model that puts prompts in front, as sentence-transformers does."""

    def preprocess(self, texts, prompt=None):
        return {"texts": [f"{prompt or ''}{text}" for text in texts]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of the family E5, by its name."""
    monkeypatch.setattr(embedder.runtimes, "load_model", lambda path, device, dtype: Hearing(path))
    monkeypatch.setattr(models, "_embedders", {})
    return copy_without_weights(tmp_path / "e5-small-v2")


def without_families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "family_prompts", lambda name: {})


def described(folder: Path, lake: object, **options: str) -> Embedder:
    return models.find_model(ModelSettings(name=str(folder), options=options), lake, lambda record: None)[0]


def test_a_new_index_has_the_prompts_of_its_models_family_on_record(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    built = released(p, folder)
    assert PROMPTS == p.manifest().model.options
    opened = built.retrieval.open_embedder(p.manifest().model)
    asked, told = opened.embed_questions(["words"]), opened.embed(["words"])
    plain = models.embedders.find("sentence_transformer").EMBEDDER(str(folder), {"device": "cpu"}).opened()
    assert asked.tolist() == plain.embed_questions(["query: words"]).tolist()
    assert told.tolist() == plain.embed(["passage: words"]).tolist()


def test_what_was_built_with_them_is_found_again_also_when_its_folder_is_gone(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    before = released(p, folder).bench.model
    assert before == services(p, folder).bench.model
    gone(folder)
    assert before == services(p, folder).bench.model


def test_an_index_that_was_built_without_stays_as_it_is_and_says_which_setting_would_change_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    p = project(tmp_path, 2)
    with monkeypatch.context() as earlier:
        without_families(earlier)
        before = released(p, folder)
        asked = before.retrieval.open_embedder(p.manifest().model).embed_questions(["words"])
        models._embedders.clear()
    with caplog.at_level(logging.WARNING):
        later = services(p, folder)
    assert before.bench.model == later.bench.model
    assert asked.tolist() == later.retrieval.open_embedder(p.manifest().model).embed_questions(["words"]).tolist()
    assert "model.options {'question_prompt': 'query: ', 'text_prompt': 'passage: '}" in caplog.text


@pytest.mark.parametrize("given", [{"question_prompt": "q: ", "text_prompt": "t: "}, dict.fromkeys(PROMPTS, "")])
def test_what_the_settings_say_wins(tmp_path: Path, folder: Path, given: dict[str, str]) -> None:
    assert given == described(folder, project(tmp_path, 1).lake, **given).record.options


def test_one_that_the_settings_leave_open_is_filled_in(tmp_path: Path, folder: Path) -> None:
    found = described(folder, project(tmp_path, 1).lake, question_prompt="q: ")
    assert PROMPTS | {"question_prompt": "q: "} == found.record.options


@pytest.mark.parametrize(("own", "options"), [({"query": "ask: "}, {}), ({"query": "", "document": ""}, PROMPTS)])
def test_what_the_models_files_name_wins_unless_it_is_empty(
    tmp_path: Path, folder: Path, own: dict[str, str], options: dict[str, str]
) -> None:
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": own}))
    assert options == described(folder, project(tmp_path, 1).lake).record.options


def test_a_model_of_no_such_family_reads_nothing_of_the_lake(folder: Path) -> None:
    other = folder.rename(folder.with_name("minilm"))
    assert {} == family_prompts(str(other)) == described(other, None).record.options


@pytest.mark.parametrize(
    ("name", "options", "warned"),
    [
        ("qwen3-embedding", {}, True),
        ("qwen3-embedding", {"question_prompt": ""}, False),
        ("qwen3-embedding", {"question_prompt": "Instruct: find the page\nQuery: "}, False),
        ("minilm", {}, False),
    ],
)
def test_a_model_that_wants_an_instruction_warns_with_the_setting_until_one_is_chosen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, options: dict[str, str], warned: bool
) -> None:
    folder = copy_without_weights(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        assert described(folder, project(tmp_path, 1).lake, **options).record.options == options
    assert warned == ("model.options.question_prompt" in caplog.text)
