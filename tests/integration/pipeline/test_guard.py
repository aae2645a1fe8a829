"""Documents that serve and would serve no more: whatever the cause, one number decides whether the run goes on."""

import io
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.errors import DeleteGuardTripped, ParserTimeout, SourceUnavailable
from ingest.pipeline.changes import Scope
from ingest.pipeline.collections import releases_of
from ingest.pipeline.fingerprints import ATTEMPTS
from ingest.pipeline.plan import preview
from ingest.pipeline.promotion import Promotion
from ingest.records import Document, DocumentRef, RaisedLimit, RawDocument, RunReport, Verdict
from ingest.release import Releases
from tests.inline_sandbox import InlineSandbox
from tests.pipelines import CountingSource, Project, document, project


def guarded(folder: Path, documents: int = 12, **options: object) -> Project:
    """Return a project with the limits that the settings have by default, after its first run."""
    p = project(folder, documents, **({"max_deleted_share": 0.2, "max_quarantined_share": 0.05} | options))
    assert p.run().decision == "promoted"
    return p


def serving(p: Project) -> int:
    """Return how many documents the generation in force holds."""
    contents = p.contents()
    return sum(contents.parts(shard)["documents"].rows for shard in contents.shards)


def verdict(p: Project, report: RunReport) -> Verdict:
    assert report.verdict is not None
    return p.lake.verdict(report.verdict)


def empty(p: Project, documents: int, content: bytes = b"") -> None:
    for n in range(documents):
        p.source.write(f"d{n:02d}.md", content)


def zipped(entries: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_documents_overwritten_with_empty_files_are_not_lost_in_the_first_night(tmp_path: Path) -> None:
    p = guarded(tmp_path, keep_last_good_days=0)
    empty(p, 11)
    with pytest.raises(DeleteGuardTripped, match=r"11 of 12 documents .*docs: 11 in quarantine \(EmptyDocument\)"):
        p.run()
    assert (serving(p), p.embedder.forward_passes, p.lake.releases.last()) == (12, 0, 1)


def test_last_good_versions_do_not_expire_unseen_when_the_documents_change_again(tmp_path: Path) -> None:
    p = guarded(tmp_path, keep_last_good_days=30, max_quarantined_share=1.0)
    empty(p, 11)
    assert p.run().decision == "promoted"
    p.later(days=31)
    empty(p, 11, b" \n")
    with pytest.raises(DeleteGuardTripped, match=r"11 of 12 documents .*11 last good versions expired"):
        p.run()
    assert serving(p) == 12


def test_expired_last_good_versions_are_counted_before_anything_is_read(tmp_path: Path) -> None:
    p = guarded(tmp_path, keep_last_good_days=30, max_quarantined_share=1.0)
    empty(p, 11)
    p.run()
    p.later(days=31)
    with pytest.raises(DeleteGuardTripped, match=r"11 of 12 documents .*11 last good versions expired"):
        p.run()
    assert (p.gets(), serving(p)) == ({}, 12)


def test_many_failures_at_once_refuse_by_name_even_while_last_good_versions_serve(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    empty(p, 3)
    report = p.run()
    (reason,) = verdict(p, report).reasons
    assert ("refused", 1) == (report.decision, p.lake.releases.last())
    assert "3 of 12 documents are in quarantine" in reason
    assert "max_quarantined_share" in reason
    assert "docs: 3 in quarantine (EmptyDocument)" in reason


def test_one_failure_or_one_deletion_never_blocks_a_small_index(tmp_path: Path) -> None:
    p = guarded(tmp_path, documents=3)
    p.source.delete("d00.md")
    assert p.run().decision == "promoted"
    p.source.write("d01.md", b"")
    assert (p.run().decision, serving(p)) == ("promoted", 2)


def test_files_of_types_that_no_parser_reads_are_counted_by_type_and_refuse_nothing(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4, max_quarantined_share=0.05)
    for n in range(8):
        p.source.write(f"picture{n}.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    p.source.write("film.mp4", b"\0" * (2 * 2**20))
    report = p.run()
    assert ("promoted", {"image/png": 8, "video/mp4": 1}) == (report.decision, report.unsupported)


def test_a_source_whose_folder_was_moved_away_after_its_listing_is_unavailable(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.source.before_read = lambda ref: away(p.source)
    with pytest.raises(SourceUnavailable, match=r"documents"):
        p.run()
    assert p.lake.releases.last() == 0


def test_a_source_that_was_emptied_after_its_listing_is_unavailable(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    for n in range(12):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    p.source.before_read = lambda ref: emptied(p.source)
    with pytest.raises(SourceUnavailable, match=r"emptied since it was listed, 12 documents are gone"):
        p.run()
    assert serving(p) == 12


def away(source: CountingSource) -> None:
    with suppress(FileNotFoundError):  # another thread was first
        source.folder.rename(source.folder.with_name("elsewhere"))


def emptied(source: CountingSource) -> None:
    for n in range(12):
        (source.folder / f"d{n:02d}.md").unlink(missing_ok=True)


def rewritten(p: Project, documents: int) -> Callable[[object], None]:
    """Return what rewrites documents before each read, so that the listed versions are gone."""
    return lambda ref: [p.source.write(f"d{n:02d}.md", document(n, edition=9)) for n in range(documents)] and None


@pytest.mark.parametrize("first", [True, False])
def test_a_share_of_documents_that_changed_during_the_run_refuses_by_name(tmp_path: Path, first: bool) -> None:
    p = project(tmp_path)
    if not first:
        p.run()
        for n in range(12):
            p.source.write(f"d{n:02d}.md", document(n, edition=2))
    p.source.before_read = rewritten(p, 5)
    report = p.run()
    assert report.decision == "refused"
    assert [True] == ["5 of 12" in r and "changed or vanished during the run" in r for r in verdict(p, report).reasons]
    p.source.before_read = lambda ref: None
    again = p.run()
    assert ("promoted", 12) == (again.decision, serving(p))


def test_a_candidate_refused_for_what_changed_during_its_run_is_built_again(tmp_path: Path) -> None:
    p = project(tmp_path)
    read, p.source.inner.read = p.source.inner.read, lambda ref: None
    first = p.run()
    assert first.decision == "refused"
    p.source.inner.read = read
    second = p.run()
    assert ("promoted", True) == (second.decision, second.generation != first.generation)


def test_a_generation_without_a_document_is_promoted_only_where_the_settings_say_so(tmp_path: Path) -> None:
    p = guarded(tmp_path, documents=1)
    p.source.delete("d00.md")
    report = p.run()
    (reason,) = verdict(p, report).reasons
    assert "not a single document" in reason
    assert "allow_empty" in reason
    assert (report.decision, serving(p)) == ("refused", 1)
    p.change(allow_empty=True)
    assert (p.run().decision, serving(p)) == ("promoted", 0)


def test_an_empty_first_build_is_promoted_only_where_the_settings_say_so(tmp_path: Path) -> None:
    p = project(tmp_path, documents=0, allow_empty=True)
    assert (p.run().decision, serving(p)) == ("promoted", 0)


def test_a_folder_that_was_renamed_is_no_deletion(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    (p.source.folder / "moved").mkdir()
    for n in range(12):
        (p.source.folder / f"d{n:02d}.md").rename(p.source.folder / "moved" / f"d{n:02d}.md")
    report = p.run()
    assert report.plan is not None
    assert ("promoted", 12, 0) == (report.decision, report.plan.counts["may_have_moved"], report.embedded)


def test_added_documents_of_equal_size_excuse_no_deletion(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    for n in range(4):
        size = (p.source.folder / f"d{n:02d}.md").stat().st_size
        p.source.delete(f"d{n:02d}.md")
        p.source.write(f"new{n}.md", "another word ".ljust(size, "x"))
    with pytest.raises(DeleteGuardTripped, match=r"4 of 12 documents .*docs: 4 no longer listed"):
        p.run()
    assert (set(p.gets()), p.embedder.forward_passes) == ({f"new{n}.md" for n in range(4)}, 0)
    assert serving(p) == 12


def test_a_number_of_documents_may_be_too_many_whatever_their_share(tmp_path: Path) -> None:
    p = guarded(tmp_path, max_deleted_share=0.9, max_deleted_count=1)
    for n in range(2):
        p.source.delete(f"d{n:02d}.md")
    with pytest.raises(
        DeleteGuardTripped, match=r"2 of 12 documents would disappear \(16.7%\), more than max_deleted_count \(1\)"
    ):
        p.run()
    p.change(raised=RaisedLimit(max_deleted_share=0.17, who="tester@here", why="the old wiki is closed"))
    assert (p.run().decision, serving(p)) == ("promoted", 10)


def test_an_archive_that_loses_its_entries_is_seen(tmp_path: Path) -> None:
    p = project(tmp_path, documents=2, max_deleted_share=0.2)
    p.source.write("all.zip", zipped({f"e{n}.md": document(20 + n) for n in range(8)}))
    p.run()
    p.source.write("all.zip", zipped({"e0.md": document(20)}))
    with pytest.raises(DeleteGuardTripped, match=r"7 of 11 documents, with those inside others, .*7 inside others"):
        p.run()


def test_documents_of_which_nothing_is_left_after_screening_are_seen(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    hidden = '<div style="display:none">nobody reads this at all, not even once</div>\n'
    for n in range(5):
        p.source.write(f"d{n:02d}.md", hidden)
    with pytest.raises(DeleteGuardTripped, match=r"5 of 12 documents"):
        p.run()


def test_documents_that_nobody_may_see_any_more_are_seen_before_anything_is_read(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    p.source.acl_of = {f"d{n:02d}.md": () for n in range(5)}
    with pytest.raises(DeleteGuardTripped, match=r"5 of 12 documents .*docs: 5 that nobody may see"):
        p.run()


def test_a_source_that_left_the_settings_is_named(tmp_path: Path) -> None:
    a, b = (CountingSource(name, tmp_path / name) for name in "ab")
    for n in range(4):
        a.write(f"a{n}.md", document(n))
        b.write(f"b{n}.md", document(50 + n))
    p = Project((a, b))
    p.run()
    p.change(max_deleted_share=0.2)
    p.sources = (a,)
    with pytest.raises(DeleteGuardTripped, match=r"4 of 8 documents .*b: 4 no longer listed"):
        p.run()


def test_what_is_carried_is_no_loss(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    for n in range(12):
        p.source.delete(f"d{n:02d}.md")
    p.source.write("elsewhere/new.md", document(99))
    report = p.run(Scope(prefixes=(f"{p.source.uri}/elsewhere/",)))
    assert ("promoted", 13) == (report.decision, serving(p))


def test_a_limit_raised_for_one_run_is_recorded_with_who_and_why(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    for n in range(6):
        p.source.delete(f"d{n:02d}.md")
    raised = RaisedLimit(max_deleted_share=0.5, who="tester@here", why="the old wiki is closed")
    p.change(raised=raised)
    report = p.run(decide=lambda verdict: False)
    p.change(raised=None)
    assert report.plan is not None
    assert ["raised"] == [made.kind for _, made in p.lake.decisions.after(0)]
    assert [raised] * 3 == [report.plan.raised, p.manifest(report.generation).raised, verdict(p, report).raised]
    (outcome,) = [Promotion(p.retrieval(), p.options, releases(p)).promote(None, None, lift_hold=False)]
    assert ("promoted", 6) == (outcome.decision, serving(p))
    p.source.delete("d06.md")
    p.source.delete("d07.md")
    with pytest.raises(DeleteGuardTripped, match=r"2 of 6 documents would disappear"):
        p.run()


def test_a_sealed_candidate_meets_the_guard_when_a_person_promotes_it_and_has_a_way_out(tmp_path: Path) -> None:
    p = guarded(tmp_path, keep_last_good_days=0, max_deleted_share=1.0, max_quarantined_share=1.0)
    empty(p, 11)
    built = p.run(decide=lambda verdict: False)
    p.change(max_deleted_share=0.2)
    refused = Promotion(p.retrieval(), p.options, releases(p)).promote(built.generation, None, lift_hold=False)
    assert refused.verdict is not None
    (reason,) = refused.verdict.reasons
    assert "11 of 12 documents would disappear (91.7%)" in reason
    assert f"`ingest promote {built.generation} --max-deleted-share 0.92 --why REASON`" in reason
    assert ("refused", 12) == (refused.decision, serving(p))
    p.change(raised=RaisedLimit(max_deleted_share=0.92, who="tester@here", why="a new wiki"))
    Promotion(p.retrieval(), p.options, releases(p)).promote(built.generation, "a new wiki", lift_hold=False)
    assert serving(p) == 1


def releases(p: Project) -> Releases:
    return releases_of(p.retrieval(), p.options, p.services().writer)


def test_a_run_that_resumes_meets_the_guard_again(tmp_path: Path) -> None:
    p = guarded(tmp_path, keep_last_good_days=0)
    empty(p, 11)
    for _ in range(2):
        with pytest.raises(DeleteGuardTripped, match=r"11 of 12 documents"):
            p.run()
    assert (p.gets(), p.lake.claims.last()) == ({}, 2)
    assert serving(p) == 12


def damaged(p: Project) -> None:
    """Damage the largest part with documents of what serves."""
    parts = [part for part in p.manifest().parts if part.kind == "documents"]
    p.store.put(f"docs/data/{max(parts, key=lambda part: part.rows).sha256}.parquet", b"damaged")


def assert_a_person_may_go_on(p: Project) -> None:
    p.change(raised=RaisedLimit(max_deleted_share=0.9, who="tester@here", why="the old wiki is closed"))
    assert ("promoted", 1) == (p.run().decision, serving(p))


def test_documents_in_a_damaged_file_are_lost_unless_they_are_read_again(tmp_path: Path) -> None:
    p = guarded(tmp_path, documents=8, documents_per_shard=8)
    damaged(p)
    for n in range(7):
        p.source.delete(f"d{n:02d}.md")
    with pytest.raises(DeleteGuardTripped, match=r"7 of 8 documents .*unknown source: 7 in a damaged file"):
        p.run()
    assert (p.embedder.forward_passes, p.lake.releases.last()) == (0, 1)
    assert_a_person_may_go_on(p)


def test_documents_in_a_damaged_file_are_no_loss_once_they_are_read_again(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    damaged(p)
    p.source.delete("d00.md")
    assert ("promoted", 11) == (p.run().decision, serving(p))


def without_manifest(p: Project) -> None:
    """Lose the manifest of what serves."""
    p.store.delete(f"docs/generations/{p.manifest().generation}/manifest.json")


@pytest.mark.parametrize("earlier", [0, 2])
def test_documents_of_a_generation_without_a_manifest_are_lost_unless_they_are_still_listed(
    tmp_path: Path, earlier: int
) -> None:
    p = guarded(tmp_path, documents=earlier or 8)
    if earlier:  # a release before, with another number of documents
        for n in range(8):
            p.source.write(f"d{n:02d}.md", document(n))
        p.run()
    served = p.lake.releases.last()
    without_manifest(p)
    for n in range(1, 8):
        p.source.delete(f"d{n:02d}.md")
    with pytest.raises(DeleteGuardTripped, match=r"7 of 8 documents .*since a generation whose manifest is lost"):
        p.run()
    assert (p.embedder.forward_passes, p.lake.releases.last()) == (0, served)
    p.change(max_deleted_share=1.0)
    built = p.run(decide=lambda verdict: False)
    p.change(max_deleted_share=0.2)
    refused = Promotion(p.retrieval(), p.options, releases(p)).promote(built.generation, None, lift_hold=False)
    assert ("refused", served) == (refused.decision, p.lake.releases.last())
    assert_a_person_may_go_on(p)


def test_a_generation_without_a_manifest_loses_nothing_while_its_documents_are_listed(tmp_path: Path) -> None:
    p = guarded(tmp_path)
    without_manifest(p)
    p.source.delete("d00.md")
    p.source.write("d01.md", b"")
    assert ("promoted", 10) == (p.run().decision, serving(p))


@pytest.mark.parametrize("earlier", [False, True])
def test_without_manifest_and_plan_of_what_serves_a_person_decides(tmp_path: Path, earlier: bool) -> None:
    p = guarded(tmp_path, documents=8)
    if earlier:
        p.source.write("d00.md", document(0, edition=2))
        p.run()
    lost, served = p.manifest().generation, p.lake.releases.last()
    without_manifest(p)
    p.store.put(f"docs/generations/{lost}/plan/summary.json", b'{"damaged')
    told = rf"Generation {lost} serves, and its manifest and its plan are lost: there is nothing to compare with"
    with pytest.raises(DeleteGuardTripped, match=told):
        p.run()
    assert told in preview(p.services().bench, p.services().writer, Scope()).refused
    assert (p.gets(), p.lake.releases.last()) == ({}, served)
    p.change(raised=RaisedLimit(max_deleted_share=1.0, who="tester@here", why="the folder is whole"))
    assert ("promoted", 8) == (p.run().decision, serving(p))


def timing_out(ref: DocumentRef) -> None:
    if ref.path in ("d00.md", "d01.md"):
        raise ParserTimeout(f"{ref.path}: took too long")


def test_a_candidate_refused_for_failures_that_may_pass_tries_them_again_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(sandbox: InlineSandbox, raw: RawDocument) -> Document:
        timing_out(raw.ref)
        return parse(sandbox, raw)

    p, parse = project(tmp_path, documents=6, max_quarantined_share=0.05), InlineSandbox.parse
    monkeypatch.setattr(InlineSandbox, "parse", limited)
    assert "refused" == p.run().decision
    tried = [len(p.gets()) for _ in range(ATTEMPTS + 2) if p.run().decision == "refused"]
    assert [2] * (ATTEMPTS - 1) + [0, 0, 0] == tried
    claimed = p.lake.claims.last()
    assert ("refused", {}, claimed) == (p.run().decision, p.gets(), p.lake.claims.last())


@pytest.mark.parametrize("tripped", [False, True])
def test_documents_whose_failures_have_passed_are_promoted_in_the_next_run(tmp_path: Path, tripped: bool) -> None:
    p = project(tmp_path, documents=6, max_quarantined_share=0.05, max_deleted_share=0.2, keep_last_good_days=0)
    if tripped:
        p.run()
        for n in range(6):
            p.source.write(f"d{n:02d}.md", document(n, edition=2))
    p.source.before_read = timing_out
    if tripped:
        with pytest.raises(DeleteGuardTripped, match=r"2 of 6 documents .*ParserTimeout"):
            p.run()
    else:
        assert "refused" == p.run().decision
    p.source.before_read = lambda ref: None
    assert ("promoted", {"d00.md": 1, "d01.md": 1}) == (p.run().decision, p.gets())
    assert ("unchanged", 6) == (p.run().decision, serving(p))
