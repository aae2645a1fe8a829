"""Evaluate: the judged questions through the real query path, on candidate and serving release; the gate judges."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ingest.gate import Facts, judge
from ingest.lake.lake import Lake
from ingest.lake.tables import DocumentRow, document_rows, quarantine_rows
from ingest.metrics import read_judged_set, relocate, score_questions
from ingest.pipeline.work import Contents, contents_of
from ingest.ports import Services
from ingest.records import EVERYTHING, Gold, Manifest, QueryProfile, Question, Release, Verdict
from ingest.search import STAGES, Searcher

BATCH = 64  # questions searched at once
DEPTH = 50  # results a stage that the metrics look at
Scores = dict[str, dict[str, float]]  # query id → "stage.metric" → value


@dataclass(frozen=True)
class JudgedDocument:
    """What one generation holds of a judged document."""

    row: DocumentRow
    text: str


@dataclass(frozen=True)
class _Side:
    documents: dict[str, JudgedDocument]  # by path
    quarantined: frozenset[str]  # paths


def evaluate(services: Services, candidate: Manifest, profile: QueryProfile, serving: Release | None) -> Verdict:
    """Return the verdict on a candidate under a query profile, compared with the serving release if there is one."""
    lake = Lake(services.store, candidate.index)
    questions = judged_questions(services)
    base = lake.manifest(serving.generation) if serving is not None else None
    if base is not None and serving is not None and _unopenable(services, base):
        base = None
    judged = _paths(questions)
    now = _side(contents_of(lake, candidate), judged)
    before = _side(contents_of(lake, base), judged) if base is not None else None
    live, for_base, stale = anchored(questions, now, before)
    scores = score(services, Searcher(services, candidate, profile), live)
    against: Scores | None = None
    if base is not None and serving is not None:
        against = score(services, Searcher(services, base, lake.profile(serving.profile), serving.number), for_base)
    facts = Facts(
        index=lake.index, candidate=candidate.generation, serving=base.generation if base is not None else None,
        release=serving.number if serving is not None else None, stale=tuple(stale), judged=len(questions),
        must_pass=tuple(q.query_id for q in questions if q.must_pass),
    )  # fmt: skip
    return judge(scores, against, services.options.gate, facts)


def judged_questions(services: Services) -> list[Question]:
    """Return the questions of all judged sets of the settings, answerable ones with a gold place.

    Raises: InvalidSettings, naming file and line.
    """
    questions: list[Question] = []
    for path in services.options.judged:
        with path.open(encoding="utf-8") as lines:
            questions += read_judged_set(lines, str(path))
    return [q for q in questions if q.answerable and q.gold]


def score(services: Services, searcher: Searcher, questions: Sequence[Question]) -> Scores:
    """Return each question's metrics at every stage, from the searcher's own answers."""
    scores: Scores = {q.query_id: {} for q in questions}
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        answers = searcher.search([q.text for q in batch], EVERYTHING, DEPTH, STAGES)
        for stage in STAGES:
            pairs = [(list(a.stages[stage]), q) for a, q in zip(answers, batch, strict=True)]
            for query_id, row in score_questions(pairs, _counter(services)).items():
                scores[query_id] |= {f"{stage}.{metric}": value for metric, value in row.items()}
        services.observer.advanced("evaluate", {"questions": len(batch)})
    return scores


def anchored(
    questions: Sequence[Question], now: _Side, before: _Side | None
) -> tuple[list[Question], list[Question], list[str]]:
    """Return the questions with anchors for the candidate, for the serving release, and the ids of stale ones.

    A judgment is stale only when the source changed or deleted its bytes; a place that is merely no longer found stays
    and scores zero, for that is the damage to be caught. A stale place leaves both sides.
    """
    live, for_base, stale = [], [], []
    for question in questions:
        pairs = [(_anchor(g, now, before), g if before is None else _anchor(g, before, now)) for g in question.gold]
        kept = [(a, b) for a, b in pairs if a is not None]
        if not kept:
            stale.append(question.query_id)
            continue
        live.append(replace(question, gold=tuple(a for a, _ in kept)))
        for_base.append(replace(question, gold=tuple(b if b is not None else a for a, b in kept)))
    return live, for_base, stale


def _anchor(gold: Gold, side: _Side, other: _Side | None) -> Gold | None:
    """Return a place with the offsets that it has on this side; None when its bytes are gone there."""
    held = side.documents.get(gold.doc)
    elsewhere = other.documents.get(gold.doc) if other is not None else None
    if held is None:
        deleted = gold.doc not in side.quarantined and (elsewhere is not None or other is None) and bool(gold.sha256)
        return None if deleted else gold
    if not gold.sha256 or held.row.sha256 == gold.sha256:
        return gold
    if elsewhere is not None and elsewhere.row.sha256 == gold.sha256:
        return relocate(gold, elsewhere.text, held.text, held.row.sha256)
    return relocate(gold, None, held.text, held.row.sha256)


def _paths(questions: Sequence[Question]) -> frozenset[str]:
    return frozenset(g.doc for q in questions for g in q.gold)


def _side(contents: Contents, paths: frozenset[str]) -> _Side:
    """Read what a generation holds of the judged documents, shard by shard."""
    documents: dict[str, JudgedDocument] = {}
    quarantined: set[str] = set()
    for shard in contents.shards:
        parts = contents.parts(shard)
        rows = [d for d in document_rows(contents.lake.read(parts["documents"])) if d.path in paths]
        quarantined |= {q.uri for q in quarantine_rows(contents.lake.read(parts["quarantine"]))}
        if not rows:
            continue
        texts: Mapping[str, str] = {
            r["document_id"]: r["text"] for r in contents.lake.read(parts["texts"], ["document_id", "text"]).to_pylist()
        }
        documents |= {d.path: JudgedDocument(d, texts[d.document_id]) for d in rows}
    held = frozenset(p for p in paths if p not in documents and any(_is_at(uri, p) for uri in quarantined))
    return _Side(documents, held)


def _is_at(uri: str, path: str) -> bool:
    return unquote(uri).endswith(f"/{path}")


def _unopenable(services: Services, base: Manifest) -> bool:
    """Tell whether the serving collection is lost: then there is nothing to compare with, and the verdict says so."""
    return base.collection not in services.vectors.collections()


def _counter(services: Services) -> Callable[[Sequence[str]], list[int]]:
    def count(texts: Sequence[str]) -> list[int]:
        return [len(offsets) for offsets in services.tokenizer.offsets(texts)]

    return count
