"""Questions through ONNX Runtime: the same vectors as PyTorch's in float32, for one short text several times as fast.

The model is exported from PyTorch once on a machine, without a network, checked, and kept:

<folder>/<key>/model.onnx    the whole model, from token ids to the vector of the text, float32
               check.json    its SHA-256, and the vectors that PyTorch gave for CHECKED
"""

import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.ids import digest_of, file_sha256
from ingest.records import Vectors

FORMAT = 1  # of what is kept; a new one exports again
KEPT = 4  # exported models in a folder; the longest unused go
LEAST_COSINE = 0.9999  # between both libraries, for each of CHECKED
INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # of those a model has some; others are not exported
CHECKED = (
    "How do I roll back to the previous release?",
    "x",
    "Größe, naïve café, 数据库 и ошибка: ERR_4031 in snake_case v1.2.3 (see §4)",
    "What should be done when a machine stops in the middle of a long run, its disk is full, two other machines wait "
    "for the same lease, and the person on duty has only a telephone and ten minutes before the shop opens?",
)

Inputs = Mapping[str, NDArray[np.int64]]  # (1, tokens) each, by name
Encode = Callable[[str], Inputs]  # a text, prompt in front, as tokens with the special ones

log = logging.getLogger(__name__)


class OnnxModel:
    """An exported model in ONNX Runtime, one thread a call. Threads may call at the same time."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [given.name for given in self._session.get_inputs()]
        self.backend = f"onnxruntime {onnxruntime.__version__} cpu float32"

    def vector(self, inputs: Inputs) -> Vectors:
        """Return the vector of one text, (1, dimension), as the model gives it."""
        vector: Vectors = self._session.run(None, {name: inputs[name] for name in self._names})[0]
        return vector


def is_installed() -> bool:
    """Tell whether the runtime is there, without importing it."""
    return find_spec("onnxruntime") is not None


def open_exported(folder: Path, fingerprint: str, encode: Encode) -> OnnxModel | None:
    """Return the model that was exported before; None when there is none, or it is damaged or answers otherwise."""
    place = folder / _key(fingerprint)
    try:
        check = json.loads((place / "check.json").read_bytes())
        model = _verified(place, check, encode)
        os.utime(place)  # used last
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001  a damaged copy, whatever its reader says, is made again
        log.warning("the model exported to %s is not used: %s", place, error)
        return None
    return model


def export(folder: Path, fingerprint: str, model: Any, prompt: str, encode: Encode) -> OnnxModel | None:
    """Export a sentence-transformers model and return it; None, with a warning, when that is not possible.

    The model is in float32 on the CPU, in evaluation mode. Of all models in the folder at most KEPT stay, each found by
    the fingerprint of its record. The prompt goes in front of every question; `encode` gives what the copy will get.
    """
    place = folder / _key(fingerprint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder, ignore_cleanup_errors=True) as temporary:
            made = Path(temporary) / "model"
            made.mkdir()
            _write(model, prompt, made / "model.onnx")
            check = {"sha256": file_sha256(made / "model.onnx"), "vectors": _reference(model, prompt)}
            (made / "check.json").write_text(json.dumps(check))
            _verified(made, check, encode)
            _move(made, place)
        opened = _verified(place, check, encode)
        _tidy(folder)
    except Exception as error:  # noqa: BLE001  exporting fails in as many ways as there are models
        told = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"
        log.warning("questions are encoded by PyTorch: this model cannot be used in ONNX Runtime: %s", told)
        return None
    return opened


def _key(fingerprint: str) -> str:
    return digest_of([FORMAT, fingerprint])[:32]


def _write(model: Any, prompt: str, path: Path) -> None:
    """Write the model as ONNX. Raises whatever the exporter raises."""
    import torch

    texts = [CHECKED[0], CHECKED[2]]  # two lengths, so that padding and its mask become part of the graph
    features = model.preprocess(texts, prompt=prompt or None)
    tensors = {name: value for name, value in features.items() if isinstance(value, torch.Tensor)}
    if not tensors or not set(tensors) <= set(INPUTS):
        raise ValueError(f"its inputs are {sorted(tensors)}, known are {list(INPUTS)}")
    rest = {name: value for name, value in features.items() if name not in tensors}

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            return self.model({**dict(zip(tensors, given, strict=True)), **rest})["sentence_embedding"]

    # The exporter by tracing: the newer one takes three times as long, needs one more package and prints.
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Whole().eval(),
            tuple(tensors.values()),
            str(path),
            dynamo=False,
            input_names=list(tensors),
            output_names=["vector"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in tensors},
        )


def _reference(model: Any, prompt: str) -> list[list[float]]:
    """Return PyTorch's vectors of CHECKED, one text a pass."""
    import torch

    with torch.inference_mode():
        passes = (model(model.preprocess([text], prompt=prompt or None)) for text in CHECKED)
        return [found["sentence_embedding"][0].numpy().tolist() for found in passes]


def _verified(place: Path, check: dict[str, Any], encode: Encode) -> OnnxModel:
    """Return the model at a place. Raises: ValueError when it is not what `check` says."""
    path = place / "model.onnx"
    if (found := file_sha256(path)) != check["sha256"]:
        raise ValueError(f"{path.name} has SHA-256 {found}, recorded is {check['sha256']}")
    model = OnnxModel(path)
    for text, expected in zip(CHECKED, check["vectors"], strict=True):
        ours, theirs = model.vector(encode(text))[0], np.array(expected, np.float32)
        if ours.shape != theirs.shape:
            raise ValueError(f"vectors of {ours.shape} numbers, PyTorch gave {theirs.shape}")
        cosine = float(ours @ theirs / max(np.linalg.norm(ours) * np.linalg.norm(theirs), 1e-12))
        if not cosine >= LEAST_COSINE:
            raise ValueError(f"cosine {cosine:.6f} to PyTorch's vector, at least {LEAST_COSINE} is expected: {text!r}")
    return model


def _move(made: Path, place: Path) -> None:
    """Put a finished folder in its place; one that is there is replaced: it was not good."""
    if place.exists():
        os.rename(place, made.parent / "replaced")  # noqa: PTH104  both lie in one folder
    try:
        made.rename(place)
    except OSError:
        if not (place / "check.json").exists():  # else another process was first
            raise


def _tidy(folder: Path) -> None:
    """Remove all but the KEPT models used last."""
    models = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for path in sorted(models, key=lambda p: p.stat().st_mtime_ns, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
