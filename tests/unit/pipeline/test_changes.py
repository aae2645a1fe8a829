"""The classes of a plan, and the listing that spills."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ids import document_id, shard_of
from ingest.lake.revocations import Revocations
from ingest.lake.rows import attributes_digest
from ingest.pipeline.changes import BaseDocument, Listing, classify, shard_count
from ingest.pipeline.scope import By, Scope
from ingest.records import DocumentRef


def ref(name: str, version: str = "1", source: str = "a", acl: tuple[str, ...] = ("public",)) -> DocumentRef:
    return DocumentRef(uri=f"file:///{source}/{name}", source=source, path=name, version=version, size=10, acl=acl)


def held(name: str, version: str = "1", **changes: object) -> dict[str, BaseDocument]:
    source = str(changes.pop("source", "a"))
    of = ref(name, version, source)
    known = BaseDocument(of, attributes_digest(of.acl, of.tenant, of.source, of.title), "current")
    return {known.ref.uri: replace(known, **changes)}


def changes_of(
    listed: list[DocumentRef],
    base: dict[str, BaseDocument] | None = None,
    bad: dict[str, BaseDocument] | None = None,
    scope: Scope | None = None,
    *,
    title: str = "",
    carried_sources: frozenset[str] = frozenset(),
    revoked: Revocations | None = None,
) -> dict[str, object]:
    """Return classes by path, the number of deleted documents, and whether the shard is touched."""
    listed = [replace(r, title=title) for r in listed]
    changes = classify(listed, base or {}, bad or {}, scope or Scope(), carried_sources, revoked or Revocations())
    classes = {d.uri.rpartition("/")[2]: d.change for d in changes.documents}
    return {**classes, "deleted": len(changes.deleted), "touched": changes.touched}


def bad(name: str, version: str = "1", source: str = "a", outdated: bool = False) -> dict[str, BaseDocument]:
    known = BaseDocument(ref(name, version, source), "", "quarantined", outdated=outdated)
    return {known.ref.uri: known}


def test_a_new_document_is_added() -> None:
    assert changes_of([ref("x")]) == {"x": "added", "deleted": 0, "touched": True}


def test_equal_version_and_attributes_are_unchanged() -> None:
    assert changes_of([ref("x")], held("x")) == {"x": "unchanged", "deleted": 0, "touched": False}


def test_another_version_is_changed() -> None:
    assert changes_of([ref("x", "2")], held("x"))["x"] == "changed"


@pytest.mark.parametrize("scope", [Scope(), Scope(sources=("b",))])
def test_what_is_revoked_is_taken_out_whatever_the_scope_and_is_quiet_once_it_is_out(scope: Scope) -> None:
    told = {"scope": scope, "revoked": Revocations(prefixes=("file:///a/",))}
    assert changes_of([ref("x")], held("x"), **told) == {"x": "revoked", "deleted": 0, "touched": True}
    assert changes_of([ref("x")], {}, bad("x"), **told) == {"x": "revoked", "deleted": 0, "touched": True}
    assert changes_of([ref("x")], **told) == {"x": "revoked", "deleted": 0, "touched": False}
    assert changes_of([], held("x"), **told) == {"deleted": 1, "touched": True}


def test_a_document_that_would_be_read_otherwise_is_changed() -> None:
    assert changes_of([ref("x")], held("x", outdated=True))["x"] == "changed"


def test_other_groups_are_attributes_changed() -> None:
    assert changes_of([ref("x")], held("x"), title="others")["x"] == "attributes_changed"


def test_what_is_not_listed_is_deleted() -> None:
    assert changes_of([], held("x")) == {"deleted": 1, "touched": True}


def test_the_same_bad_version_is_not_tried_again() -> None:
    assert changes_of([ref("x")], {}, bad("x")) == {"x": "known_bad", "deleted": 0, "touched": False}


@pytest.mark.parametrize(("version", "outdated"), [("2", False), ("1", True)])
def test_a_bad_document_is_tried_again_with_another_version_or_other_code(version: str, outdated: bool) -> None:
    assert changes_of([ref("x", version)], {}, bad("x", "1", outdated=outdated))["x"] == "added"


def test_a_bad_document_that_disappears_touches_its_shard() -> None:
    assert changes_of([], {}, bad("x")) == {"deleted": 0, "touched": True}


def test_a_last_good_version_stays_while_it_may() -> None:
    base = held("x", "1", status="last_good")
    assert changes_of([ref("x", "2")], base, bad("x", "2")) == {"x": "known_bad", "deleted": 0, "touched": False}


def test_a_last_good_version_is_deleted_when_it_is_too_old() -> None:
    base = held("x", "1", status="last_good", expired=True)
    assert changes_of([ref("x", "2")], base, bad("x", "2")) == {"x": "known_bad", "deleted": 1, "touched": True}


def test_other_groups_of_a_last_good_version_touch_its_shard() -> None:
    base = held("x", "1", status="last_good")
    assert changes_of([ref("x", "2")], base, bad("x", "2"), title="others")["touched"] is True


def test_a_last_good_version_that_is_listed_again_becomes_current() -> None:
    base = held("x", "1", status="last_good")
    assert changes_of([ref("x", "1")], base, bad("x", "2"))["x"] == "attributes_changed"


def test_outside_the_scope_everything_is_carried() -> None:
    scope = Scope(sources=("b",))
    base = held("gone") | held("changed") | held("failed", "1", status="last_good", expired=True)
    listed = [ref("added"), ref("changed", "2"), ref("failed", "2")]
    assert changes_of(listed, base, bad("failed", "2") | bad("vanished"), scope) == {
        "changed": "carried",
        "failed": "carried",
        "gone": "carried",
        "vanished": "carried",
        "deleted": 0,
        "touched": False,
    }


def test_outside_the_scope_what_was_listed_is_counted() -> None:
    scope = Scope(prefixes=("file:///a/in",))
    listed = [ref("inside"), ref("outside"), ref("x")]
    changes = classify(listed, held("x"), {}, scope, frozenset(), Revocations())
    assert changes.counts == {"added": 1, "carried": 1, "out_of_scope": 2, "deleted": 0}


def test_documents_of_a_source_that_could_not_be_listed_are_carried() -> None:
    assert changes_of([], held("x") | held("y", source="b") | {}, bad("z"), carried_sources=frozenset({"a"})) == {
        "x": "carried",
        "z": "carried",
        "deleted": 1,
        "touched": True,
    }


@pytest.mark.parametrize(
    ("by", "sick", "outside"),
    [("source", "a", ""), ("tenant", "tenant t", ""), ("source", "", "a")],
)
def test_what_the_base_has_from_a_source_that_stays_is_no_other_sources(by: By, sick: str, outside: str) -> None:
    base = {uri: replace(one, ref=replace(one.ref, tenant="t")) for uri, one in held("x").items()}
    scope = Scope(sick={sick: "403"} if sick else {}, by=by)
    listed = [replace(ref(name, "2"), source="b", acl=("everybody",)) for name in "xyz"]
    changes = classify(listed, base, bad("y"), scope, frozenset({outside}), Revocations())
    failed = ("b", "added") if by == "tenant" else ("b", "carried")  # what failed has no tenant
    assert [("a", "carried"), failed, ("b", "added")] == [(d.source, d.change) for d in changes.documents]
    assert ("public",) == changes.documents[0].acl


names = st.sets(st.sampled_from("abcdef"))


@given(listed=names, base=names, failed=names, sources=st.sampled_from([(), ("a",), ("b",)]))
def test_every_listed_document_in_scope_has_one_class_and_nothing_outside_is_deleted(
    listed: set[str], base: set[str], failed: set[str], sources: tuple[str, ...]
) -> None:
    known = {uri: document for name in base for uri, document in held(name).items()}
    broken = {uri: row for name in failed for uri, row in bad(name).items()}
    refs = [ref(name, "2") for name in sorted(listed)]
    changes = classify(refs, known, broken, Scope(sources=sources), frozenset(), Revocations())
    uris = [d.uri for d in changes.documents]
    assert uris == sorted(set(uris))
    if sources == ("b",):
        assert (changes.deleted, changes.touched) == ((), False)
        assert {d.change for d in changes.documents} <= {"carried"}
    else:
        assert set(uris) == {r.uri for r in refs}
        assert len(changes.deleted) == len(base - listed)


def test_a_listing_gives_back_every_document_by_shard_in_order() -> None:
    refs = [ref(f"d{n:03d}") for n in range(100)]
    with Listing() as listing:
        listing.add(reversed(refs))
        listing.partition(8)
        shards = [list(listing.shard(shard)) for shard in range(8)]
        assert (listing.listed, len(listing)) == (100, 100)
    assert sorted(r.uri for shard in shards for r in shard) == [r.uri for r in refs]
    for number, shard in enumerate(shards):
        assert [r.uri for r in shard] == sorted(r.uri for r in shard)
        assert {shard_of(document_id(r.uri), 8) for r in shard} <= {number}


def test_a_document_listed_twice_keeps_its_first_source_and_the_groups_of_both() -> None:
    first, second = ref("x", acl=("staff", "board")), replace(ref("x", acl=("board", "public")), source="b")
    with Listing() as listing:
        listing.add([first])
        listing.add([second])
        listing.partition(1)
        (kept,) = listing.shard(0)
        assert (kept.source, kept.acl, listing.listed, len(listing)) == ("a", ("board",), 2, 1)


def test_a_dropped_source_is_forgotten_and_not_counted() -> None:
    with Listing() as listing:
        listing.add([ref("x"), ref("y")])
        listing.add([ref("x", source="b")])
        listing.drop("a")
        listing.partition(1)
        assert ([r.source for r in listing.shard(0)], listing.listed) == (["b"], 1)


def test_a_dropped_source_leaves_the_groups_of_others_as_they_were() -> None:
    with Listing() as listing:
        listing.add([ref("x", acl=("staff", "board"))])
        listing.add([replace(ref("x", acl=("board",)), source="b")])
        listing.drop("b")
        listing.partition(1)
        assert ([r.acl for r in listing.shard(0)], listing.listed - len(listing)) == ([("staff", "board")], 0)


@pytest.mark.parametrize(
    ("documents", "size", "shards"), [(0, 300, 1), (300, 300, 1), (301, 300, 2), (1200, 300, 4), (1201, 300, 8)]
)
def test_the_number_of_shards_is_a_power_of_two(documents: int, size: int, shards: int) -> None:
    assert shard_count(documents, size) == shards
