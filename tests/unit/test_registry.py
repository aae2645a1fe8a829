"""Alternatives by name: our own modules, and those that other packages register."""

import pytest

from ingest.adapters import embedders, rerankers
from ingest.errors import InvalidSettings
from ingest.registry import names


def test_a_module_of_another_package_is_found_by_its_entry_point() -> None:
    assert "hashing" not in names("ingest.adapters.embedders")
    assert embedders.find("hashing").__name__ == "ingest_conformance.hashing_embedder"


def test_an_unknown_name_is_refused_with_those_that_are_known_and_where_others_register() -> None:
    with pytest.raises(InvalidSettings, match=r"'magic'; known are blend, .*; others register under ingest\.rerankers"):
        rerankers.find("magic")
