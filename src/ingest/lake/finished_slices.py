"""Slices of a shard in the lake: the markers of those that are finished, and their part files until they are joined."""

from collections.abc import Iterator

from ingest.lake.lake import Lake
from ingest.records import Marker


def slices_folder(generation: str) -> str:
    """Return the folder of an index with the part files of a generation's slices."""
    return f"generations/{generation}/slices"


def finished_slices(lake: Lake, generation: str, step: str, shard: int, plan_hash: str) -> Iterator[Marker]:
    """Yield the markers of a shard's finished slices."""
    folder = f"{lake.index}/generations/{generation}/markers/{step}/{shard}-{plan_hash}/"
    return (lake.records.read(Marker, f"{folder}{name}") for name in lake.store.list(folder))


def remove_parts(lake: Lake, marker: Marker) -> None:
    """Remove the part files of a slice whose shard is joined."""
    for part in marker.parts:
        if part.folder:  # never one of `data`, which generations share
            lake.store.delete(f"{lake.index}/{part.folder}/{part.sha256}.parquet")
