"""People's decisions: numbered, never lost in a race, and shown in one order with the releases."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.errors import StoreUnavailable
from ingest.lake.journal import ATTEMPTS
from ingest.lake.lake import Lake
from ingest.records import RaisedLimit
from ingest.release.generation_states import decide, decided, keep_raised
from ingest.services import Writer
from tests.fakes import InMemoryStore
from tests.records import release

START = datetime(2026, 1, 1, tzinfo=UTC)


def opened() -> tuple[Lake, Writer]:
    """Return an empty lake, and a writer whose clock goes on by a minute at each look."""
    ticks = iter(range(10**6))
    clock = lambda: START + timedelta(minutes=next(ticks))  # noqa: E731
    return Lake(InMemoryStore(), "docs"), Writer(who="me@here", clock=clock, new_token=lambda: f"t{next(ticks)}")


def test_a_decision_says_who_why_when_and_about_what() -> None:
    lake, writer = opened()
    made = decide(lake, writer, "pin", "the audit", {"generation": ["0001-a"]})
    assert made == lake.decisions.get(1)
    told = (made.kind, made.who, made.identified, made.why, made.about, made.at)
    assert ("pin", "me@here", False, "the audit", {"generation": ("0001-a",)}) == told[:5]
    assert START <= datetime.fromisoformat(made.at) < START + timedelta(hours=1)


def test_who_is_signed_in_is_told_from_the_user_of_the_machine() -> None:
    lake, writer = opened()
    known = Writer(who="anna@example.org", identified=True, clock=writer.clock, new_token=writer.new_token)
    assert [False, True] == [decide(lake, w, "pin", "y", {}).identified for w in (writer, known)]


def test_a_lost_race_takes_the_next_number_and_loses_nothing() -> None:
    lake, writer = opened()

    def slow_token() -> str:  # another person decides between our look and our write
        if lake.decisions.last() < 2:
            decide(lake, writer, "pin", "faster", {})
        return "slow"

    slow = Writer(who="slow@here", clock=writer.clock, new_token=slow_token)
    assert 3 == decide(lake, slow, "pin", "slower", {}).number
    assert ["faster", "faster", "slower"] == [made.why for _, made in lake.decisions.after(0)]


def test_a_decision_that_is_overtaken_every_time_is_given_up() -> None:
    lake, writer = opened()
    slow = Writer(who="s", clock=writer.clock, new_token=lambda: decide(lake, writer, "pin", "faster", {}).token)
    with pytest.raises(StoreUnavailable, match=f"{ATTEMPTS} times"):
        decide(lake, slow, "pin", "slower", {})


def test_a_raised_limit_is_a_decision_and_none_is_none() -> None:
    lake, writer = opened()
    keep_raised(lake, writer, None)
    keep_raised(lake, writer, RaisedLimit(max_deleted_share=0.5, who="me", why="moved house"), "0002-b")
    told = [(d.kind, d.why, d.about) for _, d in lake.decisions.after(0)]
    assert told == [("raised", "moved house", {"max_deleted_share": ("0.5",), "generation": ("0002-b",)})]


def test_the_log_has_releases_and_decisions_in_one_order_newest_first() -> None:
    lake, writer = opened()
    for hour in (1, 3):
        number = lake.releases.last() + 1
        lake.releases.append(number, release(number, at=(START + timedelta(hours=hour)).isoformat()))
    at_two = Writer(who="me", clock=lambda: START + timedelta(hours=2), new_token=writer.new_token)
    decide(lake, at_two, "pin", "y", {})
    told = [(type(one).__name__, one.number) for one in decided(lake, 10)]
    assert told == [("Release", 2), ("Decision", 1), ("Release", 1)]
    assert told[:2] == [(type(one).__name__, one.number) for one in decided(lake, 2)]


def test_an_unknown_kind_of_decision_is_refused_and_writes_nothing() -> None:
    lake, writer = opened()
    with pytest.raises(ValueError, match="kind"):
        decide(lake, writer, "whim", "y", {})
    assert 0 == lake.decisions.last()
