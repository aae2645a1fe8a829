"""load_shard: committed chunks and stored vectors become points of the generation's collection."""

from ingest.lake.lake import Lake
from ingest.pipeline.built_contents import built_contents
from ingest.pipeline.find_duplicates import collapsed_of
from ingest.pipeline.lease import lease_watch
from ingest.pipeline.points import PointMaker, batches, rows_of
from ingest.pipeline.tasks import ShardTask, embedding_store, finished, resource
from ingest.ports import Services
from ingest.records import Marker


@resource("io")
def load_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose points are durable. A hint only: the conservation check looks itself.

    Raises: LeaseLost before a request, when another builder took over; TransientError, FatalError.
    """
    if (done := finished(services, task, "load")) is not None:
        return done
    lake = Lake(services.store, services.options.index)
    plan = lake.plan(task.generation)
    assert plan is not None  # frozen before its tasks are handed out
    contents = built_contents(services, lake, plan)
    parts, collection = contents.parts(task.shard), contents.collection
    maker = PointMaker.of(services, contents, embedding_store(services, services.model.fingerprint))
    watch = lease_watch(services, lake, task.run)
    chunks = rows_of(lake, parts, collapsed_of(services, lake, contents.duplicates))
    for batch in batches(chunks, services.options.load_batch):
        watch.confirm()
        services.vectors.upsert(collection, maker.points(batch, task.shard))
    watch.confirm()
    services.vectors.flush(collection)
    counts = {"documents": parts["documents"].rows, "chunks": len(chunks)}
    marker = Marker(step="load", shard=task.shard, plan_hash=task.plan_hash, counts=counts)
    return lake.mark(task.generation, marker)
