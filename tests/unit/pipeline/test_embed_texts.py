"""One text that a model cannot embed costs itself."""

import numpy as np
import pytest

from ingest.errors import (
    AccessDenied,
    DimensionMismatch,
    EmbedderOutOfMemory,
    FatalError,
    InvalidSettings,
    SchemaMismatch,
    UnembeddableDocument,
)
from ingest.pipeline.embed import embed_texts
from ingest.records import Vectors
from ingest_conformance import hashing_embedder as hashing
from tests.unlucky_embedder import UnluckyEmbedder

TEXTS = [f"word{n} of text {n}" for n in range(40)]
BY_KEY = {str(n): text for n, text in enumerate(TEXTS)}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, 3.0])
def test_a_vector_that_is_not_of_length_one_is_refused_and_the_others_are_kept(value: float) -> None:
    embedder = UnluckyEmbedder({TEXTS[7]: value, TEXTS[30]: value})
    vectors, refused = embed_texts(embedder, BY_KEY)
    assert {"7", "30"} == refused.keys()
    assert vectors.keys() == BY_KEY.keys() - refused.keys()
    expected = hashing.HashingEmbedder("hashing", {}).embed(TEXTS)
    np.testing.assert_array_equal([*vectors.values()], np.delete(expected, [7, 30], axis=0))


@pytest.mark.parametrize("kind", [FatalError, SchemaMismatch, InvalidSettings, UnembeddableDocument])
def test_a_text_for_which_the_embedder_raises_is_found_in_halves(kind: type[Exception]) -> None:
    embedder = UnluckyEmbedder({TEXTS[7]: kind("over the limit")})
    vectors, refused = embed_texts(embedder, BY_KEY)
    assert {key: str(error) for key, error in refused.items()} == {"7": "over the limit"}
    assert vectors.keys() == BY_KEY.keys() - {"7"}
    assert np.isclose(np.linalg.norm([*vectors.values()], axis=1), 1).all()
    assert embedder.calls <= 2 * 6 + 2


def test_a_vector_that_is_wrong_only_beside_others_is_kept() -> None:
    embedder = UnluckyEmbedder({TEXTS[7]: float("nan")}, only_together=True)
    vectors, refused = embed_texts(embedder, BY_KEY)
    assert (refused, len(vectors), embedder.calls) == ({}, len(TEXTS), 2)
    assert np.isfinite([*vectors.values()]).all()


@pytest.mark.parametrize("fault", [float("nan"), FatalError("no memory of weights")])
def test_a_model_that_embeds_nothing_is_at_fault_itself_and_asked_a_few_times_only(fault: float | Exception) -> None:
    embedder = UnluckyEmbedder({"": fault})
    with pytest.raises(FatalError, match="no vector for a plain text either"):
        embed_texts(embedder, BY_KEY)
    assert embedder.calls < 10


def test_texts_that_are_all_at_fault_are_all_refused() -> None:
    vectors, refused = embed_texts(UnluckyEmbedder({"word": float("nan")}), BY_KEY)
    assert (len(refused), vectors) == (len(TEXTS), {})


@pytest.mark.parametrize("error", [AccessDenied("401"), DimensionMismatch("7"), EmbedderOutOfMemory("full")])
def test_what_is_no_fault_of_a_text_is_raised_at_once(error: Exception) -> None:
    embedder = UnluckyEmbedder({TEXTS[7]: error})
    with pytest.raises(type(error)):
        embed_texts(embedder, BY_KEY)
    assert embedder.calls == 1


def test_another_dimension_is_the_model_s_fault() -> None:
    class Short(UnluckyEmbedder):
        def embed(self, texts: list[str]) -> Vectors:  # type: ignore[override]
            return super().embed(texts)[:, 1:]

    with pytest.raises(DimensionMismatch, match=r"shape \(40, 63\) for 40 texts in 64 dimensions"):
        embed_texts(Short({}), BY_KEY)


def test_no_texts_have_no_vectors() -> None:
    assert embed_texts(UnluckyEmbedder({}), {}) == ({}, {})
