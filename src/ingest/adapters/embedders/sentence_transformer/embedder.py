"""Embeds texts in PyTorch: on a GPU if there is one, in bfloat16 if the processor supports it.

On a CPU, questions are embedded in ONNX Runtime, in float32 and one at a time, so that a question has the same vector
alone and among others. So are a night's few new texts: PyTorch is loaded for more than FEW_TOKENS, as that takes longer
than to embed these. Neither device nor number format is part of the fingerprint.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ingest import errors
from ingest.adapters.embedders.sentence_transformer import runtimes
from ingest.adapters.embedders.sentence_transformer.families import family_prompts, takes_instruction
from ingest.adapters.embedders.sentence_transformer.model_folder import canonical, locate, open_word_table
from ingest.adapters.embedders.sentence_transformer.packed_encoder import PackedEncoder
from ingest.adapters.embedders.sentence_transformer.runtimes import (
    Inputs,
    OnnxModel,
    PaddedModel,
    export,
    open_exported,
)
from ingest.adapters.embedders.sentence_transformer.tokenizer import KIND, SentenceTransformerTokenizer
from ingest.extras import require
from ingest.ids import digest_of
from ingest.ports import Embedder, WordTable, truncated
from ingest.records import ModelRecord, Options, Vectors

QUESTION_PROMPTS = ("query", "question")  # names under which models store their prompts
TEXT_PROMPTS = ("document", "passage", "corpus")
BUDGETS = {"cpu": (4096, 64), "cuda": (65536, 1024)}  # padded tokens and texts per batch
FEW_TOKENS = 2**14  # of texts; a process that embeds more of them in all loads PyTorch
NORM_TOLERANCE = 1e-5

Batch = NDArray[np.int64]  # positions in the input, (texts,)

log = logging.getLogger(__name__)


class SentenceTransformerOptions(Options):
    """Options of such a model in the settings."""

    question_prompt: str | None = None  # None: the model's own
    text_prompt: str | None = None
    max_seq_length: int | None = Field(default=None, gt=2)  # tokens, including special ones
    device: str = ""  # "": a GPU if there is one, else the CPU
    dtype: Literal["", "float32", "bfloat16"] = ""  # "": bfloat16 if the processor supports it
    token_budget: int = Field(default=0, ge=0)  # padded tokens per forward pass; 0: by device
    max_texts: int = Field(default=0, ge=0)  # texts per forward pass; 0: by device
    questions: Literal["", "onnx", "torch"] = ""  # "": ONNX Runtime on a CPU, if installed; "onnx": require it
    question_cache: Path | None = None  # folder of the exported model; by default in the state folder


class SentenceTransformerEmbedder(Embedder):
    """A sentence-transformers model. Calls from several threads wait for each other."""

    RESULT_OPTIONS: ClassVar = {"question_prompt", "text_prompt", "max_seq_length"}
    canonical = staticmethod(canonical)

    def __init__(self, name: str, given: dict[str, Any], folder: Path | None = None) -> None:
        """Read a model's files, but not its weights: `opened` does. Raises: InvalidSettings."""
        self.folder = locate(name, folder)
        try:
            self._options = options = SentenceTransformerOptions.model_validate(given)
        except ValidationError as error:
            raise errors.InvalidSettings(f"model {name}: {errors.first_fault(error)}") from error
        if options.questions == "onnx":
            require(f"model {name}: questions: onnx", "ingest[onnx]", "onnx", "onnxruntime")
        self._length = options.max_seq_length or self.folder.length
        if self._length > self.folder.positions:
            told = f"max_seq_length {self._length} is over its {self.folder.positions} positions"
            raise errors.InvalidSettings(f"model {self.folder.name}: {told}")
        self.tokenizer = SentenceTransformerTokenizer(self.folder)
        own = [*map(self.folder.prompt, (QUESTION_PROMPTS, TEXT_PROMPTS))]
        said = options.question_prompt, options.text_prompt
        prompts = [model if told is None else told for model, told in zip(own, said, strict=True)]
        self._question_prompt, self._text_prompt = prompts
        self.record = ModelRecord(
            kind=KIND,
            name=self.folder.name,
            fingerprint=digest_of([KIND, 1, self.folder.digest(), *prompts, "l2", self._length]),
            dimension=self.folder.dimension,
            max_tokens=self._room(self._text_prompt),
            options=options.model_dump(include=self.RESULT_OPTIONS, exclude_none=True),  # to open it on another machine
            languages=self.folder.languages,
        )
        usual = {} if any(own) else family_prompts(self.folder.name)
        self.usual = {name: prompt for name, prompt in usual.items() if getattr(options, name) is None}
        if not own[0] and options.question_prompt is None and takes_instruction(self.folder.name):
            log.warning(
                "model %s wants an instruction before questions: model.options.question_prompt", self.folder.name
            )
        self.forward_passes = self._tokens = 0  # the latter of texts
        self._too_large = sys.maxsize  # padded tokens of the smallest batch that ran out of memory
        self._lock = threading.Lock()
        self._onnx: OnnxModel | None = None

    def opened(self) -> Self:
        """Choose device and number format, and load the weights unless only questions come: these have ONNX Runtime."""
        options = self._options
        self.device = options.device or runtimes.best_device()
        self.dtype = options.dtype or runtimes.best_dtype(self.device)
        self.backend = f"torch {self.device} {self.dtype}"
        budget, most = BUDGETS["cpu" if self.device == "cpu" else "cuda"]
        self._budget, self._most = options.token_budget or budget, options.max_texts or most
        fast = self.device == "cpu" and options.questions != "torch" and find_spec("onnxruntime") is not None
        self._cache = options.question_cache if fast else None
        if self._cache is not None:
            self._onnx = open_exported(self._cache, self.record.fingerprint, self._question_inputs)
        if self._onnx is None:
            self._model  # noqa: B018  fail now if it cannot be opened
        return self

    def files(self) -> dict[str, Path]:
        return self.folder.files()

    def _room(self, prompt: str) -> int:
        """Return the tokens left for a text besides the prompt and special tokens."""
        return self._length - self.tokenizer.special_tokens - (self.tokenizer.count([prompt])[0] if prompt else 0)

    @cached_property
    def word_table(self) -> WordTable | None:
        return open_word_table(self.folder.transformer, self.record.fingerprint, self._options.question_cache)

    def _library(self, device: str, dtype: str) -> Any:
        """The model in sentence-transformers. Raises: InvalidSettings, DimensionMismatch."""
        model = runtimes.load_model(self.folder.path, device, dtype)
        model.max_seq_length = self._length
        if (dimension := model.get_embedding_dimension()) != self.record.dimension:
            told = f"model {self.record.name}: gives {dimension} dimensions, its files say {self.record.dimension}"
            raise errors.DimensionMismatch(told)
        return model

    @cached_property
    def _model(self) -> Any:
        """The model in PyTorch, packed if it can be, as close to float32 as it must be. Raises: InvalidSettings."""
        if (onnx := self._onnx) is not None and not self._question_prompt:
            expected = np.concatenate([onnx.vector(self.tokenizer.inputs(text)) for text in runtimes.CHECKED])
        else:
            expected = runtimes.reference(self._library("cpu", "float32"), "")
        for model, cosine in self._models(expected):
            if cosine >= runtimes.TOLERATED_COSINE:
                return model
            told = f"cosine {cosine:.5f} to float32, at least {runtimes.TOLERATED_COSINE} is expected of {self.backend}"
            log.warning("model %s is not run by %s: %s", self.record.name, type(model).__name__, told)
        raise errors.InvalidSettings(f"model {self.record.name}: {told}: choose another dtype or device")

    def _models(self, expected: NDArray[np.float32]) -> Iterator[tuple[Any, float]]:
        """Yield the model packed, unless something is in the way, then padded, each with its cosine to float32."""
        try:
            packed = PackedEncoder(self.folder, self.tokenizer, self.device, self.dtype)
            tried = packed, runtimes.agreement(packed, expected)
        except Exception as error:  # noqa: BLE001  the library runs the model then, or names what is wrong
            usual = isinstance(error, LookupError | OSError)  # another architecture, or weights in another form
            told = f"{type(error).__name__}: {error}"
            log.log(
                logging.INFO if usual else logging.WARNING,
                "model %s is not run by PackedEncoder: %s",
                self.record.name,
                told,
            )
        else:
            yield tried
        padded = PaddedModel(self._library(self.device, self.dtype), self.device)
        yield padded, runtimes.agreement(padded, expected)

    def prepare_questions(self) -> None:
        """Speed up questions by an exported model. Takes seconds. If that fails, a warning says why."""
        with self._lock:
            if self._cache is None or self._onnx is not None:
                return
            folder, self._cache = self._cache, None
            exact = self._library("cpu", "float32")
            self._onnx = export(folder, self.record.fingerprint, exact, self._question_prompt, self._question_inputs)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises: FatalError for a text over the model's limit; EmbedderOutOfMemory if not even one text fits."""
        counts = self.tokenizer.count(texts)
        for i, count in enumerate(counts):
            if count > self.record.max_tokens:
                told = f"text {i} has {count} tokens, at most {self.record.max_tokens} fit: {texts[i][:60]!r}"
                raise errors.FatalError(f"model {self.record.name}: {told}")
        vectors = np.zeros((len(texts), self.record.dimension), np.float32)
        lengths = np.asarray(counts, np.int64) + self._length - self.record.max_tokens
        self._tokens += int(lengths.sum())
        exported = self._onnx is not None and self._question_prompt == self._text_prompt  # it may be part of the graph
        if exported and "_model" not in vars(self) and self._tokens <= FEW_TOKENS:
            self.backend = "onnxruntime cpu float32"
            return np.concatenate([vectors[:0], *map(self._exported, texts)])
        self.backend = f"torch {self.device} {self.dtype}"
        batches = token_batches(lengths.tolist(), self._budget, self._most)
        with ThreadPoolExecutor(1) as thread:  # tokenises ahead while a batch is computed
            parts = ([texts[i] for i in batch] for batch in batches)
            ready = thread.map(self._model.prepared, parts, repeat(self._text_prompt))
            for batch, inputs in zip(batches, ready, strict=True):
                self._fill(vectors, inputs, batch, lengths)
        return vectors

    def embed_questions(self, texts: Sequence[str]) -> Vectors:
        short = truncated(texts, self.tokenizer, self._room(self._question_prompt), self.record.name)
        if self._onnx is not None:
            found = [*map(self._exported, short)]
        else:
            parts = (short[start : start + self._most] for start in range(0, len(short), self._most))
            prompt = self._question_prompt
            found = [self._forward(self._model.prepared(part, prompt), prompt) for part in parts]
        vectors = np.concatenate([np.zeros((0, self.record.dimension), np.float32), *found])
        norms = np.linalg.norm(vectors, axis=1)
        if len(wrong := np.flatnonzero(~(np.abs(norms - 1) < NORM_TOLERANCE))):
            told = f"model {self.record.name}: vector of norm {norms[wrong[0]]} for {short[wrong[0]][:60]!r}"
            raise errors.FatalError(told)
        return vectors

    def _exported(self, text: str) -> Vectors:
        """Return the vector, (1, dimension), that the exported model gives; its prompt is that of questions."""
        assert self._onnx is not None
        with self._lock:
            self.forward_passes += 1
        return _normalised(self._onnx.vector(self._question_inputs(text)))

    def _fill(self, vectors: Vectors, inputs: Sequence[Any], batch: Batch, lengths: NDArray[np.int64]) -> None:
        """Write the vectors of a batch; if it does not fit into memory, in halves."""
        import torch

        padded = len(batch) * int(lengths[batch].max())
        if len(batch) == 1 or padded < self._too_large:
            try:
                vectors[batch] = self._forward(inputs, self._text_prompt)
                return
            except errors.EmbedderOutOfMemory:
                if len(batch) == 1:
                    raise
                log.warning("out of memory with %d texts on %s: trying halves", len(batch), self.device)
        # After the handler: an exception that is being handled keeps the tensors of the failed pass alive.
        self._too_large = min(self._too_large, padded)
        torch.cuda.empty_cache()  # so that a smaller pass finds free memory in one piece; without a GPU, does nothing
        middle = (len(batch) + 1) // 2
        for half in (slice(middle), slice(middle, None)):
            self._fill(vectors, inputs[half], batch[half], lengths)

    def _forward(self, inputs: Sequence[Any], prompt: str) -> Vectors:
        """Return (n, dimension) of one forward pass, normalised in float32."""
        import torch

        with self._lock, torch.inference_mode(), runtimes.memory_errors(self.device, len(inputs)):
            raw: Vectors = self._model.run(inputs, prompt).cpu().numpy()
            self.forward_passes += 1
        return _normalised(raw)

    def _question_inputs(self, text: str) -> Inputs:
        return self.tokenizer.inputs(self._question_prompt + text)


def token_batches(lengths: Sequence[int], token_budget: int, max_texts: int) -> list[Batch]:
    """Return batches of positions that cover every text once, longest texts first, equal lengths in input order.

    So what takes the most memory fails first, and a batch has hardly any padding. Lengths are in tokens, including
    special ones. A batch's longest length × texts is at most `token_budget`; a text above it gets its own batch.
    """
    sizes = np.maximum(np.asarray(lengths, dtype=np.int64), 1)
    left = np.argsort(-sizes, kind="stable")
    found = []
    while len(left):
        fitting = max(1, min(max_texts, token_budget // int(sizes[left[0]])))
        found.append(left[:fitting])
        left = left[fitting:]
    return found


def _normalised(raw: Vectors) -> Vectors:
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors: Vectors = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return vectors
