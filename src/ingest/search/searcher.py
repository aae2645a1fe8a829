"""One question → answers of one release.

A `Searcher` is bound to one generation and one query profile: keyword index, collection by name and model come from
that generation's manifest, so an answer never mixes two releases, whatever happens to the alias in the meantime.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, islice

import numpy as np

from ingest.errors import InvalidSettings
from ingest.ids import point_id
from ingest.keyword import Formula, KeywordIndex
from ingest.keyword.earlier_analyser import analyser_of
from ingest.lake.contents import Hidden, contents_of
from ingest.lake.model_files import read_learned
from ingest.lake.revocations import MOST_EXCLUDED, Revocations
from ingest.phrases import meant
from ingest.ports import Wording
from ingest.records import Filter, Hit, Manifest, QueryProfile, Result, Vectors
from ingest.search.confidence import LOOKED_AT, Calibration, read_calibration, signals
from ingest.search.fusion import convex, rrf
from ingest.search.indexed_documents import FetchedChunks, IndexedDocuments, open_visibility
from ingest.search.quotations import LOOKED_AT as COMPARED
from ingest.search.quotations import exact_first, held, quotations
from ingest.search.ranking import reranked
from ingest.services import Retrieval

Terms = list[list[str]]  # of each question
STAGES = ("bm25", "dense", "fused")
Rankings = list[list[Hit]]  # of each question
BothScores = tuple[dict[str, float], dict[str, float]]  # cosine and keyword score by chunk id
KEPT = 256  # questions whose terms, and whether they can be read, are kept: both are asked for again
RERANKED = "reranked"  # also a stage if the profile has a re-ranker


@dataclass(frozen=True, slots=True)
class Answer:
    """The ranked chunks for one question, by stage, best first."""

    question: str
    release: int | None
    generation: str
    stages: Mapping[str, list[Result]]
    confidence: float | None = None  # probability that an answer was found, 0 to 1; None without a calibration
    abstain: bool = False  # the confidence is below the calibration's threshold: better to say "I don't know"
    unread: bool = False  # the model cannot read the question: it is answered by its words alone
    fell_back: bool = False  # re-ranking took longer than the profile allows: `reranked` is the fused order

    @property
    def results(self) -> list[Result]:
        """The re-ranked ranking, else the fused one, else that of the only requested stage."""
        return next(self.stages[stage] for stage in (RERANKED, "fused", *self.stages) if stage in self.stages)


@dataclass(frozen=True)
class _Found:
    """What both searches together found for each question."""

    questions: Sequence[str]
    merged: Rankings
    scored: list[BothScores]
    texts: FetchedChunks

    def candidates(self, depth: int | None) -> list[list[Result]]:
        """Return the best of each question with their scores; the texts of all are fetched at once."""
        heads = [hits[:depth] for hits in self.merged]
        held = self.texts.of(hit.chunk_id for head in heads for hit in head)
        return [
            [_scored(held[hit.chunk_id], {"dense": dense, "bm25": keyword, "fused": fused}) for hit in there]
            for there, (dense, keyword) in zip(map(self.texts.there, heads), self.scored, strict=True)
            for fused in [_scores(there)]
        ]


@dataclass
class Searcher:
    """Answers questions from one generation under one query profile. Threads may share it."""

    retrieval: Retrieval
    manifest: Manifest
    profile: QueryProfile
    release: int | None = None

    def __post_init__(self) -> None:
        lake, contents = self.retrieval.lake, contents_of(self.retrieval.lake, self.manifest)
        self._contents = contents
        contents.refuse_recycled(self.retrieval.vectors)
        self._hidden: tuple[Revocations, tuple[Hidden, ...]] = Revocations(), ()
        self._embedder = self.retrieval.open_embedder(self.manifest.model)
        self.documents = IndexedDocuments(contents)
        record, held, files = self.manifest.analyser, self.manifest.languages, contents.searched_files(lake.part_file)
        analyser = analyser_of(record)
        sizes = {code: chunks for code, chunks in held.items() if analyser.space(code)}
        self._keyword = KeywordIndex(*files, formula=Formula.from_record(record), sizes=sizes)
        once = lru_cache(KEPT)(lambda question: analyser.asked([question], held)[0])
        self._asked: Callable[[Sequence[str]], Terms] = lambda questions: [*map(once, questions)]
        unread, most = self._embedder.tokenizer.unread, self.manifest.max_unread_share
        self._cannot_read = lru_cache(KEPT)(lambda question: not question.strip() or unread([question])[0] > most)
        self._asked([""])  # loads what tells the languages of questions apart, if there are several
        self._mask = open_visibility(contents)
        asked = partial(analyser.compared, held=held), self._asked
        self.wording = Wording(*asked, self._keyword.bound, self._embedder.word_table)
        self._reranker = self.retrieval.open_reranker(self.profile, self.wording)
        name = self.profile.calibration
        self._calibration = read_calibration(name, read_learned(self.retrieval.lake.store, name)) if name else None

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of this profile, the best last."""
        return (*STAGES, RERANKED) if self._reranker else STAGES

    def search(
        self, questions: Sequence[str], filter: Filter, top: int = 10, stages: Sequence[str] = ("fused",)
    ) -> list[Answer]:
        """Return one answer per question, in order, with up to `top` results in each of `stages`.

        They have a confidence if the profile has a calibration and one of the stages needs both searches.
        The filter is evaluated inside both searches, before the cutoff; both fetch at least the profile's depth. A
        stage of `self.stages` that is not requested is computed only if a later one needs it.

        Raises: InvalidSettings for a stage or source that is not there, or `top` below 1; UnknownRelease when the
            collection was recycled.
        """
        if unknown := set(stages) - set(self.stages):
            raise InvalidSettings(f"no stage {', '.join(sorted(unknown))} in this profile: {', '.join(self.stages)}")
        if top < 1:
            raise InvalidSettings(f"top: at least 1 expected, found {top}")
        known = [source["name"] for source in self.manifest.settings.get("sources", ())]
        if known and (wrong := next((name for name in filter.sources if name not in known), None)):
            near = f"{meant(wrong, known)}; it has {', '.join(known)}"  # a typing error would answer nothing
            raise InvalidSettings(f"no source {wrong!r} in generation {self.manifest.generation}{near}")
        filter = self.unrevoked(filter)
        told = {"release": self.release or 0, "questions": len(questions)}
        with self.retrieval.observer.span("ingest.search", generation=self.manifest.generation, **told):
            return self._searched(questions, filter, top, stages)

    def unrevoked(self, filter: Filter) -> Filter:
        """Return the filter without what is revoked now, also since this searcher was opened.

        Of more than MOST_EXCLUDED documents, their whole sources are left out. Raises: SchemaMismatch, StoreUnavailable
        when the journal of decisions cannot be read: nothing is shown then.
        """
        told, known = self.retrieval.lake.revocations.now(), self._hidden
        if told != known[0]:
            known = self._hidden = told, tuple(self._contents.hidden(told))
        hidden = [one for one in known[1] if not one[2] or (filter.acl is not None and one[2].isdisjoint(filter.acl))]
        many = len(hidden) > MOST_EXCLUDED
        sources = {*told.sources, *(source for _, source, _ in hidden if many)}
        found = {"document_id": {id_ for id_, *_ in hidden if not many}, "source": sources, "tenant": told.tenants}
        excluded = tuple((field, tuple(names)) for field, values in found.items() if (names := sorted(values)))
        return replace(filter, excluded=excluded)

    def _searched(self, questions: Sequence[str], filter: Filter, top: int, stages: Sequence[str]) -> list[Answer]:
        depth = max(self.profile.depth, top)
        fused = "fused" in stages or RERANKED in stages
        none: Rankings = [[] for _ in questions]
        terms = self._asked(questions)
        bm25 = self._keyword_hits(terms, filter, depth) if fused or "bm25" in stages else none
        vectors = self._encoded(questions) if fused or "dense" in stages else None
        index, collection = self.retrieval.vectors, self.manifest.collection
        dense = none if vectors is None else self._dense_hits(questions, vectors, filter, depth)
        texts = FetchedChunks(index, collection)
        holding = self._holding(questions, filter, [bm25, dense], texts) if fused else [dict[str, int]() for _ in bm25]
        bm25 = [self._joined(*one) for one in zip(terms, bm25, dense, holding, strict=True)]
        scored = self._union(terms, vectors, dense, bm25) if fused and vectors is not None else []
        merged = self._fused(terms, dense, bm25, scored) if fused else none
        both = _Found(questions, merged, scored, texts)
        again = self._reranked(both) if RERANKED in stages else [None] * len(questions)
        sure = self._confidences(both, self._calibration) if scored and self._calibration else [None] * len(questions)
        ranked_hits = [
            {"dense": d, "bm25": k, "fused": exact_first(f, h), RERANKED: exact_first(f if r is None else r, h)}
            for d, k, f, r, h in zip(dense, bm25, merged, again, holding, strict=True)
        ]
        found = texts.of(hit.chunk_id for hits in ranked_hits for stage in stages for hit in hits[stage][:top])
        least = self._calibration.threshold if self._calibration else 0.0
        answers = []
        for question, hits, r, confidence, h in zip(questions, ranked_hits, again, sure, holding, strict=True):
            ranked = {stage: texts.first(hits[stage], top) for stage in stages}
            scores = {**{stage: _scores(hits[stage]) for stage in hits}, RERANKED: _scores(ranked.get(RERANKED, ()))}
            by_stage: dict[str, Mapping[str, float]] = {**scores, "quoted": h}
            results = {stage: [_scored(found[hit.chunk_id], by_stage) for hit in ranked[stage]] for stage in stages}
            abstain, generation = confidence is not None and confidence < least, self.manifest.generation
            told = results, confidence, abstain, self._cannot_read(question), RERANKED in stages and r is None
            answers.append(Answer(question, self.release, generation, *told))
        self._contents.refuse_recycled(self.retrieval.vectors)  # after the last point was read
        return answers

    def candidates(self, questions: Sequence[str], filter: Filter, most: int | None) -> list[list[Result]]:
        """Return the best fused results of each question with the scores of both searches; all if `most` is None."""
        filter, terms, vectors = self.unrevoked(filter), self._asked(questions), self._encoded(questions)
        dense = self._dense_hits(questions, vectors, filter, self.profile.depth)
        bm25 = self._keyword_hits(terms, filter, self.profile.depth)
        scored = self._union(terms, vectors, dense, bm25)
        texts = FetchedChunks(self.retrieval.vectors, self.manifest.collection)
        found = _Found(questions, self._fused(terms, dense, bm25, scored), scored, texts).candidates(most)
        self._contents.refuse_recycled(self.retrieval.vectors)
        return found

    def probe_cosine(self) -> float:
        """Return the cosine between the manifest's probe vector and the same question encoded now."""
        now = self._embedder.embed_questions([self.manifest.probe.question])[0]
        return float(np.dot(now, np.array(self.manifest.probe.vector, np.float32)))

    def _encoded(self, questions: Sequence[str]) -> Vectors:
        self._embedder.prepare_questions()
        return self._embedder.embed_questions(questions)

    def _dense_hits(self, questions: Sequence[str], vectors: Vectors, filter: Filter, depth: int) -> Rankings:
        """Return the nearest chunks; none for a question that the model cannot read: its vector tells nothing."""
        found = self.retrieval.vectors.search(self.manifest.collection, vectors, filter, depth)
        return [[] if self._cannot_read(q) else hits for q, hits in zip(questions, found, strict=True)]

    def _keyword_hits(self, terms: Terms, filter: Filter, depth: int) -> Rankings:
        mask = self._mask(filter)
        return self._keyword.search(terms, [mask] * len(terms), depth)

    def _holding(
        self, questions: Sequence[str], filter: Filter, found: Sequence[Rankings], texts: FetchedChunks
    ) -> list[dict[str, int]]:
        """Return for each question how many of the strings that it quotes chunks hold; no chunk that holds none."""
        quoted = [*map(quotations, questions)]
        alone = iter(self._keyword_hits(self._asked([*chain.from_iterable(quoted)]), filter, COMPARED))
        looked_at = [
            {hit.chunk_id for hits in (*islice(alone, len(strings)), *best) for hit in hits[:COMPARED] if strings}
            for strings, *best in zip(quoted, *found, strict=True)
        ]
        known = texts.of(chain.from_iterable(looked_at))
        return [
            {chunk: times for chunk in sorted(ids & known.keys()) if (times := held(strings, known[chunk].text))}
            for strings, ids in zip(quoted, looked_at, strict=True)
        ]

    def _joined(self, terms: list[str], bm25: list[Hit], dense: list[Hit], holding: Mapping[str, int]) -> list[Hit]:
        """Return a keyword ranking with the chunks that hold a quoted string and that neither search found so far."""
        more = self._keyword.scores(terms, sorted(holding.keys() - {hit.chunk_id for hit in (*bm25, *dense)}))
        return [*bm25, *(Hit(chunk, score) for chunk, score in sorted(more.items(), key=lambda one: -one[1]))]

    def _fused(self, terms: Terms, dense: Rankings, bm25: Rankings, scored: list[BothScores]) -> Rankings:
        if self.profile.fusion == "rrf":
            unread = (
                {hit.chunk_id for hit in k} - cosines.keys() for k, (cosines, _) in zip(bm25, scored, strict=True)
            )
            return [rrf([d, k], self.profile.rrf_k, u) for d, k, u in zip(dense, bm25, unread, strict=True)]
        weight, bound = self.profile.dense_weight, self._keyword.bound
        return [convex(*both, weight, bound(question)) for both, question in zip(scored, terms, strict=True)]

    def _reranked(self, found: _Found) -> list[list[Hit] | None]:
        """Return each question's ranking scored again, None where that took too long."""
        assert self._reranker is not None
        heads = found.candidates(self.profile.rerank_depth)
        merged = map(found.texts.there, found.merged)
        every = zip(found.questions, heads, merged, strict=True)
        limit = self.profile.rerank_milliseconds, self.retrieval.monotonic
        return [reranked(self._reranker, *one, limit) for one in every]

    def _confidences(self, found: _Found, calibration: Calibration) -> Sequence[float | None]:
        asked = zip(found.questions, found.candidates(LOOKED_AT), strict=True)
        rows = np.array([signals(question, head, self.wording) for question, head in asked])
        sure: list[float] = calibration.confidences(rows).tolist()
        return [one if hits else 0.0 for one, hits in zip(sure, found.merged, strict=True)]  # nothing found: no answer

    def _union(self, terms: Terms, vectors: Vectors, dense: Rankings, bm25: Rankings) -> list[BothScores]:
        """Return both scores of every chunk that either stage found, by id; what a stage did not fetch is asked for."""
        known = [(_scores(d), _scores(k)) for d, k in zip(dense, bm25, strict=True)]
        ids = [[point_id(chunk) for chunk in sorted(k.keys() - d.keys() if d else ())] for d, k in known]
        more = self.retrieval.vectors.scores(self.manifest.collection, vectors, ids)
        return [
            ({**d, **cosines}, {**k, **self._keyword.scores(query, sorted(d.keys() - k.keys()))})
            for (d, k), cosines, query in zip(known, more, terms, strict=True)
        ]


def _scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.chunk_id: hit.score for hit in hits}


def _scored(result: Result, stages: Mapping[str, Mapping[str, float]]) -> Result:
    scores = {stage: scores[result.chunk_id] for stage, scores in stages.items() if result.chunk_id in scores}
    return replace(result, scores=scores)
