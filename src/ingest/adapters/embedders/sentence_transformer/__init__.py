"""Any sentence-transformers model on this machine, run in PyTorch; nothing is downloaded."""

from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerEmbedder

EXTRA = "ingest[models]"
LIBRARIES = ("sentence-transformers", "torch")
EMBEDDER = SentenceTransformerEmbedder
