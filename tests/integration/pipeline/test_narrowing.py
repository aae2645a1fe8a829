"""What a source takes back holds at once in every generation: ahead of the gate, and whatever is rolled back."""

from pathlib import Path
from typing import Any

import pytest

from ingest.errors import DeleteGuardTripped, SourceUnavailable
from ingest.pipeline.changes import Listing
from ingest.pipeline.plan import Planner
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.revoking import Narrowing, every_generation
from ingest.pipeline.scope import Scope
from ingest.records import EVERYTHING, Claim, Filter, ShardPlan
from ingest.release.generation_states import decide
from ingest.search import Searcher, open_serving
from tests.integration.pipeline.test_revoking import judging
from tests.pipelines import Project, project

SECRET, PATH = "quokkacanary", "secret.md"
TEXT = f"# A {SECRET} title\n\nSome words {SECRET} between others, enough for a chunk.\n"
STAFF, PUBLIC = Filter(acl=("staff",)), Filter(acl=("public",))


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project that serves a document to everybody."""
    made = project(tmp_path, documents=6, documents_per_shard=7)
    made.source.write(PATH, TEXT)
    made.run()
    return made


def finds(searcher: Searcher, filter: Filter) -> bool:
    """Return whether any stage shows the document to a caller."""
    (answer,) = searcher.search([SECRET], filter, 100, searcher.stages)
    return any(SECRET in result.text for results in answer.stages.values() for result in results)


def who(p: Project) -> tuple[bool, bool]:
    """Return whether staff and everybody find the document in what serves now."""
    searcher = open_serving(p.retrieval())
    return finds(searcher, STAFF), finds(searcher, PUBLIC)


def refused(p: Project) -> None:
    """Run; the candidate is not promoted."""
    p.run(decide=lambda _: False)


def synced(p: Project) -> int:
    services = p.services()
    with Listing() as listing:
        planner = Planner(services.bench, p.now, Scope(), listing)
        planner.list_sources()
        planner.guard(planner.plan())
        return planner.narrowing.write(services.writer, widens=False)


def policy(p: Project, *revokes: str) -> None:
    p.change(revokes={"docs": revokes})


def kinds(p: Project) -> list[str]:
    return [made.kind for _, made in p.lake.decisions.after(0)]


def test_a_narrowed_permission_does_not_wait_for_the_gate_and_a_wider_one_does(p: Project) -> None:
    reader = open_serving(p.retrieval())
    p.source.acl_of[PATH] = ("staff",)
    refused(p)
    assert (False, False) == (finds(reader, PUBLIC), who(p)[1])  # a reader that was open and one that opens now
    assert not who(p)[0]  # the groups that are new wait for a release
    p.run()
    assert (True, False) == who(p)
    p.source.acl_of[PATH] = ("staff", "public")
    refused(p)
    assert (True, False) == who(p)
    p.run()
    assert (True, True) == who(p)


def test_a_rollback_does_not_bring_back_who_may_see_a_document_no_longer(p: Project) -> None:
    p.source.acl_of[PATH] = ("staff",)
    p.run()
    Promotion(*judging(p)).roll_back(None, "why not")
    assert (False, False) == who(p)
    p.run()
    assert (False, False) == who(p)  # what was rolled back stays so, and shows nobody more
    p.source.acl_of[PATH] = ("public",)
    p.run()
    assert who(p)[1]  # the source shows the wider groups again


def test_what_the_groups_are_narrowed_from_may_be_a_generation_that_was_never_released(p: Project) -> None:
    p.source.acl_of[PATH] = ("public", "staff")
    refused(p)
    candidate = next(claim.id for _, claim in p.lake.claims.newest_first(1))
    p.source.acl_of[PATH] = ("public",)
    synced(p)
    manifest = p.lake.manifest(candidate)
    assert manifest is not None
    searcher = Searcher(p.retrieval(), manifest, p.options.profile)
    assert (False, True) == (finds(searcher, STAFF), finds(searcher, PUBLIC))


def test_another_tenant_finds_nothing_of_a_document_that_was_its_own(p: Project) -> None:
    p.source.inner.selection = p.source.inner.selection.model_copy(update={"tenant": "other"})  # type: ignore[attr-defined]
    refused(p)
    assert (False, False) == who(p)


def test_by_policy_a_deletion_takes_effect_at_once_and_ends_when_the_document_is_back(p: Project) -> None:
    policy(p, "narrowed", "deleted")
    p.source.delete(PATH)
    refused(p)
    assert not finds(open_serving(p.retrieval()), EVERYTHING)
    assert not [s for c in p.vectors.collections() for s in p.vectors.scroll(c, EVERYTHING) if SECRET in str(s.payload)]
    p.source.write(PATH, TEXT)
    p.run()
    assert (["narrow", "widen"], (False, True)) == (kinds(p), who(p))


def test_without_that_policy_a_deletion_waits_for_the_gate(p: Project) -> None:
    p.source.delete(PATH)
    refused(p)
    assert ([], (False, True)) == (kinds(p), who(p))


def test_what_is_gone_by_policy_counts_for_no_delete_guard(p: Project) -> None:
    policy(p, "deleted")
    p.change(max_deleted_share=0.45)
    for n in range(4):
        p.source.delete(f"d{n:02d}.md")
        if n % 2:
            refused(p)  # two of seven, then two of the five that are left
    assert ["narrow", "narrow"] == kinds(p)


def test_a_listing_that_trips_the_guard_or_breaks_off_takes_nothing_back(p: Project) -> None:
    policy(p, "deleted", "narrowed")
    p.change(max_deleted_share=0.1)
    p.source.acl_of[PATH] = ("staff",)
    for n in range(4):
        p.source.delete(f"d{n:02d}.md")
    for act in (p.run, lambda: synced(p)):
        with pytest.raises(DeleteGuardTripped):
            act()
    p.source.listing_breaks_after = 1
    with pytest.raises(SourceUnavailable):
        synced(p)
    with pytest.raises(SourceUnavailable):
        p.run()
    assert [] == kinds(p)


def test_sync_narrows_between_nights_and_never_widens(p: Project) -> None:
    p.source.acl_of[PATH] = ("staff",)
    generations = p.lake.claims.last()
    assert (1, 0, (False, False)) == (synced(p), synced(p), who(p))
    p.source.acl_of[PATH] = ("public",)
    assert (0, (False, False)) == (synced(p), who(p))
    assert generations == p.lake.claims.last()
    p.run()
    assert who(p)[1]


def test_what_another_process_narrowed_meanwhile_stays(p: Project) -> None:
    p.source.acl_of[PATH] = ("staff",)
    synced(p)
    stale, services = p.lake.revocations.now(), p.services()
    p.source.acl_of[PATH] = ("boss",)
    late = Narrowing(p.lake, stale, (), {"docs": ("narrowed",)})
    p.run()
    late.write(services.writer, widens=True)
    assert {("public", frozenset({"boss"}))} == {*p.lake.revocations.now().narrowed.values()}


@pytest.mark.parametrize("changes", [False, True])
def test_a_run_reads_the_generations_once_for_what_is_narrowed(
    p: Project, monkeypatch: pytest.MonkeyPatch, changes: bool
) -> None:
    looked, look = list[int](), Narrowing.look

    def told(self: Narrowing, plan: ShardPlan, *rest: Any) -> None:
        looked.append(plan.shard)
        look(self, plan, *rest)

    monkeypatch.setattr(Narrowing, "look", told)
    p.source.acl_of |= {PATH: ("staff",)} if changes else {}
    assert ("promoted" if changes else "unchanged", [0]) == (p.run().decision, looked)


def test_a_narrowed_permission_ends_when_no_generation_shows_more(p: Project) -> None:
    p.source.acl_of[PATH] = ("staff",)
    synced(p)
    services = p.services()
    found = Narrowing(p.lake, p.lake.revocations.now(), (), {"docs": ("narrowed",)})
    found.write(services.writer, widens=True)
    assert {} == p.lake.revocations.now().narrowed


def test_too_many_documents_are_hidden_with_their_source(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.search.searcher.MOST_EXCLUDED", 2)
    p.source.acl_of |= {f"d{n:02d}.md": ("staff",) for n in range(3)}
    synced(p)
    searcher = open_serving(p.retrieval())
    assert (("source", ("docs",)),) == searcher.unrevoked(PUBLIC).excluded
    p.run()
    assert () == open_serving(p.retrieval()).unrevoked(PUBLIC).excluded


def test_generations_that_are_gone_cost_a_run_no_requests(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    get, asked = p.store.get, list[str]()
    monkeypatch.setattr(p.store, "get", lambda key: asked.append(key) or get(key))

    def found() -> tuple[list[str], int]:
        asked.clear()
        return [*every_generation(p.lake)], len(asked)

    def abandoned(number: int) -> Claim:
        return Claim(id=f"{number:04d}-gone", base=None, settings_hash="", shards=1, token="t")

    def claimed(number: int) -> None:
        for _ in range(number):
            p.lake.claims.add(abandoned)

    claimed(20)
    (few, some), serving = found(), p.lake.base().generation  # type: ignore[union-attr]
    claimed(200)
    many, most = found()
    assert ([serving], [serving]) == (few, many)
    assert most <= some + 10  # the newest claim is looked for by doubling


def test_a_generation_that_was_pinned_is_looked_at_however_old_it_is(p: Project) -> None:
    p.source.write("d00.md", TEXT)
    refused(p)
    served, candidate = (claim.id for _, claim in p.lake.claims.after(0))
    for _ in range(20):
        p.lake.claims.add(lambda n: Claim(id=f"{n:04d}-gone", base=None, settings_hash="", shards=1, token="t"))
    assert [served] == [*every_generation(p.lake)]
    decide(p.lake, p.services().writer, "pin", "the audit", {"generation": [candidate]})
    assert [served, candidate] == [*every_generation(p.lake)]
