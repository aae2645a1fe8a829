"""Recall of the dense search against an exact one, with a sample of the stored vectors as questions."""

from heapq import nsmallest
from itertools import chain, islice, zip_longest
from statistics import fmean

from ingest.lake.contents import Contents
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, Hit, Recall

SAMPLE = 64  # chunks in the sample, across all shards
NEIGHBOURS = 10
TIED = 1e-6  # cosines that differ by less count as equal: it does not matter which of two copies is found


def measure_recall(vectors: VectorIndex, contents: Contents) -> Recall | None:
    """Return the recall of the generation's collection after `optimise`; None when it has too few chunks.

        recall = mean over the sample of |found ∩ exact| / |exact|; a found chunk as near as the last exact one counts

    Exact search reads every vector once per question.
    """
    sample = _sample(contents)
    if len(sample) < 2:
        return None
    asked = contents.lake.embeddings(contents.model_fingerprint).vectors([key for _, key in sample])
    found = vectors.search(contents.collection, asked, EVERYTHING, NEIGHBOURS + 1)
    exact = vectors.nearest(contents.collection, asked, NEIGHBOURS + 1)
    shares = [_share(own, f, e) for (own, _), f, e in zip(sample, found, exact, strict=True)]
    return Recall(at=NEIGHBOURS, questions=len(shares), mean=fmean(shares), least=min(shares))


def _share(own: str, found: list[Hit], exact: list[Hit]) -> float:
    wanted = [hit for hit in exact if hit.chunk_id != own][:NEIGHBOURS]
    if not wanted:
        return 1.0
    got = [hit for hit in found if hit.chunk_id != own][:NEIGHBOURS]
    return min(1.0, sum(hit.score >= wanted[-1].score - TIED for hit in got) / len(wanted))


def _sample(contents: Contents) -> list[tuple[str, str]]:
    """Return (chunk id, embedding key) of SAMPLE chunks, or of all if there are fewer, spread evenly over the shards;
    large shards make up for small ones. Ids are hashes, so a shard's lowest ids are as good as a random sample.
    """
    shards, few = contents.shards, min(len(contents.shards), SAMPLE)
    lowest = []
    for shard in (shards[i * len(shards) // few] for i in range(few)):
        table = contents.lake.read(contents.parts(shard)["chunks"], ["chunk_id", "embedding_key"])
        rows = zip(table["chunk_id"].to_pylist(), table["embedding_key"].to_pylist(), strict=True)
        lowest.append(nsmallest(SAMPLE, (row for row in rows if row[0] not in contents.collapsed)))
    return list(islice(filter(None, chain.from_iterable(zip_longest(*lowest))), SAMPLE))
