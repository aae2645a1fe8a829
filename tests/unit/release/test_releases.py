"""The rules of release, one at a time. `test_release_interleavings` tries them all together."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from ingest.errors import (
    ForeignIndex,
    Held,
    IndexUnavailable,
    Overtaken,
    SchemaMismatch,
    TransientError,
    UnknownRelease,
    VerdictOutdated,
)
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords, to_bytes
from ingest.records import AliasAction, Hold, LakeIdentity, Release
from ingest.release import Candidate, Releases, read_release
from ingest.services import Writer
from tests.fakes import CuttingAliases, InMemoryStore, Killed
from tests.records import release

INDEX = "docs"
OURS, THEIRS = LakeIdentity(id="ours", uri="memory://ours"), LakeIdentity(id="theirs", uri="memory://theirs")


class Place:
    """A lake, an index and the releases of `docs`; `restored` and `retired` are generations."""

    def __init__(self, *generations: str) -> None:
        self.store = InMemoryStore()
        self.aliases = CuttingAliases([f"docs__{generation}" for generation in generations])
        self.restored: list[str] = []
        self.retired: set[str] = set()
        tokens = count(1)
        journal = Journal(StoredRecords(self.store), f"{INDEX}/releases/", Release)
        self.releases = Releases(
            journal,
            self.aliases,
            INDEX,
            Writer(who="ann", clock=lambda: datetime(2026, 5, 1, tzinfo=UTC), new_token=lambda: f"t{next(tokens)}"),
            restore=self.restore,
            is_retired=self.retired.__contains__,
            known=lambda: OURS,
            identify=lambda: OURS,
        )

    def restore(self, generation: str) -> None:
        self.restored.append(generation)
        self.aliases.existing.add(f"docs__{generation}")

    def promote(self, generation: str, base: str | None, **options: bool) -> Release:
        return self.releases.promote(candidate(generation, base), "better", **options)

    @property
    def names(self) -> dict[str, str]:
        return self.aliases.names


def named(release: Release) -> tuple[str | None, ...]:
    return release.generation, release.collection, release.profile, release.verdict


def candidate(generation: str, base: str | None = None, profile: str = "p1") -> Candidate:
    return Candidate(generation, f"docs__{generation}", profile, f"verdict of {generation}", base)


@pytest.fixture
def place() -> Place:
    """An index on which g1 and then g2 were promoted."""
    made = Place("g1", "g2", "g3")
    made.promote("g1", None)
    made.promote("g2", "g1")
    return made


def record(number: int, collection: str) -> Release:
    base = number - 1
    return release(number, collection, generation=collection, base=base or None, guard=f"docs@{base}")


def journal_of(*collections: str) -> Journal[Release]:
    journal = Journal(StoredRecords(InMemoryStore()), "docs/releases/", Release)
    for number, collection in enumerate(collections, 1):
        journal.append(number, record(number, collection))
    return journal


# the reader's rule


def test_a_reader_finds_the_release_of_the_fence_when_it_names_the_collection():
    assert record(2, "B") == read_release({"docs": "B", "docs@2": "B"}, journal_of("A", "B"), INDEX)


def test_a_reader_finds_the_release_before_while_the_alias_has_not_followed():
    assert record(1, "A") == read_release({"docs": "A", "docs@2": "B"}, journal_of("A", "B"), INDEX)


def test_a_reader_never_uses_the_target_of_the_fence():
    assert record(2, "B") == read_release({"docs": "B", "docs@2": "A"}, journal_of("A", "B"), INDEX)


def test_a_reader_does_not_see_a_record_that_was_not_applied():
    assert record(1, "A") == read_release({"docs": "A", "docs@1": "A"}, journal_of("A", "B"), INDEX)


@pytest.mark.parametrize("aliases", [{}, {"docs.boot-t1": "A"}, {"docs@1": "A"}, {"other": "A", "other@1": "A"}])
def test_a_reader_finds_nothing_before_the_alias_exists(aliases):
    assert read_release(aliases, journal_of("A"), INDEX) is None


@pytest.mark.parametrize(
    ("aliases", "said"),
    [
        ({"docs": "A"}, "no fence docs@<n>"),
        ({"docs": "A", "docs@1": "A", "docs@2": "A"}, r"found \[1, 2\]"),
        ({"docs": "X", "docs@2": "X"}, "docs shows X"),
        ({"docs": "A", "docs@7": "A"}, "docs shows A"),
    ],
)
def test_a_contradiction_is_said_and_not_guessed_over(aliases, said):
    with pytest.raises(SchemaMismatch, match=said):
        read_release(aliases, journal_of("A", "B"), INDEX)


def test_aliases_of_other_indexes_are_no_fences():
    aliases = {"docs": "A", "docs@1": "A", "docs-2@4": "Z", "docs@latest": "A", "docs@01": "A", "docsX@3": "Z"}
    assert record(1, "A") == read_release(aliases, journal_of("A"), INDEX)


# promotion


def test_the_first_promotion_uses_a_guard_of_its_own_and_leaves_one_fence():
    place = Place("g1")
    released = place.promote("g1", None)
    assert ("docs.boot-t1", 1, None) == (released.guard, released.number, released.base)
    assert {"docs": "docs__g1", "docs@1": "docs__g1"} == place.names


def test_a_promotion_is_one_record_and_one_alias_call_of_three_actions(place):
    place.aliases.calls.clear()
    released = place.promote("g3", "g2", automatic=True)
    assert ("docs@2", 3, 2, "verdict of g3") == (released.guard, released.number, released.base, released.verdict)
    assert ("promote", "ann", "better", None) == (released.action, released.who, released.why, released.hold)
    assert "2026-05-01T00:00:00+00:00" == released.at
    actions = [
        AliasAction("rename", "docs@2", "docs@3"),
        AliasAction("create", "docs@3", "docs__g3"),
        AliasAction("create", "docs", "docs__g3"),
    ]
    assert [actions] == place.aliases.calls
    assert released == place.releases.current()


def test_promoting_what_serves_changes_nothing(place):
    before = dict(place.store.values)
    assert place.releases.current() == place.promote("g2", "g1")
    assert before == place.store.values


def test_a_candidate_on_another_base_is_overtaken(place):
    with pytest.raises(Overtaken, match="g3 was built on g1, but g2 serves"):
        place.promote("g3", "g1")
    assert 2 == place.releases.journal.last()


def test_a_candidate_on_a_base_is_overtaken_where_nothing_serves():
    with pytest.raises(Overtaken, match="built on g0, but None serves"):
        Place("g1").promote("g1", "g0")


def test_an_older_generation_comes_back_by_rollback_only(place):
    with pytest.raises(Overtaken):
        place.promote("g1", None)


def test_a_profile_alone_can_be_promoted_and_rolled_back(place):
    released = place.releases.promote(candidate("g2", profile="p2"), "tuned")
    assert ("g2", "p2", 3) == (released.generation, released.profile, released.number)
    back = place.releases.rollback(None, "worse")
    assert ("g2", "p1", 4) == (back.generation, back.profile, back.number)
    assert back == place.releases.current()


def test_a_collection_that_the_index_does_not_have_is_restored_before_the_record(place):
    place.aliases.drop_collection("docs__g1")
    place.restored.clear()
    place.releases.rollback(None, "worse")
    assert ["g1"] == place.restored
    assert "docs__g1" == place.names["docs"]


# hold


def test_a_hold_refuses_machines_and_people_until_it_is_lifted(place):
    place.releases.rollback(None, "wrong prices")
    for options in ({"automatic": True}, {"automatic": True, "lift_hold": True}, {}):
        with pytest.raises(Held, match=r"held by ann \(wrong prices\).*`ingest promote --lift-hold`"):
            place.promote("g3", "g1", **options)
    assert place.promote("g3", "g1", lift_hold=True).hold is None
    assert "g3" == place.releases.current().generation


def test_lifting_a_hold_is_a_release_of_the_same_generation_and_profile(place):
    held = place.releases.rollback(None, "wrong prices")
    lifted = place.releases.unhold("prices are right")
    assert ("unhold", None, 4, 3) == (lifted.action, lifted.hold, lifted.number, lifted.base)
    assert named(held) == named(lifted)
    assert lifted == place.releases.unhold("again")


def test_lifting_the_hold_while_promoting_what_serves_lifts_it(place):
    place.releases.rollback(None, "wrong prices")
    assert ("unhold", None) == ((lifted := place.promote("g1", None, lift_hold=True)).action, lifted.hold)


def test_a_hold_can_only_be_lifted_where_something_serves():
    with pytest.raises(UnknownRelease):
        Place().releases.unhold("why not")


# rollback


def test_a_rollback_brings_the_release_before_back_and_holds(place):
    back = place.releases.rollback(None, "wrong prices")
    assert ("rollback", 3, 2, "docs@2") == (back.action, back.number, back.base, back.guard)
    assert named(place.releases.journal.get(1)) == named(back)
    assert Hold(who="ann", why="wrong prices") == back.hold
    assert {"docs": "docs__g1", "docs@3": "docs__g1"} == place.names


def test_a_target_that_cannot_be_opened_is_named_with_the_way_around_it(place):
    def refuse(release):
        raise SchemaMismatch("its trees are gone")

    before = place.releases.current()
    with pytest.raises(SchemaMismatch, match=r"release 1 cannot be brought back: its trees are gone; `--to` takes"):
        place.releases.rollback(None, "wrong prices", opens=refuse)
    with pytest.raises(SchemaMismatch, match=r"release 1 cannot be brought back: its trees are gone$"):
        place.releases.rollback(1, "wrong prices", opens=refuse)
    assert place.releases.current() == before


def test_a_rollback_steps_over_releases_of_the_same_generation_and_profile(place):
    place.promote("g3", "g2")
    place.releases.rollback(3, "hold what serves")
    place.releases.unhold("go on")
    assert ("g2", 6) == ((back := place.releases.rollback(None, "worse")).generation, back.number)


def test_a_rollback_can_name_its_release(place):
    place.promote("g3", "g2")
    assert "g1" == place.releases.rollback(1, "far back").generation


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_rollback_to_a_release_that_does_not_exist_is_refused(place, number):
    with pytest.raises(UnknownRelease, match="there are 1 to 2"):
        place.releases.rollback(number, "why")


def test_a_rollback_without_an_earlier_release_is_refused():
    place = Place("g1")
    with pytest.raises(UnknownRelease, match="nothing serves yet"):
        place.releases.rollback(None, "why")
    place.promote("g1", None)
    with pytest.raises(UnknownRelease, match="no release before 1"):
        place.releases.rollback(None, "why")


def test_a_target_that_cannot_be_opened_is_refused_before_the_record(place):
    def check(target: Release) -> None:
        raise SchemaMismatch(f"cannot open {target.generation}")

    with pytest.raises(SchemaMismatch, match="cannot open g1"):
        place.releases.rollback(None, "why", check)
    assert 2 == place.releases.journal.last()


def test_who_loses_against_the_same_rollback_does_not_undo_it(place):
    def rolled_back_meanwhile(target: Release) -> None:
        place.releases.rollback(None, "I was faster")

    assert ("g1", "I was faster") == (
        (back := place.releases.rollback(None, "me too", rolled_back_meanwhile)).generation,
        back.why,
    )
    assert 3 == place.releases.journal.last()


# crash, loss, contradiction


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_promotion_that_died_in_its_alias_call_is_healed_by_the_next(place, after):
    place.aliases.cut_next(after)
    with pytest.raises(Killed):
        place.promote("g3", "g2")
    assert ("g3" if after == 3 else "g2") == place.releases.current().generation
    healed = place.releases.heal()
    assert ("g3", 3) == (healed.generation, healed.number)
    assert {"docs": "docs__g3", "docs@3": "docs__g3"} == place.names


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_an_alias_call_without_an_answer_is_looked_up(place, after):
    place.aliases.leave_unanswered(after)
    assert "g3" == place.promote("g3", "g2").generation
    assert {"docs": "docs__g3", "docs@3": "docs__g3"} == place.names


def test_healing_what_is_applied_sends_no_alias_call(place):
    place.aliases.calls.clear()
    assert 2 == place.releases.heal().number
    assert [] == place.aliases.calls


def test_healing_an_index_without_a_record_does_nothing():
    place = Place("g1")
    assert place.releases.heal() is None
    assert (None, 0, []) == (place.releases.current(), place.releases.journal.last(), place.aliases.calls)


def test_a_lost_index_is_restored_and_released_again_with_its_hold(place):
    held = place.releases.rollback(None, "wrong prices")
    place.aliases.lose_everything()
    place.restored.clear()
    again = place.releases.heal()
    assert ("restore", 4, 3, held.hold) == (again.action, again.number, again.base, again.hold)
    assert named(held) == named(again)
    assert {"g1"} == set(place.restored)
    assert {"docs": "docs__g1", "docs@4": "docs__g1"} == place.names


def test_a_promotion_onto_a_lost_index_restores_what_served_first(place):
    place.aliases.lose_everything()
    assert ("g3", 4) == ((released := place.promote("g3", "g2")).generation, released.number)
    assert ["promote", "restore", "promote", "promote"] == [r.action for _, r in place.releases.journal.newest_first(9)]


def foreign(*collections: str) -> Place:
    """Return an index on which g1 to g3 were promoted, and whose aliases another lake has moved to its collections."""
    place = Place("g1", "g2", "g3", "x1")
    for base, generation in ((None, "g1"), ("g1", "g2"), ("g2", "g3")):
        place.promote(generation, base)
    place.aliases.owners |= dict.fromkeys(collections, THEIRS)
    return place


FOREIGN = {
    # the collection that another lake made, if it says so; the aliases; what is said
    "a fence ahead of the records": (
        (),
        {"docs": "docs__g2", "docs@9": "docs__g2"},
        "newest release of this lake is 3",
    ),
    "a fence two behind": ((), {"docs": "docs__g1", "docs@1": "docs__g1"}, "is 3, more than one ahead"),
    "a collection that no record names": ((), {"docs": "docs__x1", "docs@3": "docs__x1"}, "neither release 3 nor"),
    "one of another lake, one behind": (("docs__x1",), {"docs": "docs__x1", "docs@2": "docs__x1"}, "neither release 2"),
    "one of our name and of another lake": (
        ("docs__g3",),
        {"docs": "docs__g3", "docs@3": "docs__g3"},
        "to lake theirs",
    ),
    "an alias without a fence": ((), {"docs": "docs__x1"}, "neither release 3 nor the one before names"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_aliases_that_do_not_follow_the_records_are_refused_with_both_lakes_and_the_way_out(case: str) -> None:
    collections, aliases, said = FOREIGN[case]
    place = foreign(*collections)
    place.aliases.names, before = dict(aliases), dict(place.store.values)
    for act in (
        place.releases.heal,
        lambda: place.promote("g3", "g2"),
        lambda: place.releases.rollback(None, "why"),
        lambda: place.releases.unhold("why"),
    ):
        with pytest.raises(ForeignIndex, match=rf"{said}.*lake ours \(memory://ours\).*`ingest run --take-over --why"):
            act()
    assert (aliases, before) == (place.names, place.store.values)


@pytest.mark.parametrize("case", FOREIGN)
def test_a_person_takes_an_index_over_with_a_record_of_its_own_and_nobody_does_again(case: str) -> None:
    collections, aliases, _ = FOREIGN[case]
    place = foreign(*collections)
    place.aliases.names = dict(aliases)

    def restore(generation: str) -> None:
        place.aliases.owners[f"docs__{generation}"] = OURS  # it makes room

    taken = replace(place.releases, take_over="moved here", restore=restore).heal()
    assert ("take-over", "moved here", "ann", "g3") == (taken.action, taken.why, taken.who, taken.generation)
    assert {"docs": "docs__g3", f"docs@{taken.number}": "docs__g3"} == place.names
    assert taken == place.releases.heal() == replace(place.releases, take_over="again").heal()


def test_a_lake_without_a_release_takes_an_index_over_with_its_first() -> None:
    place = foreign()
    other = Place("y1")
    other.aliases = place.aliases
    place.aliases.existing.add("docs__y1")
    theirs = replace(other.releases, aliases=place.aliases, known=lambda: None, identify=lambda: THEIRS)
    with pytest.raises(ForeignIndex, match="but the newest release of this lake is none"):
        theirs.promote(candidate("y1"), "better")
    taken = replace(theirs, take_over="a new lake").promote(candidate("y1"), "better")
    assert (1, "take-over", "a new lake") == (taken.number, taken.action, taken.why)
    assert {"docs": "docs__y1", "docs@1": "docs__y1"} == place.names
    assert taken == theirs.heal()
    with pytest.raises(ForeignIndex, match="docs__y1 belongs to lake theirs"):
        place.releases.heal()
    back = replace(place.releases, take_over="it is ours").heal()
    assert (4, "g3") == (back.number, back.generation)
    with pytest.raises(ForeignIndex):
        theirs.heal()


@pytest.mark.parametrize("after", range(6))
def test_a_take_over_that_died_in_its_alias_call_leaves_an_index_that_one_of_the_two_can_repair(after: int) -> None:
    place = foreign("docs__x1")
    place.aliases.names = {"docs": "docs__x1", "docs@7": "docs__x1"}
    taking = replace(place.releases, take_over="moved here")
    place.aliases.cut_next(1)  # the guard
    place.aliases.cut_next(after)
    with pytest.raises(Killed):
        taking.heal()
    with pytest.raises(Killed):
        taking.heal()
    assert "docs" in place.names
    assert "g3" == taking.heal().generation
    shown = {name: target for name, target in place.names.items() if ".boot-" not in name and ".taken-" not in name}
    assert {"docs": "docs__g3", f"docs@{place.releases.journal.last()}": "docs__g3"} == shown


def test_a_collection_of_before_they_said_whose_they_are_is_given_to_the_lake_whose_release_names_it(place):
    place.aliases.owners.clear()
    place.releases.heal()
    assert {"docs__g2": OURS} == place.aliases.owners


# the verdict


def test_a_verdict_that_was_compared_with_an_earlier_release_is_refused_and_says_what_serves(place):
    place.releases.promote(candidate("g2", profile="p2"), "a profile came in between")
    with pytest.raises(VerdictOutdated, match="compared with release 2, but release 3 is in force: judge it again"):
        place.releases.promote(replace(candidate("g3", "g2"), compared=2), "better")
    released = place.releases.promote(replace(candidate("g3", "g2"), compared=3), "better")
    assert (3, 3) == (released.base, released.compared)


def test_a_verdict_that_was_compared_with_nothing_is_outdated_once_something_serves():
    place = Place("g1")
    place.promote("g1", None)
    with pytest.raises(VerdictOutdated, match="compared with release none, but release 1 is in force"):
        place.releases.promote(replace(candidate("g1", profile="p2"), compared=0), "better")


def test_who_loses_the_first_promotion_deletes_his_own_guard():
    place = Place("g1", "g2")
    winner = Place("g1", "g2").promote("g1", None)

    class FasterStore(InMemoryStore):
        def create(self, key: str, data: bytes) -> bool:
            if self.values.setdefault(key, to_bytes(winner)) == to_bytes(winner):
                place.aliases.names[winner.guard] = winner.collection
            return super().create(key, data)

    tokens = iter(["slow", "slow's record"])
    journal = replace(place.releases.journal, records=StoredRecords(FasterStore()))
    writer = replace(place.releases.writer, who="bob", new_token=tokens.__next__)
    slow = replace(place.releases, journal=journal, writer=writer)
    with pytest.raises(Overtaken, match="g1 serves"):
        slow.promote(candidate("g2"), "mine")
    assert {"docs": "docs__g1", "docs@1": "docs__g1"} == place.names


def test_an_index_that_refuses_every_alias_call_ends_the_attempts(place):
    class Refusing(CuttingAliases):
        def move_aliases(self, actions):
            self.calls.append(list(actions))
            return False

    refusing = Refusing(place.aliases.collections(), place.names)
    stuck = replace(place.releases, aliases=refusing, attempts=3)
    with pytest.raises(TransientError, match="gave up after 3 attempts"):
        stuck.promote(candidate("g3", "g2"), "better")
    assert 4 == len(refusing.calls)


def test_an_index_that_cannot_be_read_is_told_as_it_is(place):
    class Silent(CuttingAliases):
        def aliases(self) -> dict[str, str]:
            raise IndexUnavailable("no answer from the index")

    silent = replace(place.releases, aliases=Silent())
    with pytest.raises(IndexUnavailable, match="no answer from the index"):
        silent.heal()


# retired targets


def test_a_retired_target_is_refused_before_the_record(place):
    place.retired.add("g1")
    with pytest.raises(UnknownRelease, match="g1 is retired"):
        place.releases.rollback(None, "why")
    assert 2 == place.releases.journal.last()


def test_a_target_that_was_retired_while_the_record_was_written_gives_way_to_what_served(place):
    asked: list[str] = []

    def retired_later(generation: str) -> bool:
        asked.append(generation)
        return generation == "g1" and len(asked) > 1

    releases = replace(place.releases, is_retired=retired_later)
    with pytest.raises(UnknownRelease, match="g1 was retired while release 3 was written; g2 serves"):
        releases.rollback(None, "why")
    assert ("g2", "restore", 4) == ((now := releases.current()).generation, now.action, now.number)
    assert {"docs": "docs__g2", "docs@4": "docs__g2"} == place.names


def test_a_retired_generation_is_not_restored_where_the_fence_is_lost(place):
    place.aliases.cut_next(0)  # the record of g3 is written, and nothing else
    with pytest.raises(Killed):
        place.promote("g3", "g2")
    place.aliases.lose_everything()
    place.retired.add("g3")
    place.restored.clear()
    assert "g2" == place.releases.heal().generation
    assert {"g2"} == {*place.restored}
    assert "docs__g2" == place.names["docs"]
