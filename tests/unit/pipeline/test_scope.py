"""Which documents a scope holds."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from ingest.errors import InvalidSettings
from ingest.pipeline.scope import Choice, Scope
from ingest.records import DocumentRef

REF = DocumentRef("file:///a/x.md", "a", "x.md", "1", 10, modified="2026-01-05T02:00:00+00:00")


def test_an_empty_scope_holds_everything() -> None:
    assert Scope().holds(REF)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(sources=("a",)), True),
        (Scope(sources=("b",)), False),
        (Scope(prefixes=("file:///b/", "file:///a/")), True),
        (Scope(prefixes=("file:///b/",)), False),
        (Scope(uris=frozenset({"file:///a/x.md"})), True),
        (Scope(uris=frozenset({"file:///a/x"})), False),
        (Scope(errors=frozenset({"ParserTimeout"}), failed=frozenset({"file:///a/x.md"})), True),
        (Scope(errors=frozenset({"EmptyDocument"})), False),
        (Scope(sources=("a",), uris=frozenset({"file:///a/y.md"})), False),  # every condition has to be met
    ],
)
def test_a_document_is_held_when_it_meets_every_condition(scope: Scope, expected: bool) -> None:
    assert expected == scope.holds(REF)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2026, 1, 5), None, True),
        (datetime(2026, 1, 5, 2, 0), None, True),
        (datetime(2026, 1, 5, 2, 0, 1, tzinfo=UTC), None, False),
        (datetime(2026, 1, 5, 3, 0, tzinfo=timezone(timedelta(hours=1))), None, True),
        (None, datetime(2026, 1, 5, 2, 0, tzinfo=UTC), False),
        (None, date(2026, 1, 6), True),
        (date(2026, 1, 5), date(2026, 1, 6), True),
        (date(2026, 1, 6), date(2026, 1, 7), False),
    ],
)
def test_time_is_the_sources_from_a_moment_on_and_before_another(
    since: date | None, until: date | None, expected: bool
) -> None:
    assert expected == Scope.of({"modified_since": since, "modified_until": until}).holds(REF)


def test_a_document_without_a_time_is_outside_every_time() -> None:
    undated = DocumentRef("file:///a/x.md", "a", "x.md", "1", 10)
    assert not Scope.of({"modified_until": date(2030, 1, 1)}).holds(undated)


@pytest.mark.parametrize("choice", [{"errors": ["ParserTimeOut"]}, {"errors": ["FatalError"]}, {"parsers": ["md"]}])
def test_what_does_not_exist_is_refused_by_name(choice: Choice) -> None:
    (wrong,) = next(iter(choice.values()))
    with pytest.raises(InvalidSettings, match=f"scope: {wrong} is unknown"):
        Scope.of(choice)
