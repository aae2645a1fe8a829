"""Which documents a revocation names: by themselves, and with those that contain them."""

import pytest

from ingest.errors import DamagedFile, SchemaMismatch, StoreUnavailable
from ingest.ids import child_uri, containers, document_id
from ingest.lake.lake import Lake
from ingest.lake.revocations import Revocations
from ingest.records import Decision, DocumentRef
from tests.fakes import InMemoryStore

BOX = "s3://b/a.zip"
INNER = child_uri(BOX, "in.zip")
DEEP = child_uri(INNER, "x y.md")


def ref(uri: str, source: str = "s") -> DocumentRef:
    return DocumentRef(uri, source, "x", "1", 1)


def test_the_containers_of_a_document_are_named_outermost_first() -> None:
    assert [BOX, INNER, DEEP] == containers(DEEP)
    assert [BOX] == containers(BOX)


@pytest.mark.parametrize("uri", [BOX, INNER, DEEP])
def test_a_document_is_revoked_with_whatever_contains_it(uri: str) -> None:
    for told in ({"uri": [uri]}, {"uri": [document_id(uri)]}, {"prefix": [uri]}):
        assert Revocations.of([told]).holds(ref(DEEP))
    assert not Revocations.of([{"uri": [DEEP]}]).holds(ref(BOX))


def test_nothing_is_revoked_by_nothing() -> None:
    assert not Revocations.of([]).holds(ref(DEEP))
    assert not Revocations.of([{"source": ["other"], "tenant": ["other"]}]).holds(ref(DEEP))


def decide(lake: Lake, number: int, kind: str, **about: list[str]) -> None:
    told = {"who": "w", "identified": False, "why": "y", "at": "2026-01-01T00:00:00+00:00", "token": f"t{number}"}
    assert lake.decisions.append(
        number, Decision.model_validate({"number": number, "kind": kind, "about": about, **told})
    )


def test_each_look_sees_what_was_decided_and_lifted_since() -> None:
    lake = Lake(InMemoryStore(), "docs")
    assert Revocations() == lake.revocations.now()
    decide(lake, 1, "revoke", uri=[BOX])
    decide(lake, 2, "pin", generation=["0001-a"])
    decide(lake, 3, "revoke", source=["wiki"])
    assert (True, True) == (lake.revocations.now().holds(ref(BOX)), lake.revocations.now().holds(ref("u", "wiki")))
    decide(lake, 4, "unrevoke", decision=["1"])
    assert (False, True) == (lake.revocations.now().holds(ref(BOX)), lake.revocations.now().holds(ref("u", "wiki")))
    assert {3} == set(lake.revocations.in_force)


def test_a_missing_decision_before_others_is_told() -> None:
    lake = Lake(InMemoryStore(), "docs")
    decide(lake, 2, "revoke", uri=[BOX])
    with pytest.raises(SchemaMismatch, match=r"decisions/1\.json is missing"):
        lake.revocations.now()


def test_a_damaged_decision_stops_every_look_until_it_can_be_read() -> None:
    lake = Lake(InMemoryStore(), "docs")
    decide(lake, 1, "revoke", uri=[BOX])
    assert lake.revocations.now().holds(ref(BOX))
    lake.store.put("docs/decisions/2.json", b"{")
    for _ in range(2):
        with pytest.raises(DamagedFile):
            lake.revocations.now()


class StoreThatFailsOnce(InMemoryStore):
    """Does not answer for one key, the first time."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.failing = key

    def get(self, key: str) -> bytes | None:
        if key == self.failing:
            self.failing = ""
            raise StoreUnavailable("no answer")
        return super().get(key)


def test_a_look_that_failed_half_way_is_made_again_from_the_start() -> None:
    store = StoreThatFailsOnce("docs/decisions/3.json")
    lake = Lake(store, "docs")
    decide(lake, 1, "pin", generation=["0001-a"])
    assert not lake.revocations.now().holds(ref(BOX))
    decide(lake, 2, "revoke", uri=[BOX])
    with pytest.raises(StoreUnavailable):
        lake.revocations.now()
    assert lake.revocations.now().holds(ref(BOX))
