"""Who asks the judged questions: one who may see the answer, and one who may not and must get nothing of it."""

from collections.abc import Sequence

from ingest.lake.rows import DocumentRow
from ingest.records import Asker, Filter


def asker_of(wanted: Asker, documents: Sequence[DocumentRow]) -> Asker:
    """Return who asks, filled in from the gold documents: the tenant of the first, the groups of that tenant's ones."""
    tenant = wanted.tenant or next((d.tenant for d in documents), None)
    groups = {group for d in documents if d.tenant == tenant for group in d.acl}
    return Asker(wanted.groups or (tuple(sorted(groups)) if documents else None), tenant)


def may_see(asker: Asker, document: DocumentRow) -> bool:
    """Return whether an asker may see a document; what is None does not limit."""
    tenant, groups = asker.tenant or document.tenant, asker.groups
    return document.tenant == tenant and (groups is None or not set(groups).isdisjoint(document.acl))


def filter_of(asker: Asker) -> Filter:
    """Return the filter under which an asker searches."""
    return Filter(acl=asker.groups, tenant=asker.tenant)
