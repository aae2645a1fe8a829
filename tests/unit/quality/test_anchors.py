"""A judgment is stale only when the source changed or deleted its bytes; what was lost on the way scores zero."""

from dataclasses import replace

import pytest

from ingest.ids import document_id, sha256_hex
from ingest.quality.anchors import JudgedDocument, Side, anchored
from ingest.records import Gold, Move, Question
from tests.records import document_row

TEXT = "# Title\n\nThe answer is a pangolin.\n\nMore words follow here.\n"
ANSWER = "The answer is a pangolin."
EDITED = TEXT.replace("More words", "# News\n\nMany other words")
MOVED = "# Preface\n\nSomething new above.\n\n" + TEXT
WITHOUT = TEXT.replace(ANSWER, "Nothing is said about it.")


def held(text: str, path: str = "a.md", source: str | None = None) -> JudgedDocument:
    """Return a document whose canonical text is `text` and whose bytes are `source`."""
    row = document_row(
        document_id=document_id(path),
        uri=f"file:///{path}",
        path=path,
        sha256=sha256_hex((source if source is not None else text).encode()),
    )
    return JudgedDocument(row, text)


def side(*documents: JudgedDocument, quarantined: tuple[str, ...] = (), moved: tuple[Gold, str] | None = None) -> Side:
    by_path = {path: tuple(d for d in documents if d.row.path == path) for path in (d.row.path for d in documents)}
    moves = {}
    if moved is not None:
        place, to = moved
        move = Move(doc=place.doc, source=place.source, sha256=place.sha256, to=to, to_source="docs")
        moves[(place.source, place.doc, place.sha256)] = move
    return Side(by_path, frozenset(quarantined), {d.row.sha256: d for d in documents}, moves)


def gold(text: str = TEXT, *, sha256: bool = True, spans: bool = False) -> Gold:
    start = text.index(ANSWER)
    place = Gold("a.md", start=start, end=start + len(ANSWER), sha256=sha256_hex(text.encode()) if sha256 else "")
    return replace(place, spans=(ANSWER,)) if spans else place


def places(place: Gold, now: Side, before: Side | None) -> tuple[Gold | None, Gold | None]:
    """Return where the place is in candidate and base; (None, None) when it is stale."""
    found = anchored([Question("q", "what is it", gold=(place,))], now, before)
    return (None, None) if found.stale else (found.live[0].gold[0], found.for_base[0].gold[0])


@pytest.mark.parametrize("with_sha256", [True, False])
def test_an_unchanged_document_keeps_its_anchor_on_both_sides(with_sha256: bool) -> None:
    place = gold(sha256=with_sha256)
    assert (place, place) == places(place, side(held(TEXT)), side(held(TEXT)))


@pytest.mark.parametrize("with_sha256", [True, False])
def test_a_place_is_followed_when_the_source_moved_it(with_sha256: bool) -> None:
    now, _ = places(gold(sha256=with_sha256), side(held(MOVED)), side(held(TEXT)))
    assert now is not None
    assert ANSWER == MOVED[now.start : now.end]


@pytest.mark.parametrize("with_sha256", [True, False])
def test_a_place_that_the_source_removed_is_stale(with_sha256: bool) -> None:
    assert (None, None) == places(gold(sha256=with_sha256), side(held(WITHOUT)), side(held(TEXT)))


@pytest.mark.parametrize("with_sha256", [True, False])
def test_a_document_that_the_source_deleted_is_stale(with_sha256: bool) -> None:
    assert (None, None) == places(gold(sha256=with_sha256), side(), side(held(TEXT)))


def test_a_document_in_quarantine_is_damage_and_stays() -> None:
    assert (gold(), gold()) == places(gold(), side(quarantined=("a.md",)), side(held(TEXT)))


def test_text_that_was_lost_while_the_bytes_are_the_same_is_damage_and_stays() -> None:
    lost = held(WITHOUT, source=TEXT)
    assert (gold(), gold()) == places(gold(), side(lost), side(held(TEXT)))


def test_text_that_was_lost_is_damage_also_when_the_source_was_edited_since_the_judging() -> None:
    edited = held(EDITED)
    lost = held(EDITED.replace(ANSWER, ""), source=EDITED)
    now, base = places(gold(spans=True), side(lost), side(edited))
    assert now is not None
    assert base is not None
    assert ANSWER == EDITED[base.start : base.end]


def test_a_renamed_document_is_followed_by_its_bytes() -> None:
    now, base = places(gold(), side(held(TEXT, "b.md")), side(held(TEXT)))
    assert ("b.md", "a.md") == (now and now.doc, base and base.doc)


@pytest.mark.parametrize("with_sha256", [True, False])
def test_a_followed_move_is_known_to_later_nights_though_the_document_changed_since(with_sha256: bool) -> None:
    place = gold(sha256=with_sha256, spans=True)
    moved = place, "b.md"
    now, base = places(place, side(held(EDITED, "b.md"), moved=moved), side(held(MOVED, "b.md"), moved=moved))
    assert now is not None
    assert base is not None
    assert ("b.md", "b.md") == (now.doc, base.doc)
    assert (ANSWER, ANSWER) == (EDITED[now.start : now.end], MOVED[base.start : base.end])


def test_a_document_that_was_edited_after_judging_and_then_renamed_is_followed_by_the_bases_bytes() -> None:
    now, _ = places(gold(spans=True), side(held(EDITED, "b.md")), side(held(EDITED)))
    assert "b.md" == (now and now.doc)


def test_a_renamed_document_is_followed_though_another_one_took_its_path() -> None:
    now, base = places(gold(), side(held(WITHOUT), held(TEXT, "b.md")), side(held(TEXT)))
    assert ("b.md", "a.md") == (now and now.doc, base and base.doc)
    moved = gold(), "b.md"
    later = side(held(WITHOUT), held(TEXT, "b.md"), moved=moved)
    now, base = places(gold(), later, later)
    assert ("b.md", "b.md") == (now and now.doc, base and base.doc)


def test_a_document_that_moved_back_is_found_at_its_path_and_a_damaged_one_is_no_move() -> None:
    moved = gold(sha256=False), "b.md"
    now, _ = places(moved[0], side(held(EDITED), moved=moved), side(held(TEXT, "b.md"), moved=moved))
    assert "a.md" == (now and now.doc)
    lost, base = places(moved[0], side(quarantined=("b.md",), moved=moved), side(held(TEXT, "b.md"), moved=moved))
    assert (moved[0], "b.md") == (lost, base and base.doc)


def test_places_of_two_sources_with_the_same_path_are_told_apart() -> None:
    other = held(WITHOUT)
    other = JudgedDocument(replace(other.row, source="a wiki"), other.text)
    place = replace(gold(), source="docs")
    now, _ = places(place, side(other, held(MOVED)), side(other, held(TEXT)))
    assert now is not None
    assert ANSWER == MOVED[now.start : now.end]


def test_a_judgment_on_the_candidate_version_is_looked_for_in_the_older_base() -> None:
    place = gold(MOVED)
    now, base = places(place, side(held(MOVED)), side(held(TEXT)))
    assert place == now
    assert base is not None
    assert ANSWER == TEXT[base.start : base.end]


def test_the_first_generation_has_its_anchors_as_they_were_judged() -> None:
    assert (gold(), gold()) == places(gold(), side(held(TEXT)), None)
