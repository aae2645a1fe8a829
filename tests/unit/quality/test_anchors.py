"""A judgment is stale only when the source changed or deleted its bytes; what was lost on the way scores zero."""

from dataclasses import replace

import pytest

from ingest.ids import document_id, sha256_hex
from ingest.quality.anchors import JudgedDocument, Side, anchored
from ingest.records import Gold, Question
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


def side(*documents: JudgedDocument, quarantined: tuple[str, ...] = ()) -> Side:
    return Side({d.row.path: d for d in documents}, frozenset(quarantined), {d.row.sha256: d for d in documents})


def gold(text: str = TEXT, *, sha256: bool = True, spans: bool = False) -> Gold:
    start = text.index(ANSWER)
    place = Gold("a.md", start=start, end=start + len(ANSWER), sha256=sha256_hex(text.encode()) if sha256 else "")
    return replace(place, spans=(ANSWER,)) if spans else place


def places(place: Gold, now: Side, before: Side | None) -> tuple[Gold | None, Gold | None]:
    """Return where the place is in candidate and base; (None, None) when it is stale."""
    live, base, stale = anchored([Question("q", "what is it", gold=(place,))], now, before)
    return (None, None) if stale else (live[0].gold[0], base[0].gold[0])


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


def test_a_judgment_on_the_candidate_version_is_looked_for_in_the_older_base() -> None:
    place = gold(MOVED)
    now, base = places(place, side(held(MOVED)), side(held(TEXT)))
    assert place == now
    assert base is not None
    assert ANSWER == TEXT[base.start : base.end]


def test_the_first_generation_has_its_anchors_as_they_were_judged() -> None:
    assert (gold(), gold()) == places(gold(), side(held(TEXT)), None)
