"""Who asks the judged questions: one who may see the answer, and one who may not and must get nothing of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ingest.ids import sha256_hex
from ingest.lake.rows import DocumentRow
from ingest.ports import Observer
from ingest.records import Asker, Filter, Question

BATCH = 64  # questions searched at once
FORBIDDEN = 16  # askers among whom the forbidden ones are chosen: each is one filter more
NOBODY = "nobody"  # a group that no document has

T = TypeVar("T")


def asker_of(wanted: Asker, documents: Sequence[DocumentRow]) -> Asker:
    """Return who asks, filled in from the gold documents: the tenant of the first, the groups of that tenant's ones."""
    tenant = wanted.tenant or next((d.tenant for d in documents), None)
    groups = {group for d in documents if d.tenant == tenant for group in d.acl}
    return Asker(wanted.groups or (tuple(sorted(groups)) if documents else None), tenant)


def may_see(asker: Asker, document: DocumentRow) -> bool:
    """Return whether an asker may see a document; what is None does not limit."""
    tenant, groups = asker.tenant or document.tenant, asker.groups
    return document.tenant == tenant and (groups is None or not set(groups).isdisjoint(document.acl))


def named(asker: Asker) -> str:
    """Return an asker for people."""
    return f"{'+'.join(asker.groups or ()) or 'any group'} of {asker.tenant or 'any tenant'}"


def forbidden_askers(known: Iterable[tuple[str, str]]) -> list[Asker]:
    """Return a generation's up to `FORBIDDEN` askers with one group each, and one whose group no document has."""
    every = set(known)
    chosen = sorted(every, key=lambda one: sha256_hex("\0".join(one).encode()))[:FORBIDDEN]
    groups, nobody = {group for _, group in every}, NOBODY
    while nobody in groups:
        nobody += "."
    tenants = sorted({tenant for tenant, _ in every})[:1]
    return [Asker((group,), tenant) for tenant, group in chosen] + [Asker((nobody,), tenant) for tenant in tenants]


def forbidden_to(question: Question, documents: Sequence[DocumentRow], askers: Sequence[Asker]) -> Asker:
    """Return one of `askers`, of whom the last is nobody, who may see none of some documents.

    Always the same one for the same question, and nobody only if there is no other.
    """
    others = [asker for asker in askers[:-1] if not any(may_see(asker, d) for d in documents)]
    return others[int(sha256_hex(question.query_id.encode())[:8], 16) % len(others)] if others else askers[-1]


def asked_in_batches(
    observer: Observer, step: str, questions: Sequence[Question], ask: Callable[[list[str], Filter], Sequence[T]]
) -> Iterator[list[tuple[Question, T]]]:
    """Yield the questions, batch by batch, with what their askers get; the observer is told when a batch is done."""
    for filter, batch in batches_of(questions):
        yield list(zip(batch, ask([q.text for q in batch], filter), strict=True))
        observer.advanced(step, len(batch), {"questions": len(batch)})


def batches_of(questions: Sequence[Question]) -> list[tuple[Filter, list[Question]]]:
    """Return the questions by filter, in order within each, at most BATCH at a time."""
    by_filter: dict[Filter, list[Question]] = {}
    for question in questions:
        filter = Filter(acl=question.asker.groups, tenant=question.asker.tenant)
        by_filter.setdefault(filter, []).append(question)
    return [(f, asked[n : n + BATCH]) for f, asked in by_filter.items() for n in range(0, len(asked), BATCH)]
