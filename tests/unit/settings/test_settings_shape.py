"""The shape of the points is part of what a generation is named by, but for the shape of before there was a choice."""

import pytest

from ingest.errors import InvalidSettings
from ingest.records import LANGCHAIN, Shape
from ingest.settings import IndexSettings, make_settings
from ingest.wiring.service_opening import build_options

SOURCES = [{"name": "docs", "uri": "file:///docs"}]


def test_the_default_says_nothing_so_that_older_generations_keep_their_hash() -> None:
    options = build_options("docs", IndexSettings(sources=SOURCES))
    assert LANGCHAIN == options.shape
    assert not {"payload", "sparse"} & set(options.settings)
    assert options.settings == build_options("docs", IndexSettings(sources=SOURCES, payload="langchain")).settings


@pytest.mark.parametrize("shape", [Shape("plain"), Shape("haystack", sparse=True), Shape(sparse=True)], ids=str)
def test_another_shape_is_hashed(shape: Shape) -> None:
    options = build_options("docs", IndexSettings(sources=SOURCES, payload=shape.payload, sparse=shape.sparse))
    assert shape == options.shape
    assert {"payload": shape.payload, "sparse": shape.sparse}.items() <= options.settings.items()


def test_an_unknown_profile_is_refused_with_the_known_ones(tmp_path) -> None:
    values = {"lake": "lake", "indexes": {"docs": {"sources": SOURCES, "payload": "mine"}}}
    with pytest.raises(InvalidSettings, match=r"indexes\.docs\.payload.*'langchain', 'llamaindex', 'haystack'"):
        make_settings(values, tmp_path)


def test_media_types_by_pattern_are_a_mapping_kept_in_order_and_no_part_of_records_without_any() -> None:
    from pathlib import Path

    from ingest.settings import make_settings

    def parsing(given: dict[str, object]) -> object:
        source = {"name": "a", "uri": "a", "parsing": given}
        made = make_settings({"lake": "l", "indexes": {"docs": {"sources": [source]}}}, Path("/etc"))
        return made.indexes["docs"].sources[0].parsing

    pairs = {"*.mdwn": "text/markdown", "*": "text/plain"}
    assert tuple(pairs.items()) == parsing({"media_types": pairs}).media_types  # type: ignore[attr-defined]
    assert "media_types" not in parsing({}).model_dump()  # type: ignore[attr-defined]
    hash(parsing({"media_types": pairs}))
