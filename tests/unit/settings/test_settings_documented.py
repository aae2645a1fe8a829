"""Every key of the settings is in the guide that lists them."""

import re
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from ingest.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
UNSET = {"analyser"}  # of the query profile: filled in by the program


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of all fields, those of the sections below too."""
    for name, field in model.model_fields.items():
        yield name
        kinds = [field.annotation, *typing.get_args(field.annotation)]
        for kind in [*kinds, *(inner for outer in kinds for inner in typing.get_args(outer))]:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys(kind)


def undocumented(page: str) -> list[str]:
    return sorted({key for key in keys(Settings) if key not in UNSET and not re.search(rf"\b{key}\b", page)})


def test_every_key_is_documented() -> None:
    assert undocumented(PAGE.read_text()) == []


def test_a_missing_key_is_noticed() -> None:
    assert undocumented(PAGE.read_text().replace("heading_weight", "")) == ["heading_weight"]
