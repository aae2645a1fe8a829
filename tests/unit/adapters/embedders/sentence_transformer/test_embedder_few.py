"""A night's few texts are embedded by the exported model that questions have, without loading PyTorch."""

from typing import Any

import numpy as np
import pytest

from ingest.adapters.embedders.sentence_transformer import embedder as embedders
from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
from ingest.adapters.embedders.sentence_transformer.model_folder import DEFAULT


class Exported:
    """Stands for the model in ONNX Runtime."""

    def __init__(self) -> None:
        self.asked = list[int]()

    def vector(self, inputs: Any) -> np.ndarray:
        self.asked.append(inputs["input_ids"].size)
        return np.full((1, 384), inputs["input_ids"].size, np.float32)


class NotLoaded:
    """Stands for the model in PyTorch."""

    def prepared(self, texts: list[str], _: str) -> list[str]:
        return texts


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> SentenceTransformerEmbedder:
    """One whose model is not loaded: the vectors of PyTorch are zeros."""
    made = SentenceTransformerEmbedder(DEFAULT, {"device": "cpu", "dtype": "bfloat16", "questions": "torch"})
    vars(made)["_model"] = None
    made.opened()
    del vars(made)["_model"]
    made._onnx = Exported()
    monkeypatch.setattr(SentenceTransformerEmbedder, "_model", NotLoaded())
    monkeypatch.setattr(made, "_forward", lambda texts, prompt: np.zeros((len(texts), 384), np.float32))
    return made


def test_few_texts_are_embedded_one_by_one(embedder: SentenceTransformerEmbedder) -> None:
    vectors = embedder.embed(["one", "one more text", "one"])
    assert [3, 5, 3] == embedder._onnx.asked
    assert [1.0] * 3 == np.linalg.norm(vectors, axis=1).round(6).tolist()
    assert ("onnxruntime cpu float32", 3) == (embedder.backend, embedder.forward_passes)


def test_what_exceeds_the_tokens_of_few_texts_in_all_is_embedded_in_pytorch(
    embedder: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedders, "FEW_TOKENS", 8)
    embedder.embed(["one more text"])
    vectors = embedder.embed(["two", "three"])
    assert ([5], "torch cpu bfloat16", 0.0) == (embedder._onnx.asked, embedder.backend, float(vectors.sum()))


def test_a_model_that_is_loaded_embeds_few_texts_too(embedder: SentenceTransformerEmbedder) -> None:
    vars(embedder)["_model"] = NotLoaded()
    embedder.embed(["one"])
    assert [] == embedder._onnx.asked


def test_texts_with_another_prompt_than_questions_are_embedded_in_pytorch(
    embedder: SentenceTransformerEmbedder,
) -> None:
    embedder._text_prompt = "passage: "
    embedder.embed(["one"])
    assert [] == embedder._onnx.asked
