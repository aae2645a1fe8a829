"""What a generation that is being built holds."""

from functools import cache

from ingest.ids import collection_name
from ingest.lake.contents import Contents
from ingest.pipeline.find_duplicates import duplicates_part
from ingest.pipeline.tasks import ShardTask, parts_after
from ingest.records import PartFile, PlanSummary
from ingest.services import Services


def built_contents(services: Services, summary: PlanSummary, *steps: str) -> Contents:
    """Return what the finished steps of a generation made or carried; its keyword index is not merged yet."""
    lake, generation, hashes = services.lake, summary.generation, summary.shards

    @cache
    def parts(shard: int) -> dict[str, PartFile]:
        return parts_after(lake, ShardTask(generation, shard, hashes[shard], run=""), *steps)

    return Contents(
        lake,
        collection_name(lake.index, generation),
        services.model.fingerprint,
        services.model.dimension,
        tuple(sorted(hashes)),
        parts,
        {},
        duplicates_part(lake, generation),
        services.options.shape,
        services.options.analyser,
    )
