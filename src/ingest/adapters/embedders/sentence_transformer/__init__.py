"""Any sentence-transformers model on this machine, run in PyTorch; nothing is downloaded."""

from ingest.adapters.embedders.sentence_transformer.embedder import (
    describe,
    files,
    open_embedder,
    open_tokenizer,
    reopen,
)
from ingest.adapters.embedders.sentence_transformer.model_folder import canonical

EXTRA = "ingest[models]"
LIBRARIES = ("sentence-transformers", "torch")

__all__ = ["EXTRA", "LIBRARIES", "canonical", "describe", "files", "open_embedder", "open_tokenizer", "reopen"]
