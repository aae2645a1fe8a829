"""The keyword index: the postings of each shard, then one merge of all shards in bounded memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pyarrow as pa

from ingest.keyword import Analyser, merge, shard_postings
from ingest.keyword.merging import Shard
from ingest.keyword.parquet_files import NOWHERE, numbers, placed, write_places
from ingest.lake.contents import Contents
from ingest.lake.deltas import Places
from ingest.lake.shard_rows import by_kind, keyword_files, put_onto
from ingest.pipeline.tasks import DOCUMENT_STEPS, ShardTask, parts_after, shard_step
from ingest.ports import Tally
from ingest.records import Marker, PartFile
from ingest.records.generations import KeywordKind
from ingest.release.generation_states import sealed_manifest
from ingest.scratch import scratch_folder
from ingest.services import Services, Workbench

FRAGMENTED = 0.25  # of a large segment's chunks may be gone from it, or be in the small one
SEGMENTED: tuple[KeywordKind, ...] = ("keyword.postings", "keyword.terms")
Beneath = tuple[dict[KeywordKind, PartFile], int, list[Places]]


@shard_step("keyword", "cpu")
def keyword_shard(services: Services, task: ShardTask) -> Marker:
    """Return the marker of a shard whose postings are committed."""
    bench, lake = services.bench, services.bench.lake
    parts, before = parts_after(lake, task, *DOCUMENT_STEPS), lake.claim(task.generation).base
    base = sealed_manifest(lake, before)[0] if before is not None else None
    same = base is not None and base.analyser == bench.options.analyser
    held = by_kind(lake.shard_plan(task.generation, task.shard, task.plan_hash).base_parts) if same else {}
    postings, lengths = index_shard(bench, task.shard, parts, held)
    counts = {"documents": parts["documents"].rows, "chunks": lengths.rows, "postings": postings.rows}
    return task.marker("keyword", counts, parts=(postings, lengths))


def index_shard(
    bench: Workbench, shard: int, parts: Mapping[str, PartFile], base: Mapping[str, PartFile]
) -> tuple[PartFile, PartFile]:
    """Write the postings and the lengths of a shard's chunks, and return their parts.

    Of chunks that are a delta onto those of the `base`, whose terms are counted by the same analyser, only the new ones
    are read, and their files put onto the base's, unless the language of one that stays is another now.
    """
    lake, analyser = bench.lake, Analyser.from_record(bench.options.analyser)
    chunks, beneath = parts["chunks"], parts["chunks"].onto
    columns, documents = ["document_id", "text_language"], (parts["documents"], base.get("documents"))
    rows = (lake.read(part, columns).to_pydict().values() if part else ((), ()) for part in documents)
    languages, before = (dict(zip(*pair, strict=True)) for pair in rows)
    if any(languages.get(id_, code) != code for id_, code in before.items()):
        base = {}
    known = base["chunks"].sha256 if {"chunks", "keyword.postings", "keyword.lengths"} <= base.keys() else ""
    if chunks.sha256 == known:
        return base["keyword.postings"], base["keyword.lengths"]
    stays = beneath is not None and beneath.sha256 == known
    table = (lake.read_file if stays else lake.read)(chunks, ["chunk_id", "document_id", "context", "text"])
    texts, contexts = table["text"].to_pylist(), table["context"].to_pylist()
    codes = [languages.get(document, "") for document in table["document_id"].to_pylist()]
    made = shard_postings(texts, table["chunk_id"].to_pylist(), analyser, contexts, codes)
    postings = lake.write_part("keyword.postings", shard, made.postings)
    lengths = lake.write_part("keyword.lengths", shard, made.lengths.replace_schema_metadata(table.schema.metadata))
    if beneath is None or not stays:
        return postings, lengths
    postings = put_onto(base["keyword.postings"], postings, beneath.deleted)
    return postings, put_onto(base["keyword.lengths"], lengths, beneath.deleted, chunks.rows)


def merge_keyword(contents: Contents, base: Contents | None, tally: Tally) -> Contents:
    """Return contents with the files that searches read, merged from the shards' postings in shard order.

    Where little changed since the `base`, its large segment stays, and what that lacks is merged into a small one.
    Collapsed chunks lose their postings but keep their rows, so that row numbers equal those of `chunks`.
    Memory: that of `merge`, and ids, lengths and places of all chunks, about 60 bytes per chunk.
    """
    lake, kinds = contents.lake, get_args(KeywordKind)
    shards = [keyword_files(lake, contents.parts(shard), contents.collapsed) for shard in contents.shards]
    beneath, large, places = _places(contents, base, shards)
    with scratch_folder() as folder:
        made = merge(_lacking(shards, places, large) if places else shards, folder, tally.add)
        if places:
            rows = pa.concat_tables(lengths for lengths, _ in shards)
            write_places(made.lengths, rows, np.concatenate(places), large)
        tally.heard(tally.done)
        keyword = {kind: lake.write_part_file(kind, None, path) for kind, path in zip(kinds, made, strict=True)}
    keyword |= {kind: put_onto(part, keyword[kind], ()) for kind, part in beneath.items()}
    return replace(contents, keyword=keyword)


def _places(contents: Contents, base: Contents | None, shards: Sequence[Shard]) -> Beneath:
    """Return the base's large segment, how many chunks it numbers, and where it has those of each shard, or NOWHERE.

    Nothing: it cannot stay, or so much of it is gone or elsewhere that one segment is better.
    """
    lake = contents.lake
    nothing: Beneath = {}, 0, []
    if base is None or base.shards != contents.shards or not {*get_args(KeywordKind)} <= base.keyword.keys():
        return nothing
    large, held = placed(lake.read(base.keyword["keyword.lengths"]))
    places, start, moved = list[Places](), 0, large
    for shard, (lengths, files) in zip(contents.shards, shards, strict=True):
        before, found = base.parts(shard), np.full(len(lengths), NOWHERE)
        known, now = map(_names, (before, contents.parts(shard)))
        if known == now[: len(known)]:
            earlier = keyword_files(lake, before)[1]
            was, row = (np.concatenate([rows for _, rows in some]) for some in (earlier, files[: len(known)]))
            both = (was >= 0) & (row >= 0)
            found[row[both]] = held[start + was[both]]
        places.append(np.where(found < large, found, NOWHERE))
        start += before["keyword.lengths"].rows
        moved += int((numbers(lengths["length"]) > 0).sum()) - 2 * int((places[-1] != NOWHERE).sum())
    large_files = {kind: base.keyword[kind].files[0] for kind in SEGMENTED}
    return (large_files, large, places) if moved <= FRAGMENTED * large else nothing


def _names(parts: Mapping[str, PartFile]) -> list[tuple[str, str]]:
    """Return the names of a shard's files of postings and lengths: equal lengths alone may be those of other terms."""
    files = (parts[kind].files for kind in ("keyword.postings", "keyword.lengths"))
    return [(postings.sha256, lengths.sha256) for postings, lengths in zip(*files, strict=True)]


def _lacking(shards: Sequence[Shard], places: Sequence[Places], large: int) -> Iterator[Shard]:
    """Yield what a large segment lacks of each shard, and give it places behind those of that segment."""
    for (lengths, files), place in zip(shards, places, strict=True):
        lacks = (numbers(lengths["length"]) > 0) & (place == NOWHERE)
        number = np.append(np.where(lacks, np.cumsum(lacks) - 1, -1), -1)  # the last one for rows that do not count
        place[lacks] = large + np.arange(count := int(lacks.sum()))
        large += count
        some = ((path, number[rows]) for path, rows in files)
        yield lengths.filter(pa.array(lacks)), [(path, rows) for path, rows in some if (rows >= 0).any()]
