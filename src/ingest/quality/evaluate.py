"""Evaluate: ask candidate and serving release the judged questions on the real query path; the gate judges."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ingest.errors import DamagedFile, IngestError, InvalidSettings, SchemaMismatch, Tolerated, UnknownReaderFormat
from ingest.extras import require
from ingest.lake.contents import contents_of
from ingest.lake.model_files import read_learned
from ingest.phrases import meant
from ingest.ports import Reranker, Store, Wording
from ingest.quality import judged_sets
from ingest.quality.anchors import Anchored, Side, anchored, keep_moves, side_of
from ingest.quality.gate import NAMED, Facts, judge
from ingest.quality.hubs import FIRST, Crowd, hubs_told
from ingest.quality.metrics import DEPTH, METRICS, score_questions
from ingest.quality.question_slices import slices_of
from ingest.records import Asker, BuildOptions, Manifest, QueryProfile, Question, Release, Result, Verdict
from ingest.search import Searcher
from ingest.search.confidence import read_calibration
from ingest.search.context import counter
from ingest.search.searcher import RERANKED, STAGES
from ingest.services import OpenReranker, Retrieval

WORDLESS = Wording(lambda _: [], lambda _: [], lambda _: 0.0)  # only to open a re-ranker
UNCALIBRATED = {"calibration": ""}  # so that a lost or outdated calibration blocks nothing; rankings stay the same
Problems = Sequence[str]  # one sentence each
Scores = dict[str, dict[str, float]]  # query id → "stage.metric" → value


def evaluate(
    retrieval: Retrieval, options: BuildOptions, candidate: Manifest, serving: Release | None, problems: Problems = ()
) -> Verdict:
    """Return the verdict on a candidate under the options' query profile; `problems` speak against it already."""
    lake = retrieval.lake
    asked = judged_sets.scored_questions(read_sets(options.judged))
    questions = [q for q in asked.every if q.answerable]
    base, before = _serving(retrieval, serving, questions)
    now = side_of(contents_of(lake, candidate), questions, before)
    found = anchored(questions, now, before)
    keep_moves(lake, candidate.generation, found.moves)
    searcher = Searcher(retrieval, candidate, untimed(options.profile))
    sides = [(side, Crowd(side.manifest.counts)) for side in (searcher, base) if side is not None]
    scores, leaked = score(searcher, found.live, sides[0][1]), _leaks(searcher, found, now.askers)
    against = score(base, found.for_base, sides[1][1]) if base is not None else None
    crowded, notes = _crowded(sides, options.gate.max_hub_share)
    facts = Facts(
        index=lake.index,
        candidate=candidate.generation,
        serving=base.manifest.generation if base is not None else None,
        release=serving.number if serving is not None else None,
        judged=len(questions),
        stale=found.stale,
        moved={move.doc: move.to for move in found.moves},
        slices={q.query_id: [*q.slices.items()] for q in questions}
        | {q.query_id: slices_of(q, found.rows[q.query_id]) for q in found.live},
        unscored=asked.unscored,
        must_pass=[q.query_id for q in questions if q.must_pass],
        problems=(*problems, *_problems(candidate, options.gate.min_dense_recall), *leaked, *crowded),
        notes=notes,
    )
    return judge(scores, against, options.gate, facts)


def _serving(
    retrieval: Retrieval, release: Release | None, questions: Sequence[Question]
) -> tuple[Searcher | None, Side | None]:
    """Return what serves, without what must not block, and what it holds of judged documents, if it can be asked."""
    lake, told = retrieval.lake, "the serving release cannot be asked, so there is nothing to compare with"
    with Tolerated(told, DamagedFile, UnknownReaderFormat):
        base = lake.manifest(release.generation) if release is not None else None
        if release is None or base is None or base.collection not in retrieval.vectors.collections():
            return None, None
        profile = untimed(lake.profile(release.profile), **UNCALIBRATED)
        before = side_of(contents_of(lake, base), questions)
        told = "the serving release cannot be opened as it is, so its fused order is compared"
        with Tolerated(told, InvalidSettings, SchemaMismatch):  # a re-ranker that is lost or outdated blocks nothing
            return Searcher(retrieval, base, profile, release.number), before
        alone = profile.model_copy(update={"reranker": "none", "reranker_model": ""})
        return Searcher(retrieval, base, alone, release.number), before
    return None, None


def untimed(profile: QueryProfile, **others: str | int) -> QueryProfile:
    """Return the profile with other values and no limit on re-ranking: how busy the machine is must not count."""
    return profile.model_copy(update={"rerank_milliseconds": 0, **others})


def _problems(candidate: Manifest, floor: float) -> tuple[str, ...]:
    if (recall := candidate.recall) is None or recall.mean >= floor:
        return ()
    told = f"The approximate dense search finds {recall.mean:.3f} of the {recall.at} nearest that an exact one finds"
    return (f"{told}, on average of {recall.questions} stored vectors; the floor min_dense_recall is {floor}.",)


def read_sets(judged: Sequence[Path]) -> list[list[Question]]:
    """Return the questions of some judged sets, each set once. Raises: InvalidSettings, naming file and line."""
    if judged:
        require("judged questions", "ingest[evaluate]", "ir-measures", "scipy")
    sets, known = list[list[Question]](), dict[str, str]()
    for path in {path.resolve(): path for path in judged}.values():
        try:
            with path.open(encoding="utf-8") as lines:
                sets.append(judged_sets.read_judged_set(lines, str(path), known))
        except (OSError, UnicodeDecodeError) as error:
            told = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start}"
            raise InvalidSettings(f"judged set {path}: {told}") from error
    return sets


def score(searcher: Searcher, questions: Sequence[Question], crowd: Crowd | None = None) -> Scores:
    """Return each question's metrics at every stage, from the searcher's own answers; `crowd` gets what callers get."""
    scores, count = Scores({q.query_id: {} for q in questions}), counter(searcher.retrieval.tokenizer)
    search = partial(searcher.search, top=DEPTH, stages=searcher.stages)
    for batch in judged_sets.asked_in_batches(searcher.retrieval.observer, "evaluate", questions, search):
        for stage in searcher.stages:
            rows = score_questions([(answer.stages[stage], question) for question, answer in batch], count)
            for query_id, row in rows.items():
                scores[query_id] |= {f"{stage}.{metric}": value for metric, value in row.items()}
        if crowd is not None:
            crowd.add_all((question, answer.stages[searcher.stages[-1]]) for question, answer in batch)
    return scores


def _crowded(sides: Sequence[tuple[Searcher, Crowd]], most: float) -> tuple[list[str], list[str]]:
    """Ask both sides the candidate's known-item questions, too; return what its hubs are against it, and warnings."""
    items = sides[0][1].known_items()
    for searcher, crowd in sides:
        search = partial(searcher.search, top=FIRST, stages=searcher.stages[-1:])
        for batch in judged_sets.asked_in_batches(searcher.retrieval.observer, "evaluate", items, search):
            crowd.add_all((question, answer.stages[searcher.stages[-1]]) for question, answer in batch)
    return hubs_told(sides[0][1], sides[1][1] if sides[1:] else None, most)


def _leaks(searcher: Searcher, judged: Anchored, known: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Ask every question once as somebody who may not see its gold documents; return who got what, one sentence each.

    `known`: tenants and groups of the generation. Only the two searches are run: every later stage has its results from
    them. Among what they find, the documents of all judged questions are recognised; nobody must find anything.
    """
    if not (askers := judged_sets.forbidden_askers(known)):
        return ()
    questions = [replace(q, asker=judged_sets.forbidden_to(q, judged.held[q.query_id], askers)) for q in judged.live]
    documents = {row.document_id: row for rows in judged.held.values() for row in rows}

    def shows(asker: Asker, result: Result) -> bool:
        row = documents.get(result.document_id)
        return asker == askers[-1] if row is None else not judged_sets.may_see(asker, row)

    told, search = {}, partial(searcher.search, top=DEPTH, stages=("bm25", "dense"))
    for batch in judged_sets.asked_in_batches(searcher.retrieval.observer, "evaluate", questions, search):
        for question, answer in batch:
            if shown := {r.path for ranked in answer.stages.values() for r in ranked if shows(question.asker, r)}:
                more = f" and {len(shown) - 1} more documents" if len(shown) > 1 else ""
                who = judged_sets.named(question.asker)
                told[question.query_id] = f"{min(shown)}{more}, asked as {who}, who may not see that"
    reasons = [f"Question {query_id} leaks: it shows {told[query_id]}." for query_id in sorted(told)]
    left = len(reasons) - NAMED
    return (*reasons[:NAMED], *([f"{left} more questions leak."] if left > 0 else []))


def check_asking(options: BuildOptions, open_reranker: OpenReranker, store: Store) -> None:
    """Check judged sets, re-ranker, calibration, metrics. Raises: what is wrong; InvalidSettings for several faults."""
    faults, opened = list[IngestError](), list[Reranker | None]()
    profile, fitted = options.profile, options.profile.calibration
    acts: list[Callable[[], object]] = [
        lambda: read_sets(options.judged),
        lambda: opened.append(open_reranker(profile, WORDLESS)),
        lambda: read_calibration(fitted, read_learned(store, fitted)) if fitted else None,
    ]
    for act in acts:
        try:
            act()
        except IngestError as error:
            faults.append(error)
    stages = (*STAGES, RERANKED) if opened[-1:] != [None] else STAGES
    known = [f"{stage}.{metric}" for stage in stages for metric in METRICS]
    named = {key: getattr(options.gate, key) for key in ("metric", "must_pass_metric")}
    named |= {f"floors.{name}": name for name in options.gate.floors}
    for key, name in ((key, name) for key, name in named.items() if name not in known):
        near = meant(name, known) or f"; there are {', '.join(METRICS)}, each as <stage>.<metric>"
        faults.append(InvalidSettings(f"gate.{key}: nothing is measured as {name!r} under this query profile{near}"))
    if faults:
        every = InvalidSettings(f"{len(faults)} faults: {'; '.join(map(str, faults))}")
        raise every if len(faults) > 1 else faults[0]
