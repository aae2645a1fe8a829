"""One sick source, tenant or prefix is carried from the base, by name, and everything else is promoted."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import AccessDenied, DeleteGuardTripped, SourceUnavailable, StaleOrigin
from ingest.pipeline.collections import releases_of
from ingest.pipeline.plan import preview
from ingest.pipeline.scope import Scope
from ingest.pipeline.status import status_of
from ingest.records import CarriedOrigin, DocumentRef, GateRules, RaisedLimit, RunReport
from tests.pipelines import CountingSource, Project, build_options, document

LIMITS: dict[str, Any] = {"max_deleted_share": 0.2, "max_quarantined_share": 0.05, "documents_per_shard": 100}
NAMES = "abc"
DOCUMENTS = 4  # of each source


def new(folder: Path, **options: Any) -> Project:
    """Return a project over three sources, before its first run."""
    sources = tuple(CountingSource(name, folder / name) for name in NAMES)
    for at, source in enumerate(sources):
        for n in range(DOCUMENTS):
            source.write(f"{source.name}{n}.md", document(10 * at + n))
    return Project(sources, options=build_options(**(LIMITS | options)))


def built(folder: Path, **options: Any) -> Project:
    """Return such a project after its first run."""
    p = new(folder, **options)
    assert p.run().decision == "promoted"
    return p


def written(p: Project, name: str, edition: int) -> None:
    """Write another edition of a source's first document."""
    at = NAMES.index(name)
    p.sources[at].write(f"{name}0.md", document(10 * at, edition))


def emptied(p: Project) -> None:
    for n in range(DOCUMENTS):
        p.sources[1].delete(f"b{n}.md")


def unlistable(p: Project) -> None:
    p.sources[1].listing_breaks_after = 1


def forbidden(p: Project) -> None:
    def refuse() -> Any:
        raise AccessDenied("b: 403")

    p.sources[1].list = refuse  # type: ignore[method-assign]


def blanked(p: Project) -> None:
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", b"")


def shrunk(p: Project) -> None:
    """Let the documents of b stay in place with hardly any text."""
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", f"# Part {n}\n")


def alike(p: Project) -> None:
    """Let b answer with one page for all its documents, as long as they were."""
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", document(50))


def unreadable(p: Project) -> None:
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", document(10 + n, edition=2))

    def refuse(ref: DocumentRef) -> None:
        raise SourceUnavailable("HTTP 500")

    p.sources[1].before_read = refuse


def vanishing(p: Project) -> None:
    """Let documents go between list and read."""
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", document(10 + n, edition=2))
    p.sources[1].inner.read = lambda ref: None  # type: ignore[method-assign]


Illness = Callable[[Project], None]


def ill(*illnesses: Illness) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fall_ill", illnesses, ids=lambda f: f.__name__)


def paths(p: Project) -> dict[str, str]:
    """Return the SHA-256 of each document that serves, by path."""
    contents = p.contents()
    rows = (p.lake.read(contents.parts(shard)["documents"]).to_pylist() for shard in contents.shards)
    return {row["path"]: row["sha256"] for some in rows for row in some}


def shared(folder: Path, first: str) -> Project:
    """Return a project after its first run: what b holds for the board lies in the place of a, which shows everybody.

    `first`: the source that is listed first.
    """
    a = CountingSource("a", folder / "x", acl=("board", "public"))
    b = CountingSource("b", folder / "x" / "y", acl=("board",))
    for n in range(DOCUMENTS):
        a.write(f"a{n}.md", document(n))
        b.write(f"b{n}.md", document(10 + n))
    p = Project((a, b) if first == "a" else (b, a), options=build_options(**LIMITS))
    assert p.run().decision == "promoted"
    return p


def by_name(p: Project, name: str) -> CountingSource:
    return next(source for source in p.sources if source.name == name)


def groups(p: Project) -> dict[str, set[tuple[str, ...]]]:
    """Return the groups of what serves, by the first letter of its name."""
    found, contents = dict[str, set[tuple[str, ...]]](), p.contents()
    for row in (row for shard in contents.shards for row in contents.documents(shard)):
        found.setdefault(row.uri.rpartition("/")[2][0], set()).add(tuple(row.acl))
    return found


def stale(p: Project) -> tuple[CarriedOrigin, ...]:
    """Return what `status` says is stale."""
    releases = releases_of(p.retrieval(), p.options, p.services().writer)
    return status_of(p.lake, p.vectors, releases, p.options.profile).carried


def only(report: RunReport) -> CarriedOrigin:
    (origin,) = report.carried
    return origin


@ill(emptied, unlistable, forbidden, blanked, shrunk, alike, unreadable, vanishing)
def test_a_sick_source_is_carried_by_name_and_the_others_are_promoted(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path)
    before = paths(p)
    p.later(days=1)
    fall_ill(p)
    written(p, "a", 2)
    p.sources[2].write("c9.md", document(99))
    report = p.run()
    assert ("promoted", "b", p.now.isoformat()) == (report.decision, only(report).name, only(report).since)
    assert {path: sha for path, sha in before.items() if path != "a0.md"}.items() < paths(p).items()
    assert before["a0.md"] != paths(p)["a0.md"]
    assert report.plan is not None
    assert report.conservation is not None
    assert report.verdict is not None
    assert (report.carried, report.carried, report.carried) == (
        report.plan.carried,
        p.manifest().carried,
        p.lake.verdict(report.verdict).carried,
    )
    assert any("b is carried" in warning for warning in p.lake.verdict(report.verdict).warnings)
    assert (report.carried, ()) == (stale(p), report.conservation.faults)
    assert (report.conservation.documents["carried"], report.quarantined) == (DOCUMENTS, {})
    assert p.gets().keys() - {f"b{n}.md" for n in range(DOCUMENTS)} == {"a0.md", "c9.md"}
    assert max(p.gets()["a0.md"], p.gets()["c9.md"]) == 1


@ill(emptied, unlistable, blanked, shrunk)
def test_it_stays_stale_since_the_first_night_until_that_is_too_long(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path, max_stale_days=2)
    fall_ill(p)
    first = p.now.isoformat()
    assert ("unchanged", first) == ((report := p.run()).decision, only(report).since)
    p.later(days=1)
    written(p, "a", 2)
    assert ("promoted", first) == ((report := p.run()).decision, only(report).since)
    p.later(days=1)
    written(p, "a", 3)
    with pytest.raises(StaleOrigin, match=r"b is carried .* stale since 2026-01-05.*max_stale_days \(2\)"):
        p.run()
    assert [first] == [origin.since for origin in stale(p)]


@ill(emptied, unlistable, alike, unreadable)
def test_with_no_days_allowed_nothing_is_carried(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path, max_stale_days=0)
    fall_ill(p)
    written(p, "a", 2)
    with suppress(SourceUnavailable, AccessDenied, DeleteGuardTripped):
        assert p.run().decision == "refused"
    assert (1, ()) == (p.lake.releases.last(), stale(p))


@ill(unlistable, blanked)
def test_a_first_build_is_not_made_without_a_source(tmp_path: Path, fall_ill: Illness) -> None:
    p = new(tmp_path)
    fall_ill(p)
    with suppress(SourceUnavailable, AccessDenied):
        assert p.run().decision == "refused"
    assert p.lake.releases.last() == 0


@ill(blanked)
def test_a_source_that_recovers_is_taken_again(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path)
    healthy = p.sources[1]
    fall_ill(p)
    written(p, "a", 2)
    p.run()
    p.sources = (p.sources[0], CountingSource("b", healthy.folder), p.sources[2])
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", document(10 + n, edition=3))
    report = p.run()
    assert ("promoted", (), ()) == (report.decision, report.carried, stale(p))
    assert set(p.gets()) == {f"b{n}.md" for n in range(DOCUMENTS)}


def test_a_source_that_answers_again_and_holds_the_same_is_no_longer_stale(tmp_path: Path) -> None:
    p = built(tmp_path)
    unlistable(p)
    assert ("unchanged", "b") == ((report := p.run()).decision, only(report).name)
    assert "b" == only(report).name == stale(p)[0].name
    p.sources[1].listing_breaks_after = None
    assert ("unchanged", ()) == ((report := p.run()).decision, report.carried)
    assert stale(p) == ()


@ill(emptied, unlistable)
def test_where_every_source_is_sick_the_run_is_refused(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path)
    for source in p.sources:
        if fall_ill is unlistable:
            source.listing_breaks_after = 0
        else:
            for path in source.folder.glob("*.md"):
                path.unlink()
    with pytest.raises((SourceUnavailable, DeleteGuardTripped)):
        p.run()
    assert (1, ()) == (p.lake.releases.last(), stale(p))


def test_a_scope_of_one_sick_source_is_refused_and_one_of_a_healthy_source_goes_on(tmp_path: Path) -> None:
    p = built(tmp_path, max_deleted_share=0.5)
    emptied(p)
    with pytest.raises(DeleteGuardTripped, match="b: 4 of 4 documents"):
        p.run(Scope(sources=("b",)))
    p.run()
    written(p, "a", 2)
    report = p.run(Scope(sources=("a",)))
    assert ("promoted", "b") == (report.decision, only(report).name)  # as before: this run did not look at it
    p.change(raised=RaisedLimit(max_deleted_share=1.0, who="tester@here", why="b is closed"))
    report = p.run(Scope(sources=("b",)))
    assert ("promoted", ()) == (report.decision, report.carried)
    assert {path[0] for path in paths(p)} == {"a", "c"}


def test_a_source_outside_the_scope_that_cannot_be_listed_is_named_and_stops_nothing(tmp_path: Path) -> None:
    p = built(tmp_path, max_stale_days=1)
    unlistable(p)
    for edition in (2, 3):
        written(p, "a", edition)
        report = p.run(Scope(sources=("a",)))
        assert ("promoted", "b") == (report.decision, only(report).name)
        p.later(days=2)


def test_what_is_deleted_elsewhere_is_deleted_while_a_sick_source_is_carried(tmp_path: Path) -> None:
    p = built(tmp_path)
    emptied(p)
    p.sources[0].delete("a3.md")
    report = p.run()
    assert report.plan is not None
    assert (1, DOCUMENTS) == (report.plan.counts["deleted"], report.plan.counts["carried"])
    assert "a3.md" not in paths(p)
    assert len(paths(p)) == 3 * DOCUMENTS - 1


def test_a_preview_names_what_would_be_carried_and_writes_nothing(tmp_path: Path) -> None:
    p = built(tmp_path, max_stale_days=1)
    emptied(p)
    plan = preview(p.services().bench, p.services().writer, Scope())
    assert (["b"], "") == ([origin.name for origin in plan.carried], plan.refused)
    assert (0, 1) == (p.lake.carried.last(), p.lake.claims.last())
    p.run()
    p.later(days=1)
    assert "max_stale_days" in preview(p.services().bench, p.services().writer, Scope()).refused


class PowerCut(BaseException):
    pass


@ill(blanked)
def test_a_run_that_dies_after_it_carried_a_source_is_resumed_as_it_was(tmp_path: Path, fall_ill: Illness) -> None:
    p = built(tmp_path)
    fall_ill(p)
    written(p, "a", 2)
    open_embedder = p._open_embedder

    def cut(record: Any) -> Any:
        raise PowerCut

    p._open_embedder = cut  # type: ignore[method-assign,assignment]
    with pytest.raises(PowerCut):
        p.run()
    p._open_embedder = open_embedder  # type: ignore[method-assign]
    claims, since = p.lake.claims.last(), p.now.isoformat()
    p.later(hours=6)
    report = p.run()
    assert ("promoted", True, since) == (report.decision, report.resumed, only(report).since)
    assert (claims, 0) == (p.lake.claims.last(), p.gets().get("a0.md", 0))


@pytest.mark.parametrize("text", [None, "", "# Gone\n"], ids=["guard", "quarantine limit", "drift"])
@pytest.mark.parametrize("by", ["tenant", "prefix"])
def test_a_tenant_or_a_prefix_is_carried_by_setting(tmp_path: Path, by: str, text: str | None) -> None:
    source = CountingSource("wiki", tmp_path / "wiki")
    for n in range(12):
        source.write(f"space{n % 3}/d{n}.md", document(n))
    listed, gone = source.list, [f"space1/d{n}.md" for n in (1, 4, 7, 10)]
    if by == "tenant":
        source.list = lambda: (replace(r, tenant=r.path.partition("/")[0]) for r in listed())  # type: ignore[method-assign]
    carried_by = "tenant" if by == "tenant" else (f"{source.uri}/*/",)
    p = Project((source,), options=build_options(**LIMITS, carry_by=carried_by, max_stale_days=2))
    p.run()
    for path in gone:
        source.delete(path) if text is None else source.write(path, text)
    source.write("space0/d0.md", document(0, edition=2))
    source.write("space2/bad.md", b"")
    before, report = paths(p), p.run()
    name = "tenant space1" if by == "tenant" else f"{source.uri}/space1/"
    assert ("promoted", name) == (report.decision, only(report).name)
    assert {path: before[path] for path in gone}.items() < paths(p).items()
    p.later(days=2)
    source.write("space0/d0.md", document(0, edition=3))
    with pytest.raises(StaleOrigin, match=name):
        p.run()


@pytest.mark.parametrize("by", ["tenant", ("file://",)])
def test_a_source_that_cannot_be_listed_is_carried_as_a_whole_whatever_the_setting(tmp_path: Path, by: Any) -> None:
    p = built(tmp_path, carry_by=by, max_stale_days=2)
    unlistable(p)
    written(p, "a", 2)
    assert ("promoted", "b") == ((report := p.run()).decision, only(report).name)
    p.later(days=2)
    written(p, "a", 3)
    with pytest.raises(StaleOrigin, match="b is carried"):
        p.run()


def test_documents_of_the_only_source_that_lose_their_text_stop_the_run_until_a_person_allows_it(
    tmp_path: Path,
) -> None:
    p = built(tmp_path)
    p.sources = p.sources[1:2]
    p.change(raised=RaisedLimit(max_deleted_share=1.0, who="tester@here", why="a and c are closed"))
    p.run()
    p.change(raised=None)
    p.sources[0].write("b0.md", "# Short\n")  # one is no share
    assert p.run().decision == "promoted"
    for n in (1, 2, 3):
        p.sources[0].write(f"b{n}.md", f"# Short {n}\n")
    with pytest.raises(DeleteGuardTripped, match="b: 3 with less than half of their text"):
        p.run()
    p.change(raised=RaisedLimit(max_deleted_share=1.0, who="tester@here", why="they are shorter now"))
    assert ("promoted", ()) == ((report := p.run()).decision, report.carried)


def test_copies_that_change_together_are_no_drift(tmp_path: Path) -> None:
    p = new(tmp_path)
    for name in ("b0.md", "b1.md", "b2.md", "b3.md"):
        p.sources[1].write(name, document(60))
    p.run()
    for name in ("b0.md", "b1.md", "b2.md", "b3.md"):
        p.sources[1].write(name, document(60, edition=2))
    assert ("promoted", ()) == ((report := p.run()).decision, report.carried)


def test_a_source_that_is_added_and_fails_is_left_out_by_name(tmp_path: Path) -> None:
    p = built(tmp_path)
    more = CountingSource("d", tmp_path / "d")
    for n in range(3):
        more.write(f"d{n}.md", b"")
    p.sources = (*p.sources, more)
    written(p, "a", 2)
    report = p.run()
    assert ("promoted", "d") == (report.decision, only(report).name)
    more.listing_breaks_after = 0
    assert "d" == only(p.run()).name


def test_groups_are_not_widened_while_one_of_two_sources_of_a_document_is_sick(tmp_path: Path) -> None:
    a = CountingSource("a", tmp_path / "x", acl=("staff", "board"))
    b = CountingSource("b", tmp_path / "x" / "y", acl=("staff", "public"))
    for n in range(4):
        a.write(f"d{n}.md", document(n))
        b.write(f"e{n}.md", document(10 + n))
    p = Project((a, b), options=build_options(**LIMITS))
    p.run()
    b.listing_breaks_after = 0
    for edition in (2, 3):
        a.write("d0.md", document(0, edition))
        b.write("e0.md", document(10, edition))
        report = p.run()
        contents = p.contents()
        rows = (p.lake.read(contents.parts(shard)["documents"]).to_pylist() for shard in contents.shards)
        groups = {(row["path"][0], tuple(row["acl"])) for some in rows for row in some}
        assert ("promoted", {("d", ("staff", "board")), ("y", ("staff",))}) == (report.decision, groups)
        assert {"d0.md": 1} == p.gets()


@pytest.mark.parametrize("scope", [Scope(), Scope(sources=("a",)), Scope(prefixes=("file://",))])
@pytest.mark.parametrize("first", ["a", "b"])
def test_no_scope_shows_more_people_what_a_source_lists_too_that_answers_no_more(
    tmp_path: Path, scope: Scope, first: str
) -> None:
    p = shared(tmp_path, first)
    by_name(p, "b").listing_breaks_after = 0
    p.run(scope)
    assert {"a": {("board", "public")}, "b": {("board",)}} == groups(p)


def test_what_a_source_outside_the_scope_lists_no_more_is_not_another_sources(tmp_path: Path) -> None:
    p = shared(tmp_path, "b")
    by_name(p, "b").list = lambda: iter(())  # type: ignore[method-assign]
    p.run(Scope(sources=("a",)))
    assert {"a": {("board", "public")}, "b": {("board",)}} == groups(p)


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_source_in_the_place_of_a_sick_one_is_named_and_still_takes_groups_away(tmp_path: Path, first: str) -> None:
    p = shared(tmp_path, first)
    p.sources = (*p.sources, CountingSource("c", tmp_path / "c"))
    by_name(p, "c").write("c0.md", document(50))
    b, c = by_name(p, "b"), by_name(p, "c")
    b.acl_of["b0.md"] = ("board", "public")
    p.run()
    by_name(p, "a").listing_breaks_after = 0
    for acl in (("public",), ("board", "public", "staff")):  # what is taken away stays away
        b.acl_of["b0.md"] = acl
        c.write("c0.md", document(50, len(acl)))
        report = p.run()
        assert ("promoted", ["a", "b"]) == (report.decision, [origin.name for origin in report.carried])
        assert {("public", frozenset({"public"}))} == {*p.lake.revocations.now().narrowed.values()}
    by_name(p, "a").listing_breaks_after = None
    assert ("unchanged", ()) == ((report := p.run()).decision, report.carried)
    assert {} == p.lake.revocations.now().narrowed


def test_children_and_failures_of_a_sick_source_are_carried_with_their_documents(tmp_path: Path) -> None:
    from tests.integration.pipeline.test_guard import zipped

    p = new(tmp_path, max_quarantined_share=0.5)
    p.sources[1].write("all.zip", zipped({"one.md": document(70), "two.md": document(71)}))
    p.sources[1].write("bad.md", b"")
    p.run()
    before = paths(p)
    for path in p.sources[1].folder.iterdir():
        path.unlink()
    written(p, "a", 2)
    report = p.run()
    assert report.conservation is not None
    assert (5, 2, 1) == (
        report.conservation.documents["carried"],
        report.conservation.documents["children"],
        sum(p.manifest().parts[n].rows for n, part in enumerate(p.manifest().parts) if part.kind == "quarantine"),
    )
    assert before.keys() == paths(p).keys()


def test_carried_documents_are_cut_by_todays_chunker(tmp_path: Path) -> None:
    p = built(tmp_path)
    emptied(p)
    p.change(chunking=p.options.chunking.model_copy(update={"target_tokens": 20}), settings={"chunking": 20})
    report = p.run()
    assert ("promoted", "b", {}) == (report.decision, only(report).name, p.gets())
    assert len(paths(p)) == 3 * DOCUMENTS


def judged(p: Project, folder: Path) -> None:
    """Judge each source by four questions."""
    rows = [
        {"query_id": f"{name}{n}", "text": f"word{10 * at + n}x1x1", "gold": [{"doc": f"{name}{n}.md"}]}
        for at, name in enumerate(NAMES)
        for n in range(DOCUMENTS)
    ]
    file = folder / "judged.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    p.change(judged=(file,), gate=GateRules(floors={}), max_quarantined_share=1.0, max_deleted_share=1.0)
    for n in range(16):
        p.sources[2].write(f"more{n}.md", f"# Other {n}\n\nsomething else {n}\n")


def garbled(p: Project) -> None:
    """Let the documents of b stay in place and be about something else, so that no question finds them."""
    for n in range(DOCUMENTS):
        p.sources[1].write(f"b{n}.md", "# Login\n\n" + f"please log in {n} " * 20)


def test_a_source_whose_slice_fell_is_carried_and_judged_again_once(tmp_path: Path) -> None:
    p = new(tmp_path)
    judged(p, tmp_path)
    assert p.run().decision == "promoted"
    before = paths(p)
    garbled(p)
    written(p, "a", 2)
    report = p.run(decide=lambda verdict: False)
    verdicts = [value for kind, value in p.observer.heard if kind == "verdict"]
    assert [False, True] == [verdict.positive for verdict in verdicts]
    assert ("waiting", "b") == (report.decision, only(report).name)
    assert "fell" in only(report).why
    claims, report = p.lake.claims.last(), p.run()
    assert ("promoted", "b", claims) == (report.decision, only(report).name, p.lake.claims.last())
    assert 1 == sum(kind == "verdict" for kind, _ in p.observer.heard)
    assert {"a0.md"} == {path for path, sha256 in paths(p).items() if before[path] != sha256}


def test_failures_that_were_there_before_make_no_source_sick(tmp_path: Path) -> None:
    p = new(tmp_path, max_quarantined_share=0.5)
    for n in range(3):
        p.sources[1].write(f"bad{n}.md", b"")
    p.run()
    p.change(max_quarantined_share=0.05)
    written(p, "b", 2)
    assert ("refused", ()) == ((report := p.run()).decision, report.carried)
