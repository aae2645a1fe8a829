"""A file of questions: JSON Lines with `query_id` and `text`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import typer

MOST_QUESTIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the file. `query_id` is returned as it came."""

    query_id: str | int
    text: str


def read_questions(path: Path) -> list[Asked]:
    """Return the questions in the order of the file; other keys are ignored, empty lines are skipped.

    Raises: BadParameter, naming the line, when it is not a JSON object, lacks a key, or repeats an id.
    """
    found: dict[str | int, Asked] = {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                question = _question(line, f"{path}:{number}")
                if question.query_id in found:
                    raise _bad(f"{path}:{number}: query_id {question.query_id!r} was there before")
                found[question.query_id] = question
                if len(found) > MOST_QUESTIONS:
                    raise _bad(f"{path}: more than {MOST_QUESTIONS:,} questions")
    except UnicodeDecodeError as error:
        raise _bad(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    if not found:
        raise _bad(f"{path}: no question in it")
    return list(found.values())


def _question(line: str, where: str) -> Asked:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise _bad(f"{where}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise _bad(f"{where}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise _bad(f"{where}: an object is expected, found {type(values).__name__}")
    query_id, text = values.get("query_id"), values.get("text")
    named = isinstance(query_id, str | int) and not isinstance(query_id, bool)
    if not named or not isinstance(text, str) or not text.strip():
        raise _bad(f"{where}: query_id (string or number) and text (string, not empty) are needed")
    if fault := not_unicode(f"{query_id}{text}"):
        raise _bad(f"{where}: {fault}")
    return Asked(cast(str | int, query_id), text)


def not_unicode(text: str) -> str:
    """Return what is wrong with a text that cannot be encoded as UTF-8, "" if nothing is."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"not valid Unicode: {text[error.start]!r} at character {error.start}"
    return ""


def _bad(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--file")
