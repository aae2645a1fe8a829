"""A file of questions: JSON Lines with `query_id` and `text`."""

from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from typer import BadParameter

from ingest.errors import first_fault

MOST_QUESTIONS = 1_000_000
_bad = partial(BadParameter, param_hint="--file")


class _Question(BaseModel):
    """One line of the file; other keys are ignored."""

    model_config = ConfigDict(strict=True)

    query_id: str | int
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def read_question_file(path: Path) -> dict[str | int, str]:
    """Return the texts of the questions by `query_id`, in the order of the file. Empty lines are skipped.

    Raises: BadParameter, naming the line, when it is not a JSON object, lacks a key, or repeats an id.
    """
    found: dict[str | int, str] = {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                question = _Question.model_validate_json(line)
                if question.query_id in found:
                    raise _bad(f"{path}:{number}: duplicate query_id {question.query_id!r}")
                found[question.query_id] = question.text
                if len(found) > MOST_QUESTIONS:
                    raise _bad(f"{path}: more than {MOST_QUESTIONS:,} questions")
    except ValidationError as error:
        raise _bad(f"{path}:{number}: {first_fault(error)}") from error
    except UnicodeDecodeError as error:
        raise _bad(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    if not found:
        raise _bad(f"{path}: contains no questions")
    return found
