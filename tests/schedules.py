"""Every interleaving of a few actors that share one world, by running the real code again and again.

Each actor is a greenlet that stops before every operation on a port. A schedule is the list of choices made so far;
the explorer walks all schedules depth first, runs a prefix again to reach a sibling, and goes no further from a state
that it has seen. A state is the world plus, for each actor, where its code stands and what its local variables hold.

A crash is a choice like any other: an actor that is killed never goes on; a list of alias actions may be cut after any
action. An answer may be lost too: the actor goes on with IndexUnavailable, and the call arrives later, or never.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import greenlet

from ingest.errors import FatalError, IndexUnavailable, TransientError
from ingest.records import AliasAction, LakeIdentity, Release
from tests.fakes import CuttingAliases, InMemoryStore

CODE_UNDER_TEST = "ingest."
Choice = tuple[Any, ...]


class World:
    """What the actors share. Collections are completed by `restore` only."""

    def __init__(self, collections: Sequence[str] = ()) -> None:
        self.store = InMemoryStore()
        self.aliases = CuttingAliases(collections)

    def key(self) -> tuple[Any, ...]:
        return (
            tuple(sorted(self.store.values.items())),
            tuple(sorted(self.aliases.names.items())),
            tuple(sorted(self.aliases.existing)),
        )

    def copy(self) -> "World":
        other = World(self.aliases.collections())
        other.store.values = dict(self.store.values)
        other.aliases.names = dict(self.aliases.names)
        other.aliases.owners = dict(self.aliases.owners)
        return other


@dataclass(frozen=True)
class Budget:
    """How much may go wrong in one schedule."""

    crashes: int = 0
    unanswered: int = 0  # alias calls whose caller hears IndexUnavailable; they arrive later or never
    losses: int = 0  # of the whole index: aliases and collections
    put_back: int = 0  # of the index, to any state that it had before
    skip_reads: bool = False  # reading a record that exists commutes with everything: do not vary its place


class Actor:
    """One process: its ports, and the greenlet that runs its code."""

    def __init__(self, name: str, world: World, work: Callable[["Actor"], Any]) -> None:
        self.name, self.world = name, world
        self.uri = world.store.uri
        self.outcome: Any = None  # what `work` returned, the error that it raised, or "killed"
        self.pending: tuple[Any, ...] = ()
        self._tokens = 0
        self._scheduler = greenlet.getcurrent()
        self._greenlet = greenlet.greenlet(self._run)
        self._work = work

    def _run(self) -> None:
        try:
            self.outcome = self._work(self)
        except (FatalError, TransientError) as error:
            self.outcome = error
        self.pending = ()

    def start(self) -> None:
        self._greenlet.switch()

    def go_on(self, unanswered: bool = False) -> None:
        self._greenlet.switch(unanswered)

    def kill(self) -> None:
        if self.pending:
            self.outcome, self.pending = "killed", ()
            self._greenlet.throw(greenlet.GreenletExit)

    def key(self) -> tuple[Any, ...]:
        """Return where the code stands, and its local variables. Counters of attempts are left out."""
        if not self.pending:
            return (repr(self.outcome),)
        frames, frame = [], self._greenlet.gr_frame
        while frame is not None:
            if frame.f_globals["__name__"].startswith(CODE_UNDER_TEST) or frame.f_code is self._work.__code__:
                frames.append((frame.f_code.co_name, frame.f_lasti, _locals(frame)))
            frame = frame.f_back
        return (self.pending, self._tokens, *frames)

    def _pause(self, *operation: Any) -> None:
        self.pending = operation
        if self._scheduler.switch():
            raise IndexUnavailable("no answer")

    # ports.Store, as far as a release needs it

    def get(self, key: str) -> bytes | None:
        self._pause("get", key)
        return self.world.store.get(key)

    def create(self, key: str, data: bytes) -> bool:
        self._pause("create", key)
        return self.world.store.create(key, data)

    def list(self, prefix: str) -> Iterator[str]:
        self._pause("list", prefix)
        return self.world.store.list(prefix)

    # ports.Aliases

    def aliases(self) -> dict[str, str]:
        self._pause("aliases")
        return self.world.aliases.aliases()

    def move_aliases(self, actions: Sequence[AliasAction]) -> bool:
        self._pause("move", tuple(actions))
        return self.world.aliases.apply(actions)

    def lake_of(self, collection: str) -> LakeIdentity | None:
        return self.world.aliases.lake_of(collection)  # never changes: no moment of its own

    def generation_of(self, collection: str) -> str:
        return self.world.aliases.generation_of(collection)

    def give(self, collection: str, lake: LakeIdentity, generation: str = "") -> None:
        self.world.aliases.give(collection, lake, generation)

    # what the caller gives

    def restore(self, generation: str) -> None:
        if f"docs__{generation}" not in self.world.aliases.existing:
            self._pause("restore", generation)
            self.world.aliases.existing.add(f"docs__{generation}")

    def new_token(self) -> str:
        self._tokens += 1
        return f"{self.name}{self._tokens}"


def _locals(frame: FrameType) -> tuple[Any, ...]:
    """Return the values that tell states apart: not objects that are known by their address only."""
    values = ((name, _value(value)) for name, value in frame.f_locals.items() if name not in ("self", "actor"))
    return tuple(sorted((name, value) for name, value in values if " at 0x" not in value))


def _value(value: Any) -> str:
    return f"{value.number} {value.token}" if isinstance(value, Release) else repr(value)


@dataclass
class Run:
    """One schedule, live."""

    world: World
    actors: list[Actor]
    budget: Budget
    schedule: tuple[Choice, ...] = ()
    late: list[tuple[AliasAction, ...]] = field(default_factory=list)  # calls on their way to the index
    past: list[tuple[dict[str, str], set[str]]] = field(default_factory=list)
    spent: dict[str, int] = field(default_factory=dict)

    def left(self, what: str) -> int:
        return getattr(self.budget, what) - self.spent.get(what, 0)

    def _spend(self, what: str) -> None:
        self.spent[what] = self.spent.get(what, 0) + 1

    def choices(self) -> list[Choice]:
        """Return all that can happen next."""
        found: list[Choice] = []
        if self.budget.skip_reads:
            for number, actor in enumerate(self.actors):
                if actor.pending[:1] == ("get",) and actor.pending[1] in self.world.store.values:
                    return [("go", number)]
        for number, actor in enumerate(self.actors):
            if not actor.pending:
                continue
            found.append(("go", number))
            if self.left("crashes"):
                cuts = len(actor.pending[1]) + 1 if actor.pending[0] == "move" else 1
                found += [("crash", number, after) for after in range(cuts)]
            if self.left("unanswered") and actor.pending[0] == "move":
                found.append(("unanswered", number))
        found += [("arrive", number) for number in range(len(self.late))]
        if self.left("losses"):
            found.append(("lose",))
        if self.left("put_back"):
            found += [("put back", number) for number in range(len(self.past))]
        return found

    def step(self, choice: Choice) -> None:
        """Let one thing happen."""
        if self.budget.put_back:
            state = (dict(self.world.aliases.names), set(self.world.aliases.existing))
            if state not in self.past:
                self.past.append(state)
        self.schedule += (choice,)
        match choice:
            case ("go", number):
                self.actors[number].go_on()
            case ("crash", number, after):
                self._spend("crashes")
                if self.actors[number].pending[0] == "move":
                    self.world.aliases.apply(self.actors[number].pending[1][:after])
                self.actors[number].kill()
            case ("unanswered", number):
                self._spend("unanswered")
                self.late.append(self.actors[number].pending[1])
                self.actors[number].go_on(unanswered=True)
            case ("arrive", number):
                self.world.aliases.apply(self.late.pop(number))
            case ("lose",):
                self._spend("losses")
                self.world.aliases.lose_everything()
            case ("put back", number):
                self._spend("put_back")
                names, existing = self.past[number]
                self.world.aliases.names, self.world.aliases.existing = dict(names), set(existing)

    def key(self) -> int:
        past = [(sorted(names.items()), sorted(existing)) for names, existing in self.past]
        spent = tuple(sorted(self.spent.items()))
        return hash((self.world.key(), tuple(a.key() for a in self.actors), repr(self.late), repr(past), spent))

    def close(self) -> None:
        for actor in self.actors:
            actor.kill()


@dataclass
class Explored:
    """What the explorer found."""

    states: int = 0
    schedules: int = 0
    transitions: int = 0
    violations: list[tuple[str, tuple[Choice, ...]]] = field(default_factory=list)
    worlds: set[tuple[Any, ...]] = field(default_factory=set)
    outcomes: set[tuple[str, ...]] = field(default_factory=set)  # of schedules that ended, per actor


Start = Callable[[], tuple[World, list[Actor]]]
Judge = Callable[[World, World | None, Choice | None], Iterator[str]]


def explore(start: Start, budget: Budget, judge: Judge, until: str | None = None) -> Explored:
    """Walk every schedule and judge every transition: `judge(after, before, choice)` yields what is wrong.

    With `until`, the walk ends when a fault with this text is found.
    """
    found, seen = Explored(), set[int]()
    unexplored: list[tuple[Choice, ...]] = [()]
    while unexplored and not (until and any(until in fault for fault, _ in found.violations)):
        *prefix, last = unexplored.pop() or (None,)
        run = _begin(start, budget)
        for choice in prefix:
            run.step(choice)
        choice = last
        found.schedules += 1
        while True:
            before = None
            if choice is not None:
                before = run.world.copy()
                run.step(choice)
                found.transitions += 1
            found.violations += [(fault, run.schedule) for fault in judge(run.world, before, choice)]
            if (key := run.key()) in seen:
                break
            seen.add(key)
            found.worlds.add(run.world.key())
            if not (choices := run.choices()):
                found.outcomes.add(tuple(_outcome(actor) for actor in run.actors))
                break
            unexplored += [(*run.schedule, other) for other in choices[1:]]
            choice = choices[0]
        run.close()
    found.states = len(seen)
    return found


def _begin(start: Start, budget: Budget) -> Run:
    world, actors = start()
    for actor in actors:
        actor.start()
    return Run(world, actors, budget)


def _outcome(actor: Actor) -> str:
    return type(actor.outcome).__name__ if isinstance(actor.outcome, Exception) else str(actor.outcome)
