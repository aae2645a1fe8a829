"""What is asked of PyTorch itself: devices, number formats, loading a model, running out of memory."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.errors import EmbedderOutOfMemory, InvalidSettings

GPU_DEVICES = ("nvidia*", "kfd", "dxg")  # below /dev on Linux: CUDA, ROCm, either under WSL
CPUINFO = Path("/proc/cpuinfo")
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # flags in it, for x86 and ARM
_loading = threading.Lock()  # loading weights changes torch's default dtype for the whole process


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
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(variable, "1")  # read when the libraries are imported
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
