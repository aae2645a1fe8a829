from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ingest.errors import AccessDenied, SchemaMismatch
from ingest.lake import journal as journals
from ingest.lake.journal import Journal
from ingest.lake.stored_records import StoredRecords, from_bytes, to_bytes
from ingest.records import Lease
from tests.fakes import InMemoryStore


@pytest.fixture
def store():
    return InMemoryStore()


@pytest.fixture
def journal(store):
    return Journal(StoredRecords(store), "leases/builder/", Lease)


def lease(holder="a", run="r1"):
    return Lease(holder=holder, term_seconds=60.0, run=run)


def test_an_empty_journal_has_no_records(journal):
    assert (journal.last(), journal.newest(), journal.get(1), list(journal.after(0))) == (0, None, None, [])


def test_records_are_numbered_and_read_back(journal):
    assert [journal.append(n, lease(f"holder {n}")) for n in (1, 2, 3)] == [True] * 3
    assert journal.last() == 3
    assert journal.newest() == (3, lease("holder 3"))
    assert list(journal.after(1)) == [(2, lease("holder 2")), (3, lease("holder 3"))]


@pytest.mark.parametrize("last", [5, 6, 7, 8, 20, 21, 1000])
def test_after_a_known_record_the_newest_is_looked_for_by_name_in_few_requests(monkeypatch, store, journal, last):
    for n in range(1, last + 1):
        assert journal.append(n, lease())
    asked = []
    get = store.get
    monkeypatch.setattr(store, "list", None)
    monkeypatch.setattr(store, "get", lambda key: asked.append(key) or get(key))
    assert (last, last) == (journal.last(5), journal.newest(5)[0])
    assert len(asked) <= 2 * (2 * (last - 5).bit_length() + 2) + 1


def test_old_records_are_removed_the_newest_and_other_files_stay(store, journal):
    for n in range(1, 13):
        assert journal.append(n, lease())
    store.put("leases/builder/notes.txt", b"")
    journal.prune(3)
    assert ["10.json", "11.json", "12.json", "notes.txt"] == list(store.list("leases/builder/"))
    assert journal.newest() == (12, lease())


def test_what_has_gathered_is_removed_over_several_runs(monkeypatch, store, journal):
    monkeypatch.setattr(journals, "MOST", 4)
    for n in range(1, 13):
        assert journal.append(n, lease())
    sizes = [len(list(store.list("leases/builder/"))) for _ in range(3) if journal.prune(3) is None]
    assert [8, 4, 3] == sizes


def test_a_store_that_refuses_to_remove_fails_nothing(monkeypatch, store, journal, caplog):
    def refuse(key):
        raise AccessDenied(f"{key}: no")

    monkeypatch.setattr(store, "delete", refuse)
    for n in (1, 2):
        assert journal.append(n, lease())
    journal.prune(1)
    assert "memory://lake/leases/builder/: old records are not removed: leases/builder/1.json: no" in caplog.text


def test_a_number_is_taken_once(journal):
    assert journal.append(1, lease("first"))
    assert not journal.append(1, lease("second"))
    assert journal.get(1) == lease("first")


def test_a_writer_that_did_not_hear_its_answer_finds_its_record_its_own(journal):
    assert journal.append(1, lease("a", run="token"))
    assert journal.append(1, lease("a", run="token"))


def test_exactly_one_of_eight_racing_writers_appends_each_number(journal):
    barrier = Barrier(8)

    def write(number):
        barrier.wait()
        return [journal.append(n, lease(f"writer {number}")) for n in range(1, 20)]

    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(write, range(8)))
    assert [sum(answer[n] for answer in answers) for n in range(19)] == [1] * 19
    assert journal.last() == 19


def test_numbers_are_compared_as_numbers(journal):
    for n in range(1, 12):
        journal.append(n, lease())
    assert journal.last() == 11


def test_what_follows_a_gap_is_not_reached_by_following(journal):
    """The highest number still counts: a journal from which one record was lost never gives out a number twice."""
    for n in (1, 2, 4):
        journal.append(n, lease())
    assert ([n for n, _ in journal.after(0)], journal.last()) == ([1, 2], 4)


def test_other_files_beside_the_records_are_passed_over(store, journal):
    journal.append(7, lease())
    for name in ("notes.txt", "9.json.bak", "x.json", "-8.json", "8", "sub/9.json", "٩.json", "²³.json", "010.json"):
        store.put(f"leases/builder/{name}", b"")
    assert journal.last() == 7


def test_two_journals_beside_each_other_do_not_mix(store, journal):
    other = Journal(StoredRecords(store), "leases/builder/sub/", Lease)
    journal.append(1, lease())
    other.append(1, lease())
    other.append(2, lease())
    assert (journal.last(), other.last()) == (1, 2)


def test_a_newest_record_that_vanishes_is_not_taken_for_an_empty_journal(journal):
    journal.append(1, lease())

    class Vanishing(InMemoryStore):
        def list(self, prefix):
            return iter(["2.json"])

    with pytest.raises(SchemaMismatch, match=r"leases/builder/2\.json: listed and then gone"):
        Journal(StoredRecords(Vanishing()), "leases/builder/", Lease).newest()


@pytest.mark.parametrize("n", [0, -1])
def test_the_first_record_has_number_one(journal, n):
    with pytest.raises(ValueError, match="from 1"):
        journal.append(n, lease())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Invalid JSON"),
        (b"[]", "should be an object|valid dictionary"),
        (b'{"holder":"a","term_seconds":"soon","run":"r"}', "term_seconds: Input should be a valid number"),
        (b'{"holder":"a","term_seconds":1.0}', "run: Field required"),
        (b'{"holder":"a","term_seconds":1.0,"run":"r","more":1}', "more: Extra inputs are not permitted"),
    ],
)
def test_a_record_of_another_shape_is_named_with_its_first_fault(store, journal, data, message):
    store.put("leases/builder/1.json", data)
    with pytest.raises(SchemaMismatch, match=message) as caught:
        journal.get(1)
    assert str(caught.value).startswith("memory://lake/leases/builder/1.json: not a Lease")
    assert "soon" not in str(caught.value)


def test_the_stored_form_is_the_same_for_equal_records():
    record = lease("é")
    assert to_bytes(record) == '{"holder":"é","run":"r1","term_seconds":60.0}'.encode()
    assert from_bytes(Lease, to_bytes(record), "here") == record
