"""Where judged documents are now: moves that were followed are kept, so that later nights follow them too."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow
from ingest.records import Gold, Move, Moves

ATTEMPTS = 8  # to append; each failure means that another process appended

Named = tuple[str, str, str]  # source, path and SHA-256, as a judged place names its document


def known_moves(lake: Lake) -> dict[Named, Move]:
    """Return the moves that were followed so far. One listing and one record, however many nights there were."""
    return _newest(lake)[1]


def keep_moves(lake: Lake, generation: str, found: Iterable[Move]) -> None:
    """Add moves to the known ones. Whoever loses `ATTEMPTS` races loses nothing: the next night finds them again."""
    new = _by_name(found)
    for _ in range(ATTEMPTS):
        last, known = _newest(lake)
        if new.items() <= known.items():
            return
        every = known | new
        if lake.moves.append(last + 1, Moves(generation=generation, moves=tuple(every[n] for n in sorted(every)))):
            return


def _newest(lake: Lake) -> tuple[int, dict[Named, Move]]:
    last, newest = next(lake.moves.newest_first(2), (0, None))  # the one before if the newest is damaged
    return last, _by_name(newest.moves if newest is not None else ())


def _by_name(moves: Iterable[Move]) -> dict[Named, Move]:
    return {(move.source, move.doc, move.sha256): move for move in moves}


def move_of(gold: Gold, found: DocumentRow) -> Move:
    """Return the move of a judged place's document to where it was found."""
    return Move(doc=gold.doc, source=gold.source, sha256=gold.sha256, to=found.path, to_source=found.source)


def after_move(gold: Gold, moves: Mapping[Named, Move]) -> Gold | None:
    """Return the place at its document's path after a known move; None if none is known."""
    move = moves.get((gold.source, gold.doc, gold.sha256))
    return None if move is None else at_path(gold, move.to_source, move.to)


def at_path(gold: Gold, source: str, path: str) -> Gold:
    """Return the place in the document at a path; a place without a source stays without one."""
    return replace(gold, doc=path, source=source if gold.source else "")
