"""Judged sets: questions with the places that answer them, as JSON Lines, and who asks: one who may see the answer."""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ingest.errors import InvalidSettings, first_fault
from ingest.ids import sha256_hex
from ingest.lake.rows import DocumentRow
from ingest.phrases import scored
from ingest.ports import Observer
from ingest.records import Asker, Filter, Gold, Question

TYPO = 0.8  # an unknown key this similar to a known one is a typo, not a custom column
BATCH = 64  # questions searched at once
FORBIDDEN = 16  # askers among whom the forbidden ones are chosen: each is one filter more
NOBODY = "nobody"  # a group that no document has

REPEATED = "repeat another one"
INEXACT = "have a place without offsets, unlike others of their set"
UNANSWERABLE = "have no answer"

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """The questions of judged sets."""

    every: list[Question]  # each once; must-pass questions and leaks are judged on all answerable ones
    scored: list[Question]  # those of them that count in figures
    unscored: dict[str, list[str]]  # why → query ids of the others

    def __str__(self) -> str:
        return scored(len(self.scored), {why: len(ids) for why, ids in self.unscored.items()})


def read_judged_set(lines: Iterable[str], where: str, known: dict[str, str] | None = None) -> list[Question]:
    """Return the questions of a judged set, JSON Lines, in order. Blank lines are skipped; `where` is for messages.

    `known`: query id → its place, of sets read before; this set's are added.

    Raises: InvalidSettings, naming file, line and fault: not JSON, a wrong type, a nearly known key, a repeated id.
    """
    reader, questions, seen = TypeAdapter(Question), list[Question](), {} if known is None else known
    for number, line in enumerate(lines, start=1):
        if text := line.lstrip("\ufeff").strip():
            here = f"{where}, line {number}"
            try:
                question = reader.validate_json(text, strict=True)
            except ValidationError as error:
                raise InvalidSettings(f"{here}: {first_fault(error)}") from error
            if fault := next(_faults(question, json.loads(text)), None):
                raise InvalidSettings(f"{here}: {fault}")
            if (before := seen.setdefault(question.query_id, here)) != here:
                raise InvalidSettings(f"{here}: query_id {question.query_id} is in {before} already")
            questions.append(question)
    return questions


def scored_questions(sets: Iterable[Sequence[Question]]) -> Asked:
    """Return which questions count: the one rule of gate, evaluation, calibration and benchmarks.

    Those that are answerable and repeat no other one. Of a set where any has offsets in all its places, only such ones.
    """
    every, inexact = list[Question](), list[str]()
    for one in sets:
        every += one
        exact = {q.query_id for q in one if q.answerable and all(g.start is not None for g in q.gold)}
        inexact += [q.query_id for q in one if exact and q.answerable and q.query_id not in exact]
    kept, repeated = distinct_questions(every)
    unscored = {INEXACT: sorted({*inexact} - {*repeated}), REPEATED: repeated}
    unscored[UNANSWERABLE] = [q.query_id for q in kept if not q.answerable]
    return Asked(kept, [q for q in kept if q.answerable and q.query_id not in inexact], unscored)


def distinct_questions(questions: Iterable[Question]) -> tuple[list[Question], list[str]]:
    """Return the questions without repetitions, and the ids of those left out.

    One repeats another if text (but for case and white space), asker and gold places are the same. The first one stays,
    with the slices of all of them, and must pass if any of them must.
    """
    kept, repeated = dict[tuple[Any, ...], Question](), []
    for question in questions:
        words = " ".join(question.text.casefold().split())
        key = (words, question.answerable, question.asker, frozenset(question.gold))
        first = kept.setdefault(key, question)
        if first is not question:
            repeated.append(question.query_id)
            slices, must_pass = question.slices | first.slices, question.must_pass or first.must_pass
            kept[key] = replace(first, slices=slices, must_pass=must_pass)
    return list(kept.values()), repeated


def _faults(question: Question, given: dict[str, Any]) -> Iterator[str]:
    """Yield what no type says: keys that are nearly known ones, and values that contradict each other."""
    if not question.text.strip():
        yield "text is blank"
    yield from _typos(Question, given)
    yield from (f"asker: {typo}" for typo in _typos(Asker, given.get("asker", {})))
    for n, (place, keys) in enumerate(zip(question.gold, given.get("gold", ()), strict=True)):
        yield from (f"gold.{n}: {typo}" for typo in _typos(Gold, keys))
        if (place.start is None) != (place.end is None):
            yield f"gold.{n}: start and end come together"
        elif place.start is not None and place.end is not None and place.start >= place.end:
            yield f"gold.{n}: start {place.start} is not before end {place.end}"
    places = sum(place.grade > 0 for place in question.gold)
    if question.answerable and not places:
        yield "an answerable question needs a gold place with a grade above 0"
    if not question.answerable and places:
        yield f"answerable is false, but gold has {places} places"


def _typos(record: type, given: dict[str, Any]) -> Iterator[str]:
    known = [field.name for field in fields(record)]
    for key in given:
        if key not in known and (near := difflib.get_close_matches(key, known, 1, TYPO)):
            yield f"unknown key {key!r}; is {near[0]!r} meant?"


def asker_of(wanted: Asker, documents: Sequence[DocumentRow]) -> Asker:
    """Return who asks, filled in from the gold documents: the tenant of the first, the groups of that tenant's ones."""
    tenant = wanted.tenant or next((d.tenant for d in documents), None)
    groups = {group for d in documents if d.tenant == tenant for group in d.acl}
    return Asker(wanted.groups or (tuple(sorted(groups)) if documents else None), tenant)


def may_see(asker: Asker, document: DocumentRow) -> bool:
    """Return whether an asker may see a document; what is None does not limit."""
    tenant, groups = asker.tenant or document.tenant, asker.groups
    return document.tenant == tenant and (groups is None or not set(groups).isdisjoint(document.acl))


def named(asker: Asker) -> str:
    """Return an asker for people."""
    return f"{'+'.join(asker.groups or ()) or 'any group'} of {asker.tenant or 'any tenant'}"


def forbidden_askers(known: Iterable[tuple[str, str]]) -> list[Asker]:
    """Return a generation's up to `FORBIDDEN` askers with one group each, and one whose group no document has."""
    every = set(known)
    chosen = sorted(every, key=lambda one: sha256_hex("\0".join(one).encode()))[:FORBIDDEN]
    groups, nobody = {group for _, group in every}, NOBODY
    while nobody in groups:
        nobody += "."
    tenants = sorted({tenant for tenant, _ in every})[:1]
    return [Asker((group,), tenant) for tenant, group in chosen] + [Asker((nobody,), tenant) for tenant in tenants]


def forbidden_to(question: Question, documents: Sequence[DocumentRow], askers: Sequence[Asker]) -> Asker:
    """Return one of `askers` who may see none of some documents, always the same for a question; else nobody."""
    others = [asker for asker in askers[:-1] if not any(may_see(asker, d) for d in documents)]
    return others[int(sha256_hex(question.query_id.encode())[:8], 16) % len(others)] if others else askers[-1]


def asked_in_batches(
    observer: Observer, step: str, questions: Sequence[Question], ask: Callable[[list[str], Filter], Sequence[T]]
) -> Iterator[list[tuple[Question, T]]]:
    """Yield the questions, batch by batch, with what their askers get; the observer is told when a batch is done."""
    for filter, batch in batches_of(questions):
        yield list(zip(batch, ask([q.text for q in batch], filter), strict=True))
        observer.advanced(step, len(batch), {"questions": len(batch)})


def batches_of(questions: Sequence[Question]) -> list[tuple[Filter, list[Question]]]:
    """Return the questions by filter, in order within each, at most BATCH at a time."""
    by_filter: dict[Filter, list[Question]] = {}
    for question in questions:
        filter = Filter(acl=question.asker.groups, tenant=question.asker.tenant)
        by_filter.setdefault(filter, []).append(question)
    return [(f, asked[n : n + BATCH]) for f, asked in by_filter.items() for n in range(0, len(asked), BATCH)]
