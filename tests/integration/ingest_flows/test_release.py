"""Evaluate, promote and rollback through flow calls, on a real Prefect server and the embedded engine."""

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import Flow
from prefect.client.schemas.objects import State
from prefect.exceptions import ParameterBindError, ParameterTypeError, SignatureMismatchError
from pydantic import BaseModel, ValidationError

from ingest.adapters.vectors.edge import locks
from ingest.errors import UnknownRelease
from ingest.records import Release
from ingest.services import Services
from ingest.wiring import service_opening as wiring
from ingest_flows.parameters import EvaluateParameters, PromoteParameters, RollbackParameters
from ingest_flows.release import evaluate, promote, rollback
from tests.integration.ingest_flows.conftest import Site, flow_run_of


@pytest.fixture
def released(site: Site) -> Site:
    """A site with two releases; the second one has a changed document."""
    site.run_inline()
    site.write("copper", "# About copper\n\nThe copper beam is stored beside the copper gate, and so is the rope.\n")
    site.run_inline()
    return site


def newest(site: Site) -> Release:
    with site.opened() as services:
        found = services.bench.lake.releases.newest()
    assert found is not None
    return found[1]


def test_rollback_brings_the_release_before_back_and_holds_automatic_promotion(released: Site) -> None:
    state: State[Any] = rollback(settings=released.settings_path, why="answers got worse", return_state=True)
    release = newest(released)
    assert state.is_completed()
    assert (3, "rollback", "answers got worse") == (release.number, release.action, release.why)
    assert release.hold is not None
    assert release.collection == released.aliases()[released.index]
    assert release.generation == state.result()["generation"]
    released.write("granite", "# About granite\n\nThe granite beam is stored beside the granite gate again.\n")
    held = released.nightly()
    assert "Waiting" == held.name
    assert "answers got worse" in str(held.message)


def test_what_was_rolled_back_comes_again_only_by_name_and_with_the_hold_lifted(released: Site) -> None:
    back = newest(released).generation
    target = {"settings": released.settings_path, "why": "looked at it again"}
    rollback(**target)
    unnamed = promote(**target, return_state=True)
    held = promote(**target, generation=back, return_state=True)
    assert ["UnknownRelease", "Held"] == [_error(released, state) for state in (unnamed, held)]
    promoted = promote(**target, generation=back, lift_hold=True)
    assert (4, back, "looked at it again") == (
        promoted["release"]["number"],
        promoted["release"]["generation"],
        promoted["release"]["why"],
    )
    assert "token" not in promoted["release"]
    assert newest(released).hold is None


def test_a_hold_is_lifted_also_where_nothing_waits(released: Site) -> None:
    target = {"settings": released.settings_path, "why": "all is well again"}
    back = rollback(**target)
    state = promote(**target, lift_hold=True, return_state=True)
    lifted = newest(released)
    assert ("unhold", None, "all is well again") == (lifted.action, lifted.hold, lifted.why)
    assert back["generation"] == lifted.generation == state.result()["release"]["generation"]
    assert str(state.message).startswith("lifted as release 4: generation ")


def _error(site: Site, state: State[Any]) -> str:
    """Return the class of the error that a flow run failed with, as the server tells it."""
    stored = site.client.read_flow_run(flow_run_of(state)).state
    assert stored is not None
    assert stored.is_failed()
    return str(stored.message).removeprefix("Flow run encountered an exception: ").split(":")[0]


def test_promote_puts_the_waiting_candidate_into_force(site: Site) -> None:
    site.settings(decide="manual")
    waiting = site.nightly().result()
    state = promote(settings=site.settings_path, why="read the verdict", return_state=True)
    assert state.is_completed()
    assert "Completed" == state.name
    assert (1, waiting["generation"]) == (newest(site).number, newest(site).generation)
    assert newest(site).collection == site.aliases()[site.index]


def test_a_refused_promotion_changes_nothing_and_is_named_refused(site: Site) -> None:
    generation = site.run_inline().generation
    before = site.aliases()
    site.settings(gate={"floors": {"fused.ndcg@10": 1.01}})
    state = promote(settings=site.settings_path, why="want it", generation=generation, return_state=True)
    assert ("Refused", True) == (state.name, state.is_completed())
    assert state.result()["release"] is None
    assert before == site.aliases()


def test_evaluate_judges_what_serves_when_nothing_waits_and_promotes_nothing(site: Site) -> None:
    generation = site.run_inline().generation
    state = evaluate(settings=site.settings_path, return_state=True)
    assert (generation, True) == (state.result()["candidate"], state.result()["positive"])
    assert "Completed" == state.name
    assert 1 == newest(site).number


@pytest.mark.parametrize(
    ("called", "model", "wrong"),
    [
        (promote, PromoteParameters, {}),
        (promote, PromoteParameters, {"why": ""}),
        (promote, PromoteParameters, {"why": "     "}),
        (promote, PromoteParameters, {"why": "asked", "lift_hold": "perhaps"}),
        (rollback, RollbackParameters, {"why": "asked", "to": 0}),
        (rollback, RollbackParameters, {"why": "asked", "too": 1}),
        (evaluate, EvaluateParameters, {"generation": ["a"]}),
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_opened(
    called: Flow[..., Any], model: type[BaseModel], wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("ingest_flows.opening.load_settings", told.append)
    with pytest.raises(ValidationError):
        model(**wrong)
    with pytest.raises((ParameterTypeError, SignatureMismatchError, ParameterBindError)):
        called(**wrong)
    assert [] == told


def test_what_cannot_be_chosen_is_refused_by_the_lake_alone_and_the_newest_that_can_are_named(
    released: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("ingest.index.open_services", lambda *arguments: told.append(arguments))
    generations = r"no sealed generation 0009-aa; the newest are 0002-\w+ \(serving\), 0001-\w+ \(kept\)$"
    releases = r"release 7 cannot be brought back; the newest are 2 \(promote, generation 0002-\w+, \S+\), 1 \(promote,"
    for called, wrong, expected in (
        (evaluate, {"generation": "0009-aa"}, generations),
        (promote, {"generation": "0009-aa", "why": "asked"}, generations),
        (rollback, {"to": 7, "why": "asked"}, releases),
    ):
        state: State[Any] = called(settings=released.settings_path, **wrong, return_state=True)  # type: ignore[operator]
        with pytest.raises(UnknownRelease, match=expected):
            state.result()
    assert [] == told


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was closed of the services that the release flows opened."""
    told: list[str] = []

    def watched(*arguments: Any) -> Services:
        services = wiring.open_services(*arguments)
        services.bench.closers.append(lambda: told.append("closed"))
        return services

    monkeypatch.setattr("ingest.index.open_services", watched)
    return told


def test_services_are_closed_when_a_flow_fails(site: Site, closed: list[str]) -> None:
    state = rollback(settings=site.settings_path, why="nothing serves", return_state=True)
    assert "UnknownRelease" == _error(site, state)
    assert ["closed"] == closed
    assert locks.is_locked(site.state / "qdrant" / locks.USERS)  # the session's own
