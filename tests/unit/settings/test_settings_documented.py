"""Every key of the settings is in the guide that lists them, and there are few enough to be read."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ingest.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
UNSET = {"analyser"}  # of the query profile: filled in by the program
MOST_KEYS = 130  # whoever adds one beyond takes another away


def keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the keys that hold a value, with the sections that they stand in: `indexes.limits.nesting`."""
    for name, field in model.model_fields.items():
        below = list(sections(field.annotation))
        for section in below:
            yield from keys(section, f"{above}{name}.")
        if not below:
            yield f"{above}{name}"


def sections(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the records that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from sections(part)


def undocumented(page: str) -> list[str]:
    names = {name for key in keys(Settings) for name in key.split(".")}
    return sorted(name for name in names - UNSET if not re.search(rf"\b{name}\b", page))


def test_every_key_is_documented() -> None:
    assert undocumented(PAGE.read_text()) == []


def test_a_missing_key_is_noticed() -> None:
    assert undocumented(PAGE.read_text().replace("heading_weight", "")) == ["heading_weight"]


def test_there_are_few_keys() -> None:
    found = list(keys(Settings))
    assert len(set(found)) == len(found)
    assert {"lake", "s3.attempts", "indexes.limits.nesting", "indexes.sources.parsing.ocr"} <= set(found)
    assert len(found) <= MOST_KEYS
