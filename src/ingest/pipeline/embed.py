"""embed_shard: vectors for committed chunks without one. No text is embedded twice, unless a scope says so."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest import errors
from ingest.documents.chunking import model_input
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import by_kind, outermost, read_rows
from ingest.pipeline.claiming import unreleased_rows
from ingest.pipeline.collection_points import NORM_TOLERANCE
from ingest.pipeline.shard_builder import Made
from ingest.pipeline.tasks import ShardTask, joined, parts_after, shard_step, written
from ingest.ports import Embedder
from ingest.records import Marker, PartFile, Vectors
from ingest.services import Services

TEXTS = ["embedding_key", "context", "text"]  # columns of chunks
FIRST_TEXTS = 16  # in the first call of the embedder
FAST_SECONDS, SLOW_SECONDS = 1.0, 2.0  # a call below the first doubles the next one, a call above the second halves it
DURABLE_SECONDS = 5.0  # after which vectors are written, though their slice is not finished: a kill costs little more
PLAIN = "a plain text"  # for which any model that works has a vector


def settled(services: Services, task: ShardTask, slices: Sequence[Marker]) -> Marker:
    """Return one marker for all slices, with parts in which last good versions replace what the model refuses."""
    marker, lake = joined(services, task, slices), services.bench.lake
    parts, counts, made = parts_after(lake, task, "chunk"), Counter(marker.counts), tuple[PartFile, ...]()
    refused = more = {key: why for one in slices for key, why in one.refused.items()}
    while more:
        made, failed = set_aside(services, task, parts, refused)
        parts |= by_kind(made)
        counts.update(failed)
        table = lake.read(parts["chunks"], TEXTS)
        keys = table["embedding_key"].to_pylist()
        store = lake.embeddings(services.bench.model.fingerprint)
        passes, more = _embed(services, task, store.missing(keys), table, replaces=False)
        refused = refused | more
        counts.update(forward_passes=passes)
        marker = marker.model_copy(update={"segments": store.segments_of(keys)})
    return marker.model_copy(update={"parts": made, "counts": dict(counts), "refused": refused})


@shard_step("embed", "gpu", join=settled)
def embed_shard(services: Services, task: ShardTask) -> Marker:
    """Embed what has no vector or is to be embedded again; return the marker. Raises: TransientError, FatalError."""
    lake, model = services.bench.lake, services.bench.model
    parts = parts_after(lake, task, "chunk")
    table = lake.read(parts["chunks"], TEXTS)[task.range]
    keys = table["embedding_key"].to_pylist()
    store = lake.embeddings(model.fingerprint)
    plan = lake.shard_plan(task.generation, task.shard, task.plan_hash)
    wanted = _keys_of(lake, parts, {*plan.embed_again}) if plan.embed_again else set[str]()
    done_again = store.made_again(task.generation) if wanted else set[str]()  # by an attempt that was killed
    again = [key for key in keys if key in wanted and key not in done_again]
    missing = [*dict.fromkeys(store.missing(keys) + again)]
    passes, refused = _embed(services, task, missing, table, replaces=bool(again))
    sizes = {"documents": 0 if task.rows and task.rows[0] else parts["documents"].rows, "chunks": len(keys)}
    counts = {**sizes, "embedded": len(missing) - len(refused), "forward_passes": passes}
    done = task.marker("embed", counts, segments=store.segments_of(keys), refused=refused)
    return done if task.rows is not None else settled(services, task, [done])


def _embed(
    services: Services, task: ShardTask, missing: list[str], table: pa.Table, *, replaces: bool
) -> tuple[int, dict[str, str]]:
    """Add segments with the vectors of the missing keys, the longest texts first: too little memory shows at once.

    What is embedded is durable within seconds, so a killed run loses little. Return the number of forward passes, and
    by key why the model gives a text no vector and the store has none.
    """
    if not missing:
        return 0, {}
    retrieval, model, again = services.retrieval, services.bench.model, task.generation if replaces else ""
    embedder, store = retrieval.open_embedder(model), services.bench.lake.embeddings(model.fingerprint)
    rows = table.filter(pc.is_in(table["embedding_key"], pa.array(missing, pa.string()))).to_pylist()
    inputs = {row["embedding_key"]: model_input(row["context"], row["text"]) for row in rows}
    texts = sorted(inputs.items(), key=lambda item: len(item[1]), reverse=True)
    before, found, refused = embedder.forward_passes, dict[str, Vectors](), dict[str, str]()
    start, size, written = 0, FIRST_TEXTS, retrieval.monotonic()
    while start < len(texts):
        began = retrieval.monotonic()
        vectors, reasons = embed_texts(embedder, dict(texts[start : start + size]))
        start, now = start + len(vectors) + len(reasons), retrieval.monotonic()
        retrieval.observer.reached("embed", task.name, len(table) - len(texts) + start)
        found |= vectors
        refused |= {key: str(error) for key, error in reasons.items()}
        if found and (now - written >= DURABLE_SECONDS or start == len(texts)):
            token, made = services.writer.new_token(), np.stack([*found.values()])
            store.add([*found], made, embedder.backend, token, again)
            found, written = {}, now
        if now - began < FAST_SECONDS:
            size *= 2
        elif now - began > SLOW_SECONDS:
            size = max(size // 2, 1)
    absent = set(store.missing([*refused]))  # else a vector of before stays
    return embedder.forward_passes - before, {key: why for key, why in refused.items() if key in absent}


def _keys_of(lake: Lake, parts: Mapping[str, PartFile], documents: set[str]) -> set[str]:
    """Return the embedding keys of listed documents, by id, and of all documents inside them."""
    rows = lake.read(parts["documents"], ["document_id", "parent"]).to_pylist()
    parents = {row["document_id"]: row["parent"] for row in rows}
    chunks = lake.read(parts["chunks"], ["embedding_key", "document_id"]).to_pylist()
    return {row["embedding_key"] for row in chunks if outermost(parents, row["document_id"]) in documents}


def set_aside(
    services: Services, task: ShardTask, parts: Mapping[str, PartFile], refused: Mapping[str, str]
) -> tuple[tuple[PartFile, ...], Counter[str]]:
    """Return a shard's parts without the documents that hold a refused chunk, and these documents, counted by error.

    Each goes to quarantine, a document inside another by itself. The last good version of a listed one takes its place.
    """
    bench = services.bench
    plan = bench.lake.shard_plan(task.generation, task.shard, task.plan_hash)
    found, replaced = read_rows(bench.lake, parts), set[str]()
    made = Made(bench, plan, services.writer.clock(), refused=refused)
    made.earlier = unreleased_rows(bench.lake, task)
    for row in (row for row in found.documents.values() if not row.parent):
        try:
            made.carry(row, found)
        except errors.UnembeddableDocument as error:
            if row.status == "current":  # a last good version is in quarantine already
                made.fail(row, "embed", error)
                replaced.add(row.uri)
    before = {uri: row for uri, row in found.quarantine.items() if not row.parent}
    made.rows.quarantine = before | made.rows.quarantine
    counts = Counter({name: n for name, n in made.counts.items() if name.startswith("quarantined")})
    for planned in (planned for planned in plan.documents if planned.uri in replaced):
        made.keep_last_good(planned)
    return written(bench.lake, task, made.tables()), counts


def embed_texts(
    embedder: Embedder, texts: Mapping[str, str]
) -> tuple[dict[str, Vectors], dict[str, errors.DocumentError]]:
    """Return by key the (dimension,) float32, L2-normalised vector of a text, or why it has none.

    What the embedder refuses together is tried in halves, and a vector that is not of length 1 once more alone. Raises:
    FatalError if a plain text has none either (the model is at fault), DimensionMismatch, AccessDenied, TransientError.
    """
    vectors, refused, model = dict[str, Vectors](), dict[str, errors.DocumentError](), embedder.record
    waiting = [[*texts]]
    while waiting:
        keys = waiting.pop()
        try:
            found = embedder.embed([texts[key] for key in keys])
            if found.shape != (len(keys), model.dimension):
                told = f"vectors of shape {found.shape} for {len(keys)} texts in {model.dimension} dimensions"
                raise errors.DimensionMismatch(f"model {model.name}: {told}")
            norms = np.linalg.norm(found, axis=1)
            sound = np.abs(norms - 1) < NORM_TOLERANCE  # False for what is not finite
            if len(keys) == 1 and not sound[0]:
                told = f"model {model.name}: the vector of a chunk has norm {norms[0]:g}, not 1"
                raise errors.UnembeddableDocument(told)
        except (errors.AccessDenied, errors.DimensionMismatch):
            raise
        except (errors.DocumentError, errors.FatalError) as error:
            if len(keys) > 1:
                half = (len(keys) + 1) // 2
                waiting += [keys[half:], keys[:half]]
                continue
            refused[keys[0]] = _refusal(embedder, error, checks=not refused)
        else:
            vectors |= {key: vector for key, vector, is_sound in zip(keys, found, sound, strict=True) if is_sound}
            waiting += [[key] for key, is_sound in zip(keys, sound, strict=True) if not is_sound]
    return vectors, refused


def _refusal(embedder: Embedder, error: errors.IngestError, *, checks: bool) -> errors.DocumentError:
    """Return why a text has no vector. Raises: FatalError when, as is checked, a plain text has none either."""
    told, norm = error, 1.0
    try:
        norm = float(np.linalg.norm(embedder.embed([PLAIN]))) if checks else norm
    except (errors.DocumentError, errors.FatalError) as other:
        told, norm = other, 0.0
    if not abs(norm - 1) < NORM_TOLERANCE:
        raise errors.FatalError(f"model {embedder.record.name}: no vector for a plain text either; {told}")
    return error if isinstance(error, errors.DocumentError) else errors.UnembeddableDocument(str(error))
