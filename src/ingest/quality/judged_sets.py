"""Judged sets: questions with the places that answer them, one JSON object per line."""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ingest.errors import InvalidSettings, first_fault
from ingest.records import Asker, Gold, Question

TYPO = 0.8  # an unknown key this similar to a known one is a typo, not a custom column


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


def distinct_questions(questions: Iterable[Question]) -> tuple[list[Question], list[str]]:
    """Return the questions without repetitions, and the ids of those left out.

    One repeats another if text (but for case and white space), asker and gold places are the same. The first one stays,
    with the slices of all of them, and must pass if any of them must.
    """
    kept: dict[tuple[Any, ...], Question] = {}
    repeated = []
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
