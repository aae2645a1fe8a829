"""embed_shard: vectors for committed chunks that have none yet. What is known is never embedded again."""

from ingest.documents.chunking import model_input
from ingest.lake.lake import Lake
from ingest.pipeline.tasks import ShardTask, embedding_store, finished, resource, task_parts
from ingest.ports import Services
from ingest.records import Marker


@resource("gpu")
def embed_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose chunks all have a vector in the store.

    The model is opened only when a vector is missing. Raises: TransientError, FatalError.
    """
    if (done := finished(services, task, "embed")) is not None:
        return done
    lake = Lake(services.store, services.options.index)
    parts = task_parts(lake, task)
    table = lake.read(parts["chunks"], ["embedding_key", "context", "text"])
    keys = table["embedding_key"].to_pylist()
    store = embedding_store(services, services.model.fingerprint)
    missing = store.missing(keys)
    passes = 0
    if missing:
        row_of = {key: i for i, key in enumerate(keys)}
        rows = [row_of[key] for key in missing]
        contexts, texts = (table[name].take(rows).to_pylist() for name in ("context", "text"))
        embedder = services.embedder()
        before = embedder.forward_passes
        vectors = embedder.embed([model_input(c, t) for c, t in zip(contexts, texts, strict=True)])
        passes = embedder.forward_passes - before
        store.add(missing, vectors, embedder.backend)
    counts = {
        "documents": parts["documents"].rows,
        "chunks": len(keys),
        "embedded": len(missing),
        "forward_passes": passes,
    }
    marker = Marker(
        step="embed", shard=task.shard, plan_hash=task.plan_hash, segments=store.segments_of(keys), counts=counts
    )
    return lake.mark(task.generation, marker)
