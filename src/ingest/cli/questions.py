"""A file of questions: JSON Lines with `query_id` and `text`."""

import json
from pathlib import Path
from typing import Any

import typer

MOST_QUESTIONS = 1_000_000

Questions = dict[str | int, str]  # query_id, returned as it came → text


def read_questions(path: Path) -> Questions:
    """Return the questions in the order of the file; other keys are ignored, empty lines are skipped.

    Raises: BadParameter, naming the line, when it is not a JSON object, lacks a key, or repeats an id.
    """
    found: Questions = {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    _add(found, line, f"{path}:{number}")
                if len(found) > MOST_QUESTIONS:
                    raise _bad(f"{path}: more than {MOST_QUESTIONS:,} questions")
    except UnicodeDecodeError as error:
        raise _bad(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    if not found:
        raise _bad(f"{path}: no question in it")
    return found


def _add(found: Questions, line: str, where: str) -> None:
    values = _object(line, where)
    query_id, text = values.get("query_id"), values.get("text")
    is_id = isinstance(query_id, str | int) and not isinstance(query_id, bool)
    if not is_id or not isinstance(text, str) or not text.strip():
        raise _bad(f"{where}: query_id (string or number) and text (string, not empty) are needed")
    if fault := not_unicode(f"{query_id}{text}"):
        raise _bad(f"{where}: {fault}")
    if query_id in found:
        raise _bad(f"{where}: query_id {query_id!r} was there before")
    found[query_id] = text


def _object(line: str, where: str) -> Any:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise _bad(f"{where}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise _bad(f"{where}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise _bad(f"{where}: an object is expected, found {type(values).__name__}")
    return values


def not_unicode(text: str) -> str:
    """Return what is wrong with a text that cannot be encoded as UTF-8, "" if nothing is."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"not valid Unicode: {text[error.start]!r} at character {error.start}"
    return ""


def _bad(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--file")
