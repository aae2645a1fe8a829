"""Aliases: the one pointer, and the compare-and-swap on which every promotion stands."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from ingest.errors import IndexUnavailable
from ingest.ports import VectorIndex
from ingest.records import EVERYTHING, AliasAction
from ingest_conformance.expectations import Violation, agree
from ingest_conformance.points import DIMENSION, some_points, vectors

WRITERS, ROUNDS = 4, 12  # of the race for one fence


def create(name: str, target: str) -> AliasAction:
    """Return the action that points an alias to a collection."""
    return AliasAction("create", name, target)


def rename(name: str, target: str) -> AliasAction:
    """Return the action that gives an alias another name."""
    return AliasAction("rename", name, target)


def mine(index: VectorIndex, collection: str) -> dict[str, str]:
    """Return the aliases that begin with a name, with their collections."""
    return {name: target for name, target in index.aliases().items() if name.startswith(collection)}


def creating_an_alias_replaces_it(index: VectorIndex, collection: str) -> None:
    """Creating an alias replaces it."""
    other, alias = f"{collection}-b", f"{collection}-alias"
    index.create_collection(other, DIMENSION)
    agree(True, index.move_aliases([create(alias, collection)]))
    agree(True, index.move_aliases([create(alias, other)]))
    agree({alias: other}, mine(index, collection))
    index.drop_collection(other)
    agree({}, mine(index, collection), "after its collection was dropped")


def renaming_keeps_the_target(index: VectorIndex, collection: str) -> None:
    """Renaming keeps the target, also to itself, and fails when the old name is gone."""
    old, new = f"{collection}@1", f"{collection}@2"
    agree(True, index.move_aliases([create(old, collection), rename(old, new)]))
    agree(True, index.move_aliases([rename(new, new)]), "to itself")
    agree(False, index.move_aliases([rename(old, f"{collection}@3")]), "of a name that is gone")
    agree({new: collection}, mine(index, collection))


def a_failing_first_action_changes_nothing(index: VectorIndex, collection: str) -> None:
    """A failing first action keeps everything as it was."""
    fence, alias = f"{collection}@1", f"{collection}-alias"
    agree(False, index.move_aliases([rename(f"{collection}@0", fence), create(alias, collection)]))
    agree({}, mine(index, collection))


def nothing_follows_a_failing_action(index: VectorIndex, collection: str) -> None:
    """A failing later action is told, and nothing after it is applied; what was before it stays or goes."""
    first, second, third = (f"{collection}-{n}" for n in "abc")
    actions = [create(first, collection), create(second, f"{collection}-missing"), create(third, collection)]
    agree(False, index.move_aliases(actions))
    kept = mine(index, collection)
    if kept:  # newer servers apply all or nothing, which promotion allows for as well
        agree({first: collection}, kept)


def an_alias_takes_no_name_of_a_collection(index: VectorIndex, collection: str) -> None:
    """An alias does not take the name of a collection."""
    agree(False, index.move_aliases([create(collection, collection)]))


def deleting_a_missing_alias_is_no_failure(index: VectorIndex, collection: str) -> None:
    """Deleting a missing alias is no failure."""
    agree(True, index.move_aliases([AliasAction("delete", f"{collection}-nothing")]))


def dropping_a_collection_drops_its_aliases(index: VectorIndex, collection: str) -> None:
    """Dropping a collection drops its aliases."""
    agree(True, index.move_aliases([create(f"{collection}-alias", collection)]))
    index.drop_collection(collection)
    agree(({}, False), (mine(index, collection), collection in index.collections()))


def an_alias_answers_like_its_collection(index: VectorIndex, collection: str) -> None:
    """An alias answers like its collection."""
    alias = f"{collection}-alias"
    index.upsert(collection, some_points(3))
    index.move_aliases([create(alias, collection)])
    agree(3, index.count(alias, EVERYTHING))
    found = [index.search(name, vectors(1), EVERYTHING, 3) for name in (collection, alias)]
    agree(found[0], found[1])


def one_writer_wins_each_fence(index: VectorIndex, collection: str) -> None:
    """Of writers that rename the same fence at once, exactly one wins, and what the others sent is not applied."""
    agree(True, index.move_aliases([create(f"{collection}@0", collection)]))

    def write(guard: str, round_: int, writer: int) -> bool | None:
        fence, alias = f"{collection}@{round_}-{writer}", f"{collection}-serves"
        try:
            return index.move_aliases([rename(guard, fence), create(fence, collection), create(alias, collection)])
        except IndexUnavailable:
            return None  # the outcome is unknown: the aliases tell

    guard = f"{collection}@0"
    with ThreadPoolExecutor(WRITERS) as pool:
        for round_ in range(1, ROUNDS + 1):
            writers = range(WRITERS)
            answers = list(pool.map(write, [guard] * WRITERS, [round_] * WRITERS, writers))
            fences = [name for name in mine(index, collection) if "@" in name]
            agree(1, len(fences), f"round {round_}: fences after {WRITERS} writers, {fences}")
            won = [f"{collection}@{round_}-{writer}" for writer in writers if answers[writer]]
            if len(won) > 1 or (won and won != fences) or (not won and None not in answers):
                raise Violation(f"round {round_}: {won or 'nobody'} was told to have won, the fence is {fences}")
            (guard,) = fences


def a_stale_answer_moves_nothing(index: VectorIndex, collection: str) -> None:
    """Who acts on an earlier answer about the aliases changes nothing, and a move that was answered is seen at once."""
    other, alias = f"{collection}-b", f"{collection}-serves"
    index.create_collection(other, DIMENSION)
    fences = [f"{collection}@{n}" for n in range(8)]
    agree(True, index.move_aliases([create(fences[0], collection), create(alias, collection)]))
    for number, (guard, fence) in enumerate(pairwise(fences)):
        target = (other, collection)[number % 2]
        stale = mine(index, collection)
        agree(True, index.move_aliases([rename(guard, fence), create(fence, target), create(alias, target)]))
        agree({fence: target, alias: target}, mine(index, collection), "the next answer after a move")
        late = [rename(guard, f"{collection}@late"), create(alias, stale[alias])]
        agree(False, index.move_aliases(late), f"a move that is guarded by {guard}, of an earlier answer")
        agree({fence: target, alias: target}, mine(index, collection), "after a late writer")


CHECKS = (
    creating_an_alias_replaces_it,
    renaming_keeps_the_target,
    a_failing_first_action_changes_nothing,
    nothing_follows_a_failing_action,
    an_alias_takes_no_name_of_a_collection,
    deleting_a_missing_alias_is_no_failure,
    dropping_a_collection_drops_its_aliases,
    an_alias_answers_like_its_collection,
    one_writer_wins_each_fence,
    a_stale_answer_moves_nothing,
)
