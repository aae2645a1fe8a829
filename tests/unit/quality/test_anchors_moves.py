"""The journal of moves: what was followed stays known, whoever writes at the same time."""

from ingest.lake.lake import Lake
from ingest.quality.anchors import after_move, keep_moves, known_moves, move_of
from ingest.records import Gold
from tests.fakes import InMemoryStore
from tests.records import document_row

PLACE = Gold("a.md", start=3, end=9, sha256="0" * 64)


def test_moves_add_up_and_the_newest_of_a_document_counts() -> None:
    lake = Lake(InMemoryStore(), "docs")
    keep_moves(lake, "0002-b", [move_of(PLACE, document_row(path="b.md"))])
    keep_moves(lake, "0003-c", [move_of(Gold("x.md"), document_row(path="y.md"))])
    keep_moves(lake, "0004-d", [move_of(PLACE, document_row(path="c.md"))])
    again = Lake(lake.store, "docs")
    keep_moves(again, "0005-e", [move_of(PLACE, document_row(path="c.md"))])
    assert 3 == again.moves.last()
    moves = known_moves(again)
    assert ["c.md", "y.md"] == [place.doc for g in (PLACE, Gold("x.md")) if (place := after_move(g, moves))]
    assert after_move(Gold("a.md"), moves) is None  # judged again since then, on other bytes


def test_two_who_write_at_once_lose_nothing() -> None:
    class Raced(InMemoryStore):
        """A store in which another process appends before the first record of this one."""

        raced = False

        def create(self, key: str, data: bytes) -> bool:
            if not self.raced:
                self.raced = True
                keep_moves(Lake(self, "docs"), "0002-b", [move_of(Gold("x.md"), document_row(path="y.md"))])
            return super().create(key, data)

    lake = Lake(Raced(), "docs")
    keep_moves(lake, "0002-b", [move_of(PLACE, document_row(path="b.md"))])
    assert {"a.md", "x.md"} == {doc for _, doc, _ in known_moves(lake)}


def test_a_place_keeps_its_source_or_stays_without_one() -> None:
    moved = move_of(PLACE, document_row(path="b.md", source="wiki"))
    assert Gold("b.md", start=3, end=9, sha256="0" * 64) == after_move(PLACE, {("", "a.md", "0" * 64): moved})
    named = Gold("a.md", source="docs")
    moved = move_of(named, document_row(path="b.md", source="wiki"))
    assert Gold("b.md", source="wiki") == after_move(named, {("docs", "a.md", ""): moved})
