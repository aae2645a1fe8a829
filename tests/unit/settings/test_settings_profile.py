"""What a query profile of the settings is where little is said, and what a stored one without the fields is."""

import pytest
from pydantic import ValidationError

from ingest.records import QueryProfile
from ingest.settings import IndexSettings

SOURCES = [{"name": "notes", "uri": "documents"}]


def profile(**fields: object) -> QueryProfile:
    return IndexSettings(sources=SOURCES, profile=fields).profile


def test_nothing_said_means_re_ranked_by_the_blend_without_a_limit_of_time() -> None:
    assert IndexSettings(sources=SOURCES).profile == profile()
    assert ("blend", "", 0) == (profile().reranker, profile().reranker_model, profile().rerank_milliseconds)


def test_a_stored_profile_without_the_fields_is_as_it_was() -> None:
    stored = QueryProfile.model_validate({"fusion": "convex", "dense_weight": 0.5, "rrf_k": 60, "depth": 100})
    assert ("none", 50, 0) == (stored.reranker, stored.rerank_depth, stored.rerank_milliseconds)


@pytest.mark.parametrize("odd", [{"dense_weight": 1.5}, {"dense_weight": float("nan")}, {"rrf_k": -1}, {"depth": 0}])
def test_what_no_search_can_use_is_refused_before_anything_is_built(odd: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="depth from 1 to 10000"):
        profile(**odd)
    assert QueryProfile.model_validate(odd)


@pytest.mark.parametrize("stored", ["bounds", "minmax"])
def test_stored_profiles_that_say_how_they_normalise_are_read_and_settings_with_min_max_refused(stored: str) -> None:
    assert QueryProfile.model_validate({"normalisation": stored}) == QueryProfile()
    with pytest.raises(ValidationError, match="normalisation is bounds, no longer minmax: leave it out"):
        profile(normalisation="minmax")


def test_a_profile_that_is_no_section_is_refused_in_words() -> None:
    with pytest.raises(ValidationError, match="profile"):
        IndexSettings(sources=SOURCES, profile=5)
