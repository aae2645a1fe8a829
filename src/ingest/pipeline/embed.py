"""embed_shard: vectors for committed chunks that have none yet. No text is ever embedded twice."""

from ingest.documents.chunking import model_input
from ingest.pipeline.tasks import ShardTask, parts_after, shard_step
from ingest.records import Marker
from ingest.services import Services


@shard_step("embed", "gpu")
def embed_shard(services: Services, task: ShardTask) -> Marker:
    """Embed a shard's chunks that have no vector in the store; return its marker.

    The model is opened only when a vector is missing. Raises: TransientError, FatalError.
    """
    lake, model = services.bench.lake, services.bench.model
    parts = parts_after(lake, task, "chunk")
    table = lake.read(parts["chunks"], ["embedding_key", "context", "text"])
    keys = table["embedding_key"].to_pylist()
    store = lake.embeddings(model.fingerprint)
    missing, passes = store.missing(keys), 0
    if missing:
        row_of = {key: i for i, key in enumerate(keys)}
        rows = [row_of[key] for key in missing]
        contexts, texts = (table[name].take(rows).to_pylist() for name in ("context", "text"))
        embedder = services.retrieval.open_embedder(model)
        before = embedder.forward_passes
        vectors = embedder.embed([model_input(c, t) for c, t in zip(contexts, texts, strict=True)])
        passes = embedder.forward_passes - before
        store.add(missing, vectors, embedder.backend, services.writer.new_token())
    sizes = {"documents": parts["documents"].rows, "chunks": len(keys)}
    counts = {**sizes, "embedded": len(missing), "forward_passes": passes}
    return task.marker("embed", counts, segments=store.segments_of(keys))
