"""One question → answers of one release.

A `Searcher` is bound to one generation and one query profile: keyword index, collection by name and model come from
that generation's manifest, so an answer never mixes two releases whatever happens to the alias meanwhile.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.bm25 import Analyser, KeywordIndex
from ingest.errors import SchemaMismatch, UnknownRelease
from ingest.fusion import convex, rrf
from ingest.ids import point_id
from ingest.journal import Journal
from ingest.lake.lake import Lake
from ingest.ports import Services
from ingest.records import EVERYTHING, Filter, Hit, Manifest, PartFile, QueryProfile, Release, Result

STAGES = ("bm25", "dense", "fused")
MASKS = 16  # filters whose keyword masks are kept, one byte a chunk each


@dataclass(frozen=True, slots=True)
class Answer:
    """The ranked chunks for one question, by stage, best first."""

    question: str
    release: int | None
    generation: str
    stages: Mapping[str, list[Result]]

    @property
    def results(self) -> list[Result]:
        """The fused ranking, or that of the one stage that was asked for."""
        return self.stages["fused"] if "fused" in self.stages else next(iter(self.stages.values()))


def release_in_force(aliases: Mapping[str, str], releases: Journal[Release], index: str) -> Release | None:
    """Return the release that one answer of `get_aliases` shows; None when nothing serves.

    The fence `<index>@<m>` gives m: release m if its record names the collection behind `<index>`, else m − 1, which
    must. The fence's own target is never used. Raises: SchemaMismatch when neither record names that collection.
    """
    shown = aliases.get(index)
    fences = [int(m[1]) for name in aliases if (m := re.fullmatch(rf"{re.escape(index)}@([1-9]\d*)", name))]
    if len(fences) > 1:
        raise SchemaMismatch(f"index {index}: one fence alias expected, found {sorted(fences)}")
    if shown is None or not fences:
        return None
    for number in (fences[0], fences[0] - 1):
        record = releases.get(number) if number > 0 else None
        if record is not None and record.collection == shown:
            return record
    raise SchemaMismatch(f"alias {index} shows {shown}, but neither release {fences[0]} nor {fences[0] - 1} names it")


def open_serving(services: Services) -> "Searcher":
    """Return a searcher on the release in force. Raises: UnknownRelease when nothing serves."""
    lake = Lake(services.store, services.options.index)
    release = release_in_force(services.vectors.aliases(), lake.releases, lake.index)
    if release is None and lake.releases.last():
        raise UnknownRelease(
            f"index {lake.index}: its aliases are lost; `ingest run`, promote or rollback restores them"
        )
    if release is None:
        raise UnknownRelease(f"index {lake.index}: nothing serves yet; `ingest run` builds and promotes a generation")
    return open_release(services, release)


def open_release(services: Services, release: Release) -> "Searcher":
    """Return a searcher on a release. Raises: UnknownRelease when its generation is not sealed."""
    lake = Lake(services.store, services.options.index)
    manifest = lake.manifest(release.generation)
    if manifest is None:
        raise UnknownRelease(f"release {release.number} names generation {release.generation}, which has no manifest")
    return Searcher(services, manifest, lake.profile(release.profile), release.number)


@dataclass
class Searcher:
    """Answers questions from one generation under one query profile. Safe to share between threads."""

    services: Services
    manifest: Manifest
    profile: QueryProfile
    release: int | None = None
    _masks: OrderedDict[Filter, NDArray[np.bool_]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        lake = Lake(self.services.store, self.manifest.index)
        self._embedder = self.services.open_embedder(self.manifest.model)
        files = {p.kind: lake.part_path(p) for p in self.manifest.parts if p.shard is None}
        self._analyser = Analyser.from_record(self.manifest.analyser)
        self._keyword = KeywordIndex.open(
            files["keyword.postings"], files["keyword.terms"], files["keyword.lengths"],
            k1=float(self.manifest.analyser["k1"]), b=float(self.manifest.analyser["b"]),
        )  # fmt: skip
        self._attributes = _attributes(lake, self.manifest)

    def search(
        self, questions: Sequence[str], filter: Filter, top: int = 10, stages: Sequence[str] = ("fused",)
    ) -> list[Answer]:
        """Return one answer a question, in order, with up to `top` results in each of `stages`.

        Args:
            questions: Texts, as asked.
            filter: Evaluated inside both searches, before the cut.
            top: Results wanted; both indexes are asked for at least the profile's depth.
            stages: Of bm25, dense, fused. One that is not asked for is not computed unless fusion needs it.
        """
        depth = max(self.profile.depth, top)
        fused = "fused" in stages
        none: list[list[Hit]] = [[] for _ in questions]
        bm25 = self._keyword_hits(questions, filter, depth) if fused or "bm25" in stages else none
        dense = self._dense_hits(questions, filter, depth) if fused or "dense" in stages else none
        rankings = []
        for d, k in zip(dense, bm25, strict=True):
            ranked = {"dense": d[:top], "bm25": k[:top], "fused": self._fuse(d, k)[:top] if fused else []}
            rankings.append((ranked, {"dense": _scores(d), "bm25": _scores(k), "fused": _scores(ranked["fused"])}))
        wanted = {hit.chunk_id for ranked, _ in rankings for stage in stages for hit in ranked[stage]}
        found = self._results(sorted(wanted))
        return [
            Answer(
                question, self.release, self.manifest.generation,
                {stage: [_scored(found[h.chunk_id], scores) for h in ranked[stage]] for stage in stages},
            )
            for question, (ranked, scores) in zip(questions, rankings, strict=True)
        ]  # fmt: skip

    def probe_cosine(self) -> float:
        """Return the cosine between the manifest's probe vector and the same question encoded now."""
        now = self._embedder.embed_questions([self.manifest.probe.question])[0]
        return float(np.dot(now, np.array(self.manifest.probe.vector, np.float32)))

    def _dense_hits(self, questions: Sequence[str], filter: Filter, depth: int) -> list[list[Hit]]:
        vectors = self._embedder.embed_questions(questions)
        return self.services.vectors.search(self.manifest.collection, vectors, filter, depth)

    def _keyword_hits(self, questions: Sequence[str], filter: Filter, depth: int) -> list[list[Hit]]:
        mask = self._mask(filter)
        return self._keyword.search(self._analyser.terms(questions), [mask] * len(questions), depth)

    def _fuse(self, dense: list[Hit], bm25: list[Hit]) -> list[Hit]:
        if self.profile.fusion == "rrf":
            return rrf([dense, bm25], self.profile.rrf_k)
        return convex(dense, bm25, self.profile.dense_weight)

    def _results(self, chunk_ids: Sequence[str]) -> dict[str, Result]:
        points = self.services.vectors.retrieve(self.manifest.collection, [point_id(c) for c in chunk_ids])
        results = {}
        for chunk in chunk_ids:
            point = points.get(point_id(chunk))
            if point is None:
                raise SchemaMismatch(f"{self.manifest.collection}: chunk {chunk} is only in the keyword index")
            results[chunk] = _result(point.payload)
        return results

    def _mask(self, filter: Filter) -> NDArray[np.bool_] | None:
        if filter == EVERYTHING:
            return None
        mask = self._masks.get(filter)
        if mask is None:  # other threads may add and remove meanwhile: what was found or made here is what counts
            mask = self._masks[filter] = _matches(self._attributes, filter)
            while len(self._masks) > MASKS:
                with suppress(KeyError):
                    self._masks.popitem(last=False)
        return mask


def shard_parts(manifest: Manifest, kind: str) -> list[PartFile]:
    """Return a kind's parts of all shards in the order of the shards."""
    parts = [p for p in manifest.parts if p.kind == kind and p.shard is not None]
    return sorted(parts, key=lambda p: p.shard if p.shard is not None else -1)


def _attributes(lake: Lake, manifest: Manifest) -> pa.Table:
    columns = ["document_id", "source", "acl", "tenant"]
    tables = [lake.read(part, columns) for part in shard_parts(manifest, "attributes")]
    return pa.concat_tables(tables)


def _matches(attributes: pa.Table, filter: Filter) -> NDArray[np.bool_]:
    mask = np.ones(len(attributes), np.bool_)
    if filter.tenant is not None:
        mask &= _in(attributes["tenant"], [filter.tenant])
    if filter.sources:
        mask &= _in(attributes["source"], filter.sources)
    if filter.documents:
        mask &= _in(attributes["document_id"], filter.documents)
    if filter.acl is not None:
        groups = attributes["acl"].combine_chunks()
        allowed = np.asarray(_in(pc.list_flatten(groups), filter.acl))
        visible = np.zeros(len(mask), np.bool_)
        visible[np.asarray(pc.list_parent_indices(groups))[allowed]] = True
        mask &= visible
    return mask


def _in(column: Any, values: Sequence[str]) -> NDArray[np.bool_]:
    return np.asarray(pc.is_in(column, value_set=pa.array(values, pa.string())))


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in hits}


def _scored(result: Result, stages: Mapping[str, Mapping[str, float]]) -> Result:
    scores = {stage: scores[result.chunk_id] for stage, scores in stages.items() if result.chunk_id in scores}
    return replace(result, scores=scores)


def _result(payload: Mapping[str, Any]) -> Result:
    m = payload["metadata"]
    return Result(
        m["chunk_id"], m["document_id"], m["uri"], m["source"], m["path"], m["title"], tuple(m["heading_path"]),
        payload["page_content"], m["start"], m["end"], page=m.get("page"),
    )  # fmt: skip
