"""Who asks: one who may see the answer, one who may not, and few enough batches for all of them."""

import pytest

from ingest.quality.judged_sets import (
    BATCH,
    FORBIDDEN,
    asker_of,
    batches_of,
    forbidden_askers,
    forbidden_to,
    may_see,
)
from ingest.records import EVERYTHING, Asker, Filter, Question
from tests.records import document_row

BOARD = document_row(acl=("board",), tenant="acme")
STAFF = document_row(acl=("staff", "board"), tenant="acme")
OTHER = document_row(acl=("board",), tenant="other")


@pytest.mark.parametrize(
    ("wanted", "documents", "expected"),
    [
        (Asker(), [BOARD], Asker(("board",), "acme")),
        (Asker(), [BOARD, STAFF, OTHER], Asker(("board", "staff"), "acme")),  # of the first one's tenant
        (Asker(("sales",)), [BOARD], Asker(("sales",), "acme")),
        (Asker(tenant="other"), [BOARD, OTHER], Asker(("board",), "other")),
        (Asker(), [], Asker()),  # nothing answers it
    ],
)
def test_by_default_somebody_asks_who_may_see_the_gold_documents(
    wanted: Asker, documents: list, expected: Asker
) -> None:
    assert expected == asker_of(wanted, documents)


def test_somebody_of_another_group_or_tenant_may_not_see_a_document() -> None:
    assert [True, False, False, True] == [
        may_see(asker, BOARD)
        for asker in (Asker(("board", "x"), "acme"), Asker(("staff",), "acme"), Asker(("board",), "other"), Asker())
    ]


def test_the_forbidden_asker_is_always_the_same_one_and_never_one_who_may_see_the_document() -> None:
    known = {("acme", "board"), ("acme", "staff"), ("other", "board")}
    askers = forbidden_askers(known)
    chosen = [forbidden_to(Question(f"q{n}", "?"), [STAFF], askers) for n in range(20)]
    assert {Asker(("board",), "other")} == set(chosen)
    assert forbidden_askers(sorted(known)) == askers
    everybody = forbidden_to(Question("q", "?"), [BOARD, STAFF, OTHER], askers)
    assert Asker(("nobody",), "acme") == everybody


def test_nobody_is_in_no_group_of_the_index_and_forbidden_askers_are_few() -> None:
    known = {("acme", f"group{n}") for n in range(500)} | {("acme", "nobody")}
    askers = forbidden_askers(known)
    assert (FORBIDDEN + 1, Asker(("nobody.",), "acme")) == (len(askers), askers[-1])
    assert [] == forbidden_askers([])


def test_there_is_at_most_one_batch_more_for_each_filter() -> None:
    questions = [Question(f"q{n:04}", "?", asker=Asker((f"g{n % 7}",), "acme")) for n in range(1000)]
    batches = batches_of([*questions, Question("none", "?", answerable=False)])
    assert len(batches) <= 1001 / BATCH + 8
    assert EVERYTHING == batches[-1][0]
    assert {q.query_id for _, batch in batches for q in batch} == {q.query_id for q in questions} | {"none"}
    assert all(Filter(q.asker.groups, q.asker.tenant) == filter for filter, batch in batches for q in batch)
