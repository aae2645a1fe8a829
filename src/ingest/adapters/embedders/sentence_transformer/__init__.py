"""Any sentence-transformers model on this machine, run in PyTorch; nothing is downloaded."""

from ingest.adapters.embedders.sentence_transformer import embedder
from ingest.adapters.embedders.sentence_transformer.model_folder import canonical

EXTRA = "ingest[models]"
LIBRARIES = ("sentence-transformers", "torch")
describe, files, open_tokenizer = embedder.describe, embedder.files, embedder.open_tokenizer
open_embedder, reopen = embedder.open_embedder, embedder.reopen
__all__ = ["EXTRA", "LIBRARIES", "canonical", "describe", "files", "open_embedder", "open_tokenizer", "reopen"]
