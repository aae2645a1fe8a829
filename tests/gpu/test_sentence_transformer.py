"""The real model on a GPU: agrees with the CPU, and running out of memory is translated and survived."""

import numpy as np
import pytest

from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder
from ingest.errors import EmbedderOutOfMemory

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]

TEXTS = [f"Chunk {i}: the release moves in one compare-and-swap. " * (1 + i % 12) for i in range(200)]


@pytest.fixture(scope="module")
def on_gpu():
    return SentenceTransformerEmbedder("default", {}).opened()


def test_the_gpu_is_chosen_without_being_asked(on_gpu):
    assert on_gpu.device == "cuda"


def test_vectors_agree_with_the_cpu_within_the_precision_of_bfloat16(on_gpu):
    on_cpu = SentenceTransformerEmbedder("default", {"device": "cpu", "dtype": "float32"}).opened()
    cosines = (on_gpu.embed(TEXTS) * on_cpu.embed(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.999


def test_the_fingerprint_is_that_of_the_cpu(on_gpu):
    assert on_gpu.record == SentenceTransformerEmbedder("default", {"device": "cpu"}).record


def test_a_batch_that_exceeds_the_memory_is_embedded_in_halves():
    embedder = SentenceTransformerEmbedder("default", {"token_budget": 2**20, "max_texts": 2**12}).opened()
    texts = TEXTS * 20
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 2**30) / total)
    try:
        vectors = embedder.embed(texts)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_memory_at_all_is_a_transient_error():
    embedder = SentenceTransformerEmbedder("default", {}).opened()
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        with pytest.raises(EmbedderOutOfMemory, match="do not fit into the memory of cuda"):
            embedder.embed(["a word " * 100])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
