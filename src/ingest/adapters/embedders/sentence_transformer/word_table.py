"""A model's own input vectors of word pieces as a small table, for comparing words without a forward pass."""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.ids import digest_of
from ingest.ports import WordTable

DIMENSIONS = 128  # kept of each vector
FORMAT = 1
NAMES = ("word_embeddings.weight", "embed_tokens.weight", "wte.weight", "tok_embeddings.weight")
MOST_WORDS = 2**17  # cached with their pieces; the least recently used go first
LONGEST_WORD = 64  # code points of a cached word
BLOCK = 2**14  # rows computed at once

log = logging.getLogger(__name__)


def open_word_table(folder: Path, fingerprint: str, cache: Path | None = None) -> WordTable | None:
    """Return the table of the transformer in a folder, kept in `cache`; None if no file there has word vectors."""
    path = cache / f"{digest_of([fingerprint, FORMAT, DIMENSIONS])[:32]}.npy" if cache else None
    vectors = _read(path) if path else None
    if vectors is None:
        if (whole := _word_vectors(folder)) is None:
            return None
        vectors = _reduced(whole)
        if path:
            _write(path, vectors)
    return WordTable(vectors, _pieces(folder / "tokenizer.json", len(vectors)))


def _pieces(tokenizer: Path, rows: int) -> Callable[[Sequence[str]], list[tuple[int, ...]]]:
    """Return the function that gives the rows of each word's pieces; a word is tokenised once. Thread-safe."""
    from tokenizers import Tokenizer

    tokens = Tokenizer.from_file(str(tokenizer))
    tokens.no_truncation()
    tokens.no_padding()

    def rows_of(word: str) -> tuple[int, ...]:
        valid = word.encode("utf-8", "replace").decode()  # without lone surrogates
        return tuple(row for row in tokens.encode(valid, add_special_tokens=False).ids if row < rows)

    cached = lru_cache(MOST_WORDS)(rows_of)
    return lambda words: [cached(word) if len(word) <= LONGEST_WORD else rows_of(word) for word in words]


def _word_vectors(folder: Path) -> Any:
    """Return the tensor of word vectors, None without one. Warns of a file that is not valid safetensors."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as tensors:  # numpy has no bfloat16
                for name in sorted(tensors.keys()):
                    if name.endswith(NAMES) and len(tensors.get_slice(name).get_shape()) == 2:
                        return tensors.get_tensor(name)
        except SafetensorError as error:
            log.warning("%s has no readable word vectors, words are not compared: %s", path, error)
    return None


def _reduced(whole: Any) -> NDArray[np.float16]:
    """Return the rows centred, projected onto their first DIMENSIONS principal components, L2-normalised."""
    mean = whole.double().mean(dim=0).numpy()

    def centred() -> Iterator[NDArray[np.float64]]:
        return (block.float().numpy() - mean for block in whole.split(BLOCK))

    _, directions = np.linalg.eigh(sum((b.T @ b for b in centred()), np.zeros((len(mean), len(mean)))))  # ascending
    turned = np.concatenate([block @ directions[:, ::-1][:, :DIMENSIONS] for block in centred()])
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.asarray(turned, np.float16)


def _read(path: Path) -> NDArray[np.float16] | None:
    """Return the table in a file, or None if there is none or it is damaged."""
    try:
        vectors: Any = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return vectors if vectors.dtype == np.float16 and vectors.ndim == 2 else None


def _write(path: Path, vectors: NDArray[np.float16]) -> None:
    """Write a table; it appears whole or not at all. If the folder cannot be written to, nothing is kept."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".table-", delete=False) as file:
            np.save(file, vectors)
        Path(file.name).replace(path)
