"""A model in the two libraries that run it: PyTorch, and for questions ONNX Runtime.

Of PyTorch: devices, number formats, loading a model, running out of memory. In ONNX Runtime, questions have the same
vectors as PyTorch's in float32, but faster for one short text. The model is exported from PyTorch once per machine,
without a network, verified, and kept:

<folder>/<key>/model.onnx    the whole model, from token ids to the vector of the text, float32
               check.json    its SHA-256, and PyTorch's vectors of CHECKED
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import EmbedderOutOfMemory, InvalidSettings
from ingest.ids import digest_of, file_sha256
from ingest.records import Vectors

GPU_DEVICES = ("nvidia*", "kfd", "dxg")  # below /dev on Linux: CUDA, ROCm, either under WSL
CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # flags in it, for x86 and ARM
_loading = threading.Lock()  # loading weights changes torch's default dtype for the whole process
FORMAT = 1  # of the kept files; a new number exports again
KEPT = 4  # exported models in a folder; the least recently used go
LEAST_COSINE = 0.9999  # between the libraries' vectors, for each of CHECKED
TOLERATED_COSINE = 0.999  # of texts' vectors on this device, in this number format
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # a model has some of these; one with others is not exported
CHECKED = (
    "How do I roll back to the previous release?",
    "x",
    "Größe, naïve café, 数据库 и ошибка: ERR_4031 in snake_case v1.2.3 (see §4)",
    "What should be done when a machine stops in the middle of a long run, its disk is full, two other machines wait "
    "for the same lease, and the person on duty has only a telephone and ten minutes before the shop opens?",
)

Inputs = Mapping[str, NDArray[np.int64]]  # (1, tokens) each, by name
Encode = Callable[[str], Inputs]  # a text, with its prompt, as tokens with special ones

log = logging.getLogger(__name__)


def best_device() -> str:
    """Return "cuda" if there is a GPU, else "cpu"; PyTorch is imported only if the system has such a device."""
    if sys.platform == "linux" and not any(next(Path("/dev").glob(name), None) for name in GPU_DEVICES):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def best_dtype(device: str) -> str:
    """Return "bfloat16" if the processor supports it, else "float32"."""
    if device.startswith("cuda"):
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    known = set(CPUINFO.read_text().split()) if device == "cpu" and CPUINFO.exists() else set()
    return "bfloat16" if BF16_FLAGS & known else "float32"


def load_model(folder: Path, device: str, dtype: str) -> Any:
    """Return the model. Raises: InvalidSettings."""
    for one in ("HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1", "HF_HUB_DISABLE_TELEMETRY=1", "OMP_WAIT_POLICY=PASSIVE"):
        os.environ.setdefault(*one.split("="))  # read when the libraries are imported; waiting threads sleep
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        with _loading:
            model = SentenceTransformer(
                str(folder), device=device, local_files_only=True, model_kwargs={"dtype": getattr(torch, dtype)}
            )
    except Exception as error:  # a broken file may cause any error in the libraries
        raise InvalidSettings(f"model in {folder}: cannot be opened on {device}: {error}") from error
    model.eval()
    return model


class PaddedModel:
    """A model run by sentence-transformers, whatever its architecture."""

    def __init__(self, model: Any, device: str) -> None:
        self.model, self._device = model, device

    def prepared(self, texts: Sequence[str], _: str) -> list[str]:
        """Return the texts: they are tokenised as they are run."""
        return [*texts]

    def run(self, texts: Sequence[str], prompt: str) -> Any:
        """Return (n, dimension) float32, not normalised."""
        features = self.model.preprocess([*texts], prompt=prompt or None)
        moved = {k: v.to(self._device) if hasattr(v, "to") else v for k, v in features.items()}
        return self.model(moved)["sentence_embedding"].float()


def agreement(model: Any, expected: NDArray[np.float32]) -> float:
    """Return the least cosine of the vectors of CHECKED, all in one pass, to those expected."""
    import torch

    twice = [text for text in CHECKED for _ in range(2)]
    with torch.inference_mode():
        found = model.run(model.prepared(twice, ""), "").cpu().numpy()
    return least_cosine(found, expected.repeat(2, axis=0))


@contextmanager
def memory_errors(device: str, texts: int) -> Iterator[None]:
    """Translate the errors PyTorch raises when memory runs out."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if type(error) is RuntimeError and "allocate memory" not in str(error):
            raise
        raise EmbedderOutOfMemory(f"{texts} texts do not fit into the memory of {device}: {error}") from error


class OnnxModel:
    """An exported model in ONNX Runtime, one thread per call. Thread-safe."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [given.name for given in self._session.get_inputs()]

    def vector(self, inputs: Inputs) -> Vectors:
        """Return the vector of one text, (1, dimension), not normalised here."""
        return np.asarray(self._session.run(None, {name: inputs[name] for name in self._names})[0])


def open_exported(folder: Path, fingerprint: str, encode: Encode) -> OnnxModel | None:
    """Return the exported model, or None if there is none, or it is damaged or gives different vectors."""
    place = folder / _key(fingerprint)
    try:
        model = _verified(place, encode)
        os.utime(place)  # last used now
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001  a damaged copy is replaced, whatever the error
        log.warning("the model exported to %s is not used: %s", place, error)
        return None
    return model


def export(folder: Path, fingerprint: str, model: Any, prompt: str, encode: Encode) -> OnnxModel | None:
    """Export a sentence-transformers model and return it; None, with a warning, if that is not possible.

    The model must be in float32 on the CPU, in evaluation mode. The prompt precedes every question; `encode` gives the
    inputs of the exported model.
    """
    place = folder / _key(fingerprint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder, ignore_cleanup_errors=True) as temporary:
            made = Path(temporary) / "model"
            made.mkdir()
            _write(model, prompt, made / "model.onnx")
            check = {"sha256": file_sha256(made / "model.onnx"), "vectors": reference(model, prompt).tolist()}
            (made / "check.json").write_text(json.dumps(check))
            opened = _verified(made, encode)
            _move(made, place)
        _tidy(folder)
    except Exception as error:  # noqa: BLE001  every model may fail in its own way
        told = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
        log.warning("questions are embedded in PyTorch: this model cannot be used in ONNX Runtime: %s", told)
        return None
    return opened


def _key(fingerprint: str) -> str:
    return digest_of([FORMAT, fingerprint])[:32]


def _write(model: Any, prompt: str, path: Path) -> None:
    import torch

    texts = [CHECKED[0], CHECKED[2]]  # two lengths, so that padding and its mask become part of the graph
    features = model.preprocess(texts, prompt=prompt or None)
    tensors = {name: value for name, value in features.items() if isinstance(value, torch.Tensor)}
    if not tensors or not set(tensors) <= set(INPUTS):
        raise ValueError(f"its inputs are {sorted(tensors)}, supported are {list(INPUTS)}")
    rest = {name: value for name, value in features.items() if name not in tensors}

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            return self.model({**dict(zip(tensors, given, strict=True)), **rest})["sentence_embedding"]

    # The tracing exporter: the newer one is slower, needs another package and prints.
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        named: dict[str, Any] = {"input_names": list(tensors), "output_names": ["vector"]}
        named["dynamic_axes"] = {name: {0: "texts", 1: "tokens"} for name in tensors}
        torch.onnx.export(Whole().eval(), tuple(tensors.values()), str(path), dynamo=False, **named)


def reference(model: Any, prompt: str) -> NDArray[np.float32]:
    """Return the vectors of CHECKED, one by one."""
    import torch

    with torch.inference_mode():
        passes = (model(model.preprocess([text], prompt=prompt or None)) for text in CHECKED)
        return np.concatenate([found["sentence_embedding"].numpy() for found in passes])


def _verified(place: Path, encode: Encode) -> OnnxModel:
    """Return the model in a folder. Raises: ValueError if it does not match its check.json."""
    check, path = json.loads((place / "check.json").read_bytes()), place / "model.onnx"
    if (found := file_sha256(path)) != check["sha256"]:
        raise ValueError(f"{path.name} has SHA-256 {found}, expected {check['sha256']}")
    model = OnnxModel(path)
    for text, expected in zip(CHECKED, check["vectors"], strict=True):
        cosine = least_cosine(model.vector(encode(text)), np.array([expected], np.float32))
        if not cosine >= LEAST_COSINE:
            raise ValueError(f"cosine {cosine:.6f} to PyTorch's vector, at least {LEAST_COSINE} is expected: {text!r}")
    return model


def least_cosine(ours: Vectors, theirs: Vectors) -> float:
    """Return the least cosine of a row to its counterpart. Raises: ValueError for another shape."""
    if ours.shape != theirs.shape:
        raise ValueError(f"vectors have shape {ours.shape}, PyTorch's have {theirs.shape}")
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / np.maximum(norms, 1e-12)).min())


def _move(made: Path, place: Path) -> None:
    """Move a finished folder into place; one that is there failed its check and is replaced."""
    shutil.rmtree(place, ignore_errors=True)
    try:
        made.rename(place)
    except OSError:
        if not (place / "check.json").exists():  # else another process was first
            raise


def _tidy(folder: Path) -> None:
    models = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for path in sorted(models, key=lambda p: p.stat().st_mtime_ns, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
