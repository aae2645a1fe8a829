"""Judged sets: questions with the places that answer them, one JSON object per line."""

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingest.errors import InvalidSettings, first_fault
from ingest.records import Asker, Gold, Question

TYPO = 0.8  # an unknown key this similar to a known one is a typo, not a custom column


class _Judged(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    @model_validator(mode="after")
    def _no_typos(self) -> Self:
        known = type(self).model_fields
        for key in self.model_extra or ():
            if near := difflib.get_close_matches(key, known, 1, TYPO):
                raise ValueError(f"unknown key {key!r}; is {near[0]!r} meant?")
        return self


class JudgedPlace(_Judged):
    """One place that answers a question: anchored to the document, never to a chunk."""

    doc: Annotated[str, Field(min_length=1, description="path relative to the source's root")]
    grade: Annotated[int, Field(ge=0, description="higher is better; 0: judged, not relevant")] = 1
    headings: Annotated[tuple[str, ...], Field(description="path of headings from the title to the section")] = ()
    spans: Annotated[tuple[str, ...], Field(description="exact texts, one of which a relevant chunk holds")] = ()
    start: Annotated[int | None, Field(ge=0, description="code point in the file where the place begins")] = None
    end: Annotated[int | None, Field(ge=1, description="code point in the file just after the place")] = None
    added: Annotated[bool, Field(description="an alternative place with the same text")] = False
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$", description="of the file that was judged")] = ""
    source: Annotated[str, Field(description="name of the source; empty for any")] = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end come together")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        return self


class JudgedAsker(_Judged):
    """Who asks. What is left out is that of the gold document."""

    groups: Annotated[tuple[str, ...] | None, Field(min_length=1, description="groups that the asker is in")] = None
    tenant: Annotated[str | None, Field(min_length=1, description="whose documents the asker may see")] = None


class JudgedQuestion(_Judged):
    """One line of a judged set. Other keys are allowed and ignored."""

    query_id: Annotated[str, Field(min_length=1, description="unique in all sets of an index")]
    text: Annotated[str, Field(min_length=1)]
    answerable: Annotated[bool, Field(description="false: no place in the collection answers it")] = True
    gold: tuple[JudgedPlace, ...] = ()
    slices: Annotated[dict[str, str], Field(description="name → value, for scores by group")] = {}
    must_pass: Annotated[bool, Field(description="the gate refuses a candidate that does not answer it")] = False
    asker: Annotated[JudgedAsker, Field(description="who asks; by default, one who may see the gold document")] = (
        JudgedAsker()
    )

    @model_validator(mode="after")
    def _judged(self) -> Self:
        places = sum(place.grade > 0 for place in self.gold)
        if self.answerable and not places:
            raise ValueError("an answerable question needs a gold place with a grade above 0")
        if not self.answerable and places:
            raise ValueError(f"answerable is false, but gold has {places} places")
        return self


def read_judged_set(lines: Iterable[str], where: str) -> list[Question]:
    """Return the questions of a judged set, JSON Lines, in order. Blank lines are skipped; `where` is for messages.

    Raises: InvalidSettings, naming file, line and fault: not JSON, a field of the wrong type, a key that is nearly a
        known one, a repeated query id.
    """
    questions: list[Question] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        text = line.lstrip("\ufeff").strip()
        if not text:
            continue
        question = _question(text, f"{where}, line {number}")
        if (before := seen.setdefault(question.query_id, number)) != number:
            raise InvalidSettings(f"{where}, line {number}: query_id {question.query_id} is on line {before} already")
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


def _question(line: str, place: str) -> Question:
    try:
        judged = JudgedQuestion.model_validate_json(line)
    except ValidationError as error:
        raise InvalidSettings(f"{place}: {first_fault(error)}") from error
    gold = tuple(Gold(**place.model_dump(include=set(JudgedPlace.model_fields))) for place in judged.gold)
    asker = Asker(judged.asker.groups, judged.asker.tenant)
    return Question(judged.query_id, judged.text, judged.answerable, gold, judged.slices, judged.must_pass, asker)
