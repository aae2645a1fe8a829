"""What a caller may see, told anew from the documents, and filters of every kind to ask with."""

from dataclasses import replace

from hypothesis import strategies as st

from ingest.ids import document_id
from ingest.records import Filter, Result
from tests.pipelines import Project

GROUPS = ("public", "staff", "board")


def groups_of(n: int) -> tuple[str, ...]:
    """Return the groups of document n: any of the eight sets of them."""
    return tuple(group for bit, group in enumerate(GROUPS) if n >> bit & 1)


def filters(paths: list[str]) -> st.SearchStrategy[Filter]:
    """Return filters of a project with sources a and b; `documents` are paths in place of ids, see `by_ids`."""
    return st.builds(
        Filter,
        acl=st.none() | st.lists(st.sampled_from([*GROUPS, "nobody"]), max_size=3).map(tuple),
        tenant=st.sampled_from([None, "public", "other", "third"]),
        sources=st.sampled_from([(), ("a",), ("b",), ("a", "b"), ("c",)]),
        documents=st.just(()) | st.lists(st.sampled_from(paths), min_size=1, max_size=4).map(tuple),
        shard=st.none() | st.integers(0, 3),
    )


def by_ids(project: Project, filter: Filter) -> Filter:
    """Return a filter with its documents by id."""
    uris = {path: f"{source.uri}/{path}" for source in project.sources for path in source.acl_of}
    return replace(filter, documents=tuple(document_id(uris[path]) for path in filter.documents))


def visible(project: Project, result: Result, filter: Filter) -> bool:
    """Tell whether a filter lets a result through. Documents of source b are of the tenant `other`."""
    source = next(source for source in project.sources if source.name == result.source)
    return (
        (filter.acl is None or bool(set(filter.acl) & set(source.acl_of[result.path])))
        and (filter.tenant is None or filter.tenant == ("other" if source.name == "b" else "public"))
        and (not filter.sources or source.name in filter.sources)
        and (not filter.documents or result.document_id in filter.documents)
        and filter.shard in (None, result.shard)
    )
