"""Every interleaving, crash and loss that the release protocol must survive, driven through the real code.

Judged after every step: there is at most one fence; the alias is not lost while the index is there and never moves
back; the reader's rule finds exactly the release that the alias shows; records follow each other as the rules of
promotion say; and one more promoter that runs alone brings any state to an applied release.

Together about 20,000 states in 20,000 schedules, in 10 s of one core.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.errors import ForeignIndex, IngestError, Overtaken, SchemaMismatch
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords
from ingest.records import AliasAction, LakeIdentity, Release
from ingest.release import Candidate, Releases, fence_number, read_release, releases
from ingest.release.alias_rules import release_actions
from ingest.services import Writer
from tests.schedules import Actor, Budget, Choice, World, explore

INDEX = "docs"
OURS, THEIRS = (LakeIdentity(id=name, uri=f"memory://{name}") for name in ("ours", "theirs"))


@pytest.fixture(autouse=True)
def _quiet():
    """Thousands of healed indexes are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def candidate(generation: str, base: str | None) -> Candidate:
    return Candidate(generation, f"{INDEX}__{generation}", "profile", f"on {base}", base)


def journal(store: Any, lake: LakeIdentity = OURS) -> Journal[Release]:
    return Journal(StoredRecords(store), f"{'' if lake is OURS else lake.id}{INDEX}/releases/", Release)


def opened(
    ports: Any,
    restore: Callable[[str], None],
    new_token: Callable[[], str],
    take_over: str | None = None,
    lake: LakeIdentity = OURS,
) -> Releases:
    store, aliases = ports
    records = journal(store, lake)
    return Releases(
        records,
        aliases,
        INDEX,
        Writer(who="test", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_token=new_token),
        restore,
        take_over=take_over,
        known=lambda: lake,
        identify=lambda: lake,
    )


def alone(world: World, take_over: str | None = None, lake: LakeIdentity = OURS) -> Releases:
    """Return releases for a process that nobody interrupts."""
    tokens = iter(f"alone{number}" for number in range(1000))

    def restore(generation: str) -> None:
        world.aliases.existing.add(f"{INDEX}__{generation}")

    return opened((world.store, world.aliases), restore, lambda: next(tokens), take_over, lake)


def by(actor: Actor, take_over: str | None = None, lake: LakeIdentity = OURS) -> Releases:
    return opened((actor, actor), actor.restore, actor.new_token, take_over, lake)


def promoter(generation: str, base: str | None, automatic: bool = False) -> Callable[[Actor], str]:
    def promote(actor: Actor) -> str:
        return by(actor).promote(candidate(generation, base), "test", automatic=automatic).generation

    return promote


def rebuilder(generation: str) -> Callable[[Actor], str]:
    """A promoter that plans again, on what serves then, when it was overtaken."""

    def promote(actor: Actor) -> str:
        base = None
        while True:
            try:
                return by(actor).promote(candidate(generation, base), "test").generation
            except Overtaken:
                healed = by(actor).heal()
                base = healed and healed.generation

    return promote


def roller_back(to: int | None = None) -> Callable[[Actor], str]:
    def roll_back(actor: Actor) -> str:
        return by(actor).rollback(to, "test").generation

    return roll_back


def start(history: tuple[str, ...], *works: Callable[[Actor], str]) -> Callable[[], tuple[World, list[Actor]]]:
    """Return a start: an index on which `history` was promoted in order, and one actor per work."""
    first = World([f"{INDEX}__g{number}" for number in range(1, 5)])
    base = None
    for generation in history:
        alone(first).promote(candidate(generation, base), "history")
        base = generation

    def begin() -> tuple[World, list[Actor]]:
        world = first.copy()
        return world, [Actor(name, world, work) for name, work in zip("abc", works, strict=False)]

    return begin


def records(world: World) -> list[Release]:
    return [record for _, record in journal(world.store).after(0)]


class Judge:
    """What must hold in every state and for every step."""

    def __init__(self, read: Callable[..., Release | None] = read_release, put_back: bool = False) -> None:
        self.read = read
        self.put_back = put_back  # the index may be put back to an older state: then readers are that far behind
        self._faults: dict[Any, tuple[str, ...]] = {}

    def __call__(self, after: World, before: World | None, choice: Choice | None) -> Iterator[str]:
        if (key := after.key()) not in self._faults:
            self._faults[key] = tuple(self._of_state(after))
        yield from self._faults[key]
        if before is not None and choice is not None and choice[0] not in ("lose", "put back"):
            yield from self._of_step(before, after)

    def shown(self, world: World) -> Release | None:
        return self.read(world.aliases.aliases(), journal(world.store), INDEX)

    def _of_state(self, world: World) -> Iterator[str]:
        aliases = world.aliases.aliases()
        try:
            fence_number(aliases, INDEX)
            if INDEX in aliases and self.shown(world) is None:
                yield "the reader finds no release"
        except SchemaMismatch as error:
            yield f"a contradiction: {error}"
            return
        shown = self.shown(world)
        if shown is not None and shown.collection != aliases[INDEX]:
            yield "the reader takes another release than the alias shows"
        if shown is not None and shown.number < len(records(world)) - 1 and not self.put_back:
            yield "the reader is more than one release behind"
        yield from broken_rules(records(world))
        yield from does_not_settle(world.copy(), "Qdrant was put back" if self.put_back else None)

    def _of_step(self, before: World, after: World) -> Iterator[str]:
        if INDEX in before.aliases.names:
            if INDEX not in after.aliases.names:
                yield "the alias was lost"
                return
            try:
                earlier, later = self.shown(before), self.shown(after)
            except SchemaMismatch:
                return  # told by the state
            if earlier is not None and later is not None and later.number < earlier.number:
                yield "the alias moved back"


def broken_rules(history: list[Release]) -> Iterator[str]:
    for before, record in zip([None, *history], history, strict=False):
        base = before.generation if before else None
        if record.action == "promote" and record.verdict != f"on {base}":
            yield f"{record.generation}, built {record.verdict}, was promoted over {base}"
        if record.action == "promote" and before is not None and before.hold is not None:
            yield "promoted under a hold"
        if (
            record.action == "restore"
            and before is not None
            and (record.hold, base) != (before.hold, record.generation)
        ):
            yield "a restored release differs"


def does_not_settle(world: World, take_over: str | None = None) -> Iterator[str]:
    """One more promoter, alone and without crashes; where the index was put back, a person takes it over."""
    try:
        healed = alone(world, take_over).heal()
        last = candidate("z", healed and healed.generation)
        released = alone(world).promote(last, "settle", lift_hold=True)
    except IngestError as error:
        yield f"does not settle: {error!r}"
        return
    expected = {INDEX: last.collection, f"{INDEX}@{released.number}": last.collection}
    left = {name: to for name, to in world.aliases.names.items() if ".boot-" not in name and ".taken-" not in name}
    if expected != left or len(records(world)) != released.number:
        yield f"does not settle: {left}"


FIRST = start((), promoter("g1", None), promoter("g2", None))
NEXT = start(("g1",), rebuilder("g2"), rebuilder("g3"))
OVERTAKEN, HELD, FOREIGN = "Overtaken", "Held", "ForeignIndex"
SCENARIOS = {
    # start, what may go wrong, outcomes of the schedules in which nobody is killed, least number of states
    "first promotions": (FIRST, Budget(crashes=2), {("g1", OVERTAKEN), (OVERTAKEN, "g2")}, 300),
    "first promotions, built again": (
        start((), rebuilder("g1"), rebuilder("g2")),
        Budget(crashes=2),
        {("g1", "g2")},
        1000,
    ),
    "next promotions": (NEXT, Budget(crashes=2), {("g2", "g3")}, 1500),
    "promotion and rollback": (
        start(("g1", "g2"), promoter("g3", "g2", automatic=True), roller_back()),
        Budget(crashes=2),
        {(HELD, "g1"), ("g3", "g1"), ("g3", "g2")},
        600,
    ),
    "rollbacks to one release": (
        start(("g1", "g2"), roller_back(1), roller_back(1)),
        Budget(crashes=2),
        {("g1", "g1")},
        400,
    ),
    "an alias call without an answer, which arrives later": (
        start(("g1",), promoter("g2", "g1"), rebuilder("g3")),
        Budget(unanswered=1),
        {("g2", "g3"), (OVERTAKEN, "g3")},
        2500,
    ),
    "a loss of the index": (
        start(("g1",), promoter("g2", "g1"), promoter("g3", "g1")),
        Budget(losses=1, skip_reads=True),
        {("g2", OVERTAKEN), (OVERTAKEN, "g3")},
        10000,
    ),
    "an index put back to an older state": (
        start(("g1",), promoter("g2", "g1"), rebuilder("g3")),
        Budget(put_back=1),
        {("g2", "g3"), (OVERTAKEN, "g3"), ("g2", FOREIGN), (FOREIGN, "g3"), (FOREIGN, FOREIGN)},
        2500,
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_schedule_keeps_the_promises(name):
    begin, budget, outcomes, states = SCENARIOS[name]
    found = explore(begin, budget, Judge(put_back=budget.put_back > 0))
    assert [] == found.violations[:3]
    assert outcomes == {outcome for outcome in found.outcomes if "killed" not in outcome}
    assert states <= found.states


# another lake on the same index


def of_another_lake(generation: str, base: str | None = None, take_over: str | None = None) -> Callable[[Actor], str]:
    def promote(actor: Actor) -> str:
        releases = by(actor, take_over, THEIRS)
        releases.heal()
        return releases.promote(candidate(generation, base), "theirs").generation

    return promote


def shared(*works: Callable[[Actor], str]) -> Callable[[], tuple[World, list[Actor]]]:
    """Return a start as `start`: an index on which our g1 and g2 were promoted; x1 is of another lake."""
    begin = start(("g1", "g2"), *works)

    def owned() -> tuple[World, list[Actor]]:
        world, actors = begin()
        world.aliases.existing |= {f"{INDEX}__x1", f"{INDEX}__z"}
        ours = (f"{INDEX}__{name}" for name in ("g1", "g2", "g3", "g4", "z"))
        world.aliases.owners = dict.fromkeys(ours, OURS) | {f"{INDEX}__x1": THEIRS}
        return world, actors

    return owned


def judge_of_two_lakes(after: World, before: World | None, choice: Choice | None) -> Iterator[str]:
    """One fence at most, the alias is never lost, and each of the two can take the index over, the other then not."""
    if INDEX not in after.aliases.names:
        yield "the alias was lost"
    try:
        fence_number(after.aliases.aliases(), INDEX)
    except SchemaMismatch as error:
        yield str(error)
    world = after.copy()
    world.aliases.owners = dict(after.aliases.owners)
    yield from does_not_settle(world, "ours again")
    if journal(world.store, THEIRS).last():
        try:
            alone(world, lake=THEIRS).heal()
            yield "what was taken over was moved away by a machine"
        except ForeignIndex:
            assert alone(world, "theirs again", THEIRS).heal() is not None
    try:
        alone(world).heal()
    except ForeignIndex:
        return
    if journal(world.store, THEIRS).last():
        yield "what was taken over was moved away by a machine"


def test_a_run_of_another_lake_never_moves_the_alias() -> None:
    before = shared()()[0].aliases.names
    found = explore(shared(of_another_lake("x1"), of_another_lake("x1", "x0")), Budget(crashes=1), judge_of_two_lakes)
    assert [] == found.violations[:3]
    assert {(FOREIGN, FOREIGN)} == {outcome for outcome in found.outcomes if "killed" not in outcome}
    assert all(dict(names) == before for _, names, _ in found.worlds)


def test_a_take_over_beside_a_promotion_ends_with_one_of_the_two_and_the_other_is_told() -> None:
    begin = shared(promoter("g3", "g2"), of_another_lake("x1", take_over="moved"))
    found = explore(begin, Budget(crashes=1), judge_of_two_lakes)
    assert [] == found.violations[:3]
    outcomes = {outcome for outcome in found.outcomes if "killed" not in outcome}
    assert {(FOREIGN, "x1"), ("g3", "x1")} == outcomes
    assert found.states > 200


# what is weaker is found out


def two_fences(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Creates the next fence without taking the one before."""
    return release_actions(index, release, guard)[1:]


def not_a_swap(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Deletes the guard, which succeeds also when somebody else was faster."""
    return [AliasAction("delete", guard), *release_actions(index, release, guard)[1:]]


def delete_and_create(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Leaves a moment without the alias."""
    rename, fence, alias = release_actions(index, release, guard)
    return [rename, fence, AliasAction("delete", index), alias]


def alias_first(index: str, release: Release, guard: str) -> list[AliasAction]:
    """Moves the alias before the fence is won."""
    rename, fence, alias = release_actions(index, release, guard)
    return [alias, rename, fence]


def found_out(begin: Any, budget: Budget, expected: str, judge: Judge | None = None) -> bool:
    found = explore(begin, budget, judge or Judge(), until=expected)
    return any(expected in fault for fault, _ in found.violations)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (two_fences, "a contradiction: index docs: one fence alias expected"),
        (not_a_swap, "one fence alias expected, found [2, 3]"),
        (delete_and_create, "the alias was lost"),
        (alias_first, "neither release 2 nor 1 names it"),
    ],
)
def test_a_weaker_alias_call_is_found_out(actions, expected, monkeypatch):
    monkeypatch.setattr(releases, "release_actions", actions)
    assert found_out(NEXT, Budget(crashes=1), expected)


def number_of_the_fence(aliases: dict[str, str], journal: Journal[Release], index: str) -> Release | None:
    number = fence_number(aliases, index)
    return None if number is None else journal.get(number)


def target_of_the_fence(aliases: dict[str, str], journal: Journal[Release], index: str) -> Release | None:
    target = aliases.get(f"{index}@{fence_number(aliases, index)}")
    return next((record for _, record in journal.after(0) if record.collection == target), None)


@pytest.mark.parametrize("believe", [number_of_the_fence, target_of_the_fence])
def test_a_reader_that_believes_the_fence_alone_is_found_out(believe):
    expected = "the reader takes another release than the alias shows"
    assert found_out(NEXT, Budget(crashes=1), expected, Judge(believe))


def test_a_promoter_that_reads_the_aliases_before_the_records_is_found_out(monkeypatch):
    def look(self: Releases) -> tuple[Release | None, dict[str, str]]:
        aliases = self.aliases.aliases()
        newest = self.journal.newest()
        return (None if newest is None else newest[1]), aliases

    monkeypatch.setattr(Releases, "_look", look)
    assert found_out(FIRST, Budget(), "one fence alias expected")


def test_a_record_that_two_writers_believe_to_have_written_is_found_out(monkeypatch):
    append = Journal.append
    monkeypatch.setattr(Journal, "append", lambda self, n, record: append(self, n, record) or True)
    assert found_out(NEXT, Budget(), "names it")


def test_a_hold_that_is_not_looked_at_again_is_found_out(monkeypatch):
    heal = Releases.heal

    def heal_without_hold(self: Releases) -> Release | None:
        healed = heal(self)
        return None if healed is None else healed.model_copy(update={"hold": None})

    monkeypatch.setattr(Releases, "heal", heal_without_hold)
    begin = start(("g1", "g2"), rebuilder("g3"), roller_back())
    assert found_out(begin, Budget(), "promoted under a hold")
