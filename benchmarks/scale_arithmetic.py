"""What an index of a given size needs, by arithmetic alone: every input has a value and tells where that comes from.

`benchmarks/scale_simulation.py` measures what is marked as measured, and prints the tables of `docs/scaling.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from ingest.pipeline.changes import shard_count
from ingest.pipeline.tasks import SLICE_CHUNKS, SLICE_DOCUMENTS

GB, HOUR, MONTH = 1e9, 3600.0, 730.0  # bytes, seconds, hours
GPUS = (1, 8, 64)
MEASURED = "measured by this command"


@dataclass(frozen=True)
class Given:
    """An input: its value, what it is, and who says so."""

    value: float
    what: str
    source: str


@dataclass(frozen=True)
class Row:
    """A result: what it is, as people read it, and how it was found."""

    what: str
    value: str
    how: str


QDRANT = "documented: qdrant.tech/documentation/capacity-planning"
PRICES = "assumed: about the list price of a large cloud in 2026"
GIVEN: dict[str, Given] = {
    "documents": Given(10e6, "documents", "the question"),
    "chunks": Given(100e6, "chunks", "the question"),
    "documents_per_shard": Given(300, "documents per shard, at most on average", "default of the setting"),
    "tokens_per_chunk": Given(160, "tokens per chunk", "assumed: default of `target_tokens`"),
    "bytes_per_document": Given(6400, "bytes per document in the source", "assumed: four characters per token"),
    "dimension": Given(384, "dimensions of a vector", "the default model"),
    "tokens_per_second": Given(
        400e3,
        "tokens per second and GPU",
        "assumed: 14,200 sentences/s (documented by sbert.net for this model on a V100) of 28 tokens",
    ),
    "requests_per_shard": Given(40, "requests to the lake per shard, at most", "bounded by `test_store_requests.py`"),
    "requests_per_slice": Given(16, "more for each slice, at most", "bounded by `test_store_requests.py`"),
    "qdrant_factor": Given(1.5, "memory of Qdrant per byte of vectors", QDRANT),
    "keep": Given(7, "released generations that are kept", "default of `retire.keep`"),
    "check_bytes": Given(96, "bytes per chunk in the driver: check of the keyword index", "docstrings (80 + 16)"),
    "merge_bytes": Given(68, "bytes per chunk in the driver: merge of the keyword index", "docstrings (60 + 8)"),
    "points_per_second": Given(10e3, "points per second that the check reads", "default of `scrub_points_per_second`"),
    "workers": Given(16, "processes for chunk and keyword", "assumed; default of `workers` is 1"),
    "hash_bytes": Given(8, "bytes per vector in each process that embeds", "`KeyHashes`"),
    "gpu_dollars": Given(1.0, "dollars per GPU-hour", PRICES),
    "put_dollars": Given(5e-6, "dollars per PUT or LIST", PRICES),
    "get_dollars": Given(4e-7, "dollars per GET", PRICES),
    "lake_dollars": Given(0.023, "dollars per GB and month in the lake", PRICES),
    "memory_dollars": Given(0.0079, "dollars per GB and hour of memory, with its server", PRICES),
}


@dataclass(frozen=True)
class Scale:
    """The arithmetic over the values of all inputs."""

    given: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.given[name]

    @property
    def shards(self) -> int:
        """Shards of the first build, as the plan of a run counts them."""
        return shard_count(round(self["documents"]), round(self["documents_per_shard"]))

    @property
    def slices(self) -> int:
        """Slices per shard of the step `chunk`, and of `embed` and `load`, if they are more than one."""
        sizes = (self["documents"], SLICE_DOCUMENTS), (self["chunks"], SLICE_CHUNKS)
        chunk, others = (int(-(-(size / self.shards) // most)) for size, most in sizes)
        return (chunk if chunk > 1 else 0) + 2 * (others if others > 1 else 0)

    @property
    def requests(self) -> float:
        """Requests to the lake of a first build, at most, where the driver's cache of records holds all plans."""
        return self.shards * (self["requests_per_shard"] + self.slices * self["requests_per_slice"])

    @property
    def model_seconds(self) -> float:
        """Seconds in the model, on one GPU."""
        return self["chunks"] * self["tokens_per_chunk"] / self["tokens_per_second"]

    def vectors(self, bytes_per_number: float) -> float:
        """Bytes of memory that Qdrant needs for a collection, by its own formula."""
        return self["chunks"] * self["dimension"] * bytes_per_number * self["qdrant_factor"]

    def lookups(self, processes: int = 1) -> float:
        """Seconds of a first build in which embed_shard looks for vectors, in each of some processes.

        Each chunk is looked for twice, by binary search in sorted runs whose number and lengths are logarithms of that
        of the segments. Besides, each process reads the keys of every segment once, one segment per shard.
        """
        deeper = (log(self.shards) / log(self["lookup_segments"])) ** 2
        return 2 * self["chunks"] / processes * self["lookup_key"] * deeper + self.shards * self["lookup_segment"]


def results(scale: Scale) -> list[Row]:
    """Return what does not depend on time."""
    chunks, shards, kept = scale["chunks"], scale.shards, int(scale["keep"]) + 1
    float32, both, int8 = (scale.vectors(n) / GB for n in (4, 5, 1))
    stored = chunks * scale["lake_bytes"] / GB
    network = chunks * (scale["dimension"] * 4 + scale["point_bytes"]) / GB
    gpu = scale.model_seconds / HOUR
    asked = scale.requests * scale["put_dollars"] + scale["documents"] * scale["get_dollars"]
    return [
        Row("shards", f"{shards:,}", f"a power of two: {scale['documents'] / shards:.0f} documents each on average"),
        Row("tasks", f"{shards * scale['tasks']:,.0f}", f"{scale['tasks']:.2f} per shard in the replay"),
        Row("objects in the lake", f"{shards * scale['objects']:,.0f}", "extrapolated from the small run"),
        Row("bytes in the lake", f"{stored:,.0f} GB", "extrapolated from the small run; vectors are most of it"),
        Row("requests to the lake", f"{scale.requests / 1e6:.1f} million", "at most, if the driver's cache holds all"),
        Row(
            "reads of records by the driver",
            f"{shards * scale['reread'] / 1e6:.1f} million",
            "measured in the replay; two per shard if its cache held all",
        ),
        Row("bytes from the source", f"{scale['documents'] * scale['bytes_per_document'] / GB:,.0f} GB", "arithmetic"),
        Row("bytes to Qdrant", f"{network:,.0f} GB", "vectors as float32, and payloads as in the small run"),
        Row("GPU-hours", f"{gpu:,.1f}", "arithmetic on an assumed rate: not measured on a GPU"),
        Row("Qdrant, float32 alone", f"{float32:,.0f} GB", "Qdrant's formula"),
        Row("Qdrant, float32 and int8", f"{both:,.0f} GB", "the same for what collections have today"),
        Row("Qdrant, int8 in memory", f"{int8:,.0f} GB", "float32 on disk: no setting does this yet"),
        Row(f"Qdrant, {kept} generations", f"{both * kept:,.0f} GB", "one collection each, as kept by default"),
        Row("keyword index", f"{chunks * scale['keyword_bytes'] / GB:,.1f} GB", "extrapolated from the small run"),
        Row("driver, check", f"{chunks * scale['check_bytes'] / GB:,.1f} GB", "arithmetic on what docstrings tell"),
        Row("driver, merge", f"{chunks * scale['merge_bytes'] / GB:,.1f} GB", "arithmetic on what docstrings tell"),
        Row("embed, in each process", f"{chunks * scale['hash_bytes'] / GB:,.1f} GB", "hashes of the vectors' keys"),
        Row("driver, scheduling", f"{shards * scale['driver_bytes'] / GB:,.2f} GB", "extrapolated from the replay"),
        Row(
            "manifest", f"{shards * scale['manifest_bytes'] / GB:,.2f} GB", "one JSON, extrapolated from the small run"
        ),
        Row("money: GPU", f"${gpu * scale['gpu_dollars']:,.0f}", "while the model works; waiting GPUs cost the same"),
        Row("money: requests", f"${asked:,.0f}", "at most: all to the lake as PUT, one GET per document"),
        Row("money: lake, a month", f"${stored * scale['lake_dollars']:,.0f}", "one generation"),
        Row(
            "money: Qdrant, a month",
            f"${both * scale['memory_dollars'] * MONTH:,.0f}",
            "one generation; two are needed in every build",
        ),
    ]


def table(rows: list[tuple[str, ...]], heads: tuple[str, ...]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Return a number as people read it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}" if value >= 1e-3 else f"{value:.2e}"
