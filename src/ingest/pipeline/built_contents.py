"""What a generation that is being built holds."""

from ingest.ids import collection_name
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.pipeline.find_duplicates import duplicates_part
from ingest.pipeline.tasks import shard_parts
from ingest.ports import Services
from ingest.records import PlanSummary


def built_contents(services: Services, lake: Lake, summary: PlanSummary) -> Contents:
    """Return what the finished steps of a generation made or carried; its keyword index is not merged yet."""
    return Contents(
        lake,
        collection_name(lake.index, summary.generation),
        services.model.fingerprint,
        services.model.dimension,
        tuple(sorted(summary.shards)),
        lambda shard: shard_parts(lake, summary, shard),
        {},
        duplicates_part(lake, summary.generation),
        services.options.shape,
        services.options.analyser,
    )
