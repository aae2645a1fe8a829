"""load_shard: committed chunks and stored vectors become points of the generation's collection."""

from ingest.pipeline.collection_points import CollectionPoints
from ingest.pipeline.point_maker import PointMaker, rows_of
from ingest.pipeline.shard_slices import joined
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, built_contents, shard_step
from ingest.records import Marker
from ingest.services import Services


@shard_step("load", "io", join=joined)
def load_shard(services: Services, task: ShardTask) -> Marker:
    """Load the points of a shard, or of a slice; its marker is only a hint. Raises: LeaseLost, before a request."""
    lake, size, vectors = services.bench.lake, services.bench.options.load_batch, services.retrieval.vectors
    plan = lake.plan(task.generation)
    assert plan is not None  # frozen before its tasks are handed out
    contents = built_contents(services.bench, plan, *DOCUMENT_STEPS, "keyword")
    rows = rows_of(contents, task.shard, task.range)
    confirm = lake.lease_watch(task.run).confirm
    CollectionPoints(vectors, PointMaker.of(contents), size, confirm).load(task.shard, rows)
    documents = 0 if task.rows and task.rows[0] else contents.parts(task.shard)["documents"].rows
    return task.marker("load", {"documents": documents, "chunks": len(rows)})
