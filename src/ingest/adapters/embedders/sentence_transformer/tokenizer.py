"""The tokenizer of a sentence-transformers model, without its weights and without PyTorch."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.adapters.embedders.sentence_transformer import word_spans
from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder
from ingest.adapters.embedders.sentence_transformer.onnx_model import Inputs
from ingest.errors import InvalidSettings, MalformedDocument
from ingest.ids import digest_of, sha256_hex

KIND = "sentence_transformer"  # part of fingerprints


class SentenceTransformerTokenizer:
    """The model's tokenizer, from its tokenizer.json."""

    def __init__(self, folder: ModelFolder) -> None:
        from tokenizers import Tokenizer, normalizers

        path = folder.transformer / "tokenizer.json"
        content = path.read_bytes()
        try:
            self._tokenizer = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises nothing more specific
            raise InvalidSettings(f"model {folder.name}: {path} cannot be read: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        lower = bool(folder.sentence_config.get("do_lower_case"))
        if lower:
            present = [self._tokenizer.normalizer] if self._tokenizer.normalizer else []
            self._tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *present])
        self.fingerprint = digest_of([KIND, sha256_hex(content), lower])
        self.special_tokens = int(self._tokenizer.num_special_tokens_to_add(is_pair=False))
        description = json.loads(content)
        special, of_words = word_spans.special_tokens(description), word_spans.is_made_of_words(description)
        self._words = word_spans.WordMemory(self._spans, special) if of_words else None

    def offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return self._words.offsets(texts) if self._words else self._spans(texts)

    def parts(self, before: str, after: str) -> bool:
        return self._words is not None and word_spans.is_border(before, after)

    def _spans(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return [
            np.fromiter(chain.from_iterable(found.offsets), np.int32, 2 * len(found)).reshape(-1, 2)
            for found in self._encoded(texts)
        ]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens."""
        return [len(spans) for spans in self.offsets(texts)]

    def inputs(self, text: str) -> Inputs:
        """Return a text as the model's inputs, (1, tokens) by name, with special tokens."""
        (found,) = self._encoded([text], special=True)
        named = {"input_ids": found.ids, "attention_mask": found.attention_mask, "token_type_ids": found.type_ids}
        return {name: np.array([values], np.int64) for name, values in named.items()}

    def _encoded(self, texts: Sequence[str], *, special: bool = False) -> Any:
        try:
            return self._tokenizer.encode_batch(list(texts), add_special_tokens=special)
        except (UnicodeEncodeError, TypeError) as error:
            raise MalformedDocument(f"a text is not valid Unicode: {error}") from error
