"""What a second run costs: exactly what changed, and nothing else."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.errors import BudgetExceeded, DeleteGuardTripped, InvalidSettings, LeaseHeld, SourceUnavailable
from ingest.ids import document_id
from ingest.lake.rows import document_rows, quarantine_rows
from ingest.pipeline.changes import Scope
from ingest.pipeline.collections import releases_of
from ingest.pipeline.plan import preview
from ingest.records import EVERYTHING, AliasAction, Filter, GateRules, Hit, QueryProfile
from ingest.release.generation_states import generation_states
from ingest.search import open_serving
from ingest_conformance import hashing_embedder as hashing
from tests.fakes import Killed
from tests.pipelines import SMALL_CHUNKS, UNJUDGED, CountingSource, Project, document, project
from tests.vector_indexes import in_memory_index


def documents(p: Project) -> dict[str, object]:
    rows = {}
    contents = p.contents()
    for shard in contents.shards:
        rows |= {row.path: row for row in document_rows(p.lake.read(contents.parts(shard)["documents"]))}
    return rows


def quarantine(p: Project) -> dict[str, object]:
    rows = {}
    contents = p.contents()
    for shard in contents.shards:
        rows |= {row.uri: row for row in quarantine_rows(p.lake.read(contents.parts(shard)["quarantine"]))}
    return rows


def found(p: Project, question: str, filter: Filter = EVERYTHING) -> list[str]:
    (answer,) = open_serving(p.retrieval()).search([question], filter, top=50)
    return [result.path for result in answer.results]


def fresh_digest(p: Project, folder: Path) -> str:
    """Return the digest of an undisturbed first build of what the sources hold now."""
    other = Project(p.sources, options=p.options, embedder=p.embedder, now=p.now)
    digest = other.run().digest
    assert digest is not None
    return digest


def test_unchanged_data_makes_no_generation_and_embeds_nothing(tmp_path: Path) -> None:
    p = project(tmp_path)
    first = p.run()
    second = p.run()
    assert (second.built, second.decision, second.generation) == (False, "unchanged", first.generation)
    assert (p.gets(), p.embedder.forward_passes) == ({}, 0)
    assert p.lake.claims.last() == 1
    assert p.lake.releases.last() == 1


def test_a_run_on_a_base_lists_no_generations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = project(tmp_path)
    p.run()
    listed: list[str] = []
    list_ = p.store.list
    monkeypatch.setattr(p.store, "list", lambda prefix: listed.append(prefix) or list_(prefix))
    p.source.write("d00.md", document(0, edition=2))
    assert p.run().built
    generation_states(p.lake, 20)
    assert "docs/releases/" in listed
    assert "docs/generations/" not in listed


def test_the_report_tells_the_steps_in_their_order(tmp_path: Path) -> None:
    p = project(tmp_path)
    built = "plan chunk guard embed duplicates keyword load optimise merge check model recall seal evaluate release"
    assert built.split() == [stage.step for stage in p.run().stages]
    assert ["check", "plan", "recall"] == [stage.step for stage in p.run().stages]
    p.vectors.delete(p.manifest().collection, [next(p.vectors.scroll(p.manifest().collection, EVERYTHING)).id])
    mended = p.run()
    assert ["check", "optimise", "plan", "recall"] == [stage.step for stage in mended.stages]
    assert mended.conservation is not None
    assert (1, ()) == (mended.conservation.mended, mended.conservation.faults)


def test_unchanged_data_is_still_checked(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    table = p.run().conservation
    assert table is not None
    assert (table.listed["unchanged"], table.documents, table.chunks, table.points) == (12, {"indexed": 12}, 36, 36)
    assert [kind for kind, _ in p.observer.heard if kind == "conservation"] == ["conservation"]


def test_one_edited_and_one_deleted_document_are_all_that_changes(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.source.write("d03.md", document(3).replace("word3x1x0", "quetzal"))
    p.source.delete("d07.md")
    report = p.run()
    assert p.gets() == {"d03.md": 1}
    assert (report.embedded, report.decision) == (1, "promoted")
    assert sorted(documents(p)) == [f"d{n:02d}.md" for n in range(12) if n != 7]
    assert "d03.md" in found(p, "quetzal")
    assert "d07.md" not in found(p, "word7x0x0")
    assert report.digest == fresh_digest(p, tmp_path)


def test_an_added_document_moves_no_other_shard(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    before = p.contents()
    p.source.write("new.md", document(99))
    p.run()
    after = p.contents()
    same = [s for s in before.shards if before.parts(s)["chunks"] == after.parts(s)["chunks"]]
    assert len(same) == len(before.shards) - 1
    assert p.gets() == {"new.md": 1}


def test_a_rename_is_fetched_and_embeds_nothing(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    (p.source.folder / "d05.md").rename(p.source.folder / "e05.md")
    report = p.run()
    assert (p.gets(), report.embedded) == ({"e05.md": 1}, 0)


def test_a_run_without_documents_and_without_a_base_is_refused(tmp_path: Path) -> None:
    p = project(tmp_path, documents=0)
    with pytest.raises(InvalidSettings, match="no documents in file://"):
        p.run()


def test_preview_writes_nothing_into_the_lake(tmp_path: Path) -> None:
    p = project(tmp_path)
    summary = preview(p.services().bench, p.services().writer, Scope())
    assert (summary.counts["added"], summary.needs_generation) == (12, True)
    assert p.store.values == {}


def test_a_budget_refuses_before_anything_is_spent(tmp_path: Path) -> None:
    p = project(tmp_path, max_gpu_minutes=0.001, tokens_per_second=1.0)
    with pytest.raises(BudgetExceeded, match=r"the budget is 0\.001"):
        p.run()
    assert (p.gets(), p.lake.claims.last()) == ({}, 0)


def test_the_delete_guard_trips_before_anything_is_spent(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.change(max_deleted_share=0.2)
    for n in range(3):
        p.source.delete(f"d{n:02d}.md")
    p.source.write("d11.md", document(11, edition=2))
    with pytest.raises(DeleteGuardTripped, match="3 of 12 documents would disappear"):
        p.run()
    assert (p.gets(), p.embedder.forward_passes, p.lake.claims.last()) == ({}, 0, 1)


def test_a_failing_listing_stops_the_run(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.source.listing_breaks_after = 5
    with pytest.raises(SourceUnavailable, match="broke off after 5"):
        p.run()
    assert p.lake.claims.last() == 1


def test_a_failing_listing_is_carried_by_setting(tmp_path: Path) -> None:
    p = two_sources(tmp_path)
    p.source.write("bad.md", b"\x00\x01\x02")
    p.change(on_listing_failure="carry")
    p.run()
    p.sources[0].listing_breaks_after = 2
    p.sources[1].write("b0.md", document(50, edition=2))
    report = p.run()
    assert p.gets() == {"b0.md": 1}
    assert sorted(documents(p)) == ["a0.md", "a1.md", "a2.md", "a3.md", "b0.md", "b1.md", "b2.md", "b3.md"]
    assert [uri.rpartition("/")[2] for uri in quarantine(p)] == ["bad.md"]
    assert report.conservation is not None
    assert report.conservation.listed == {"changed": 1, "unchanged": 3, "listed_twice": 0, "out_of_scope": 0}


def two_sources(folder: Path) -> Project:
    a, b = CountingSource("a", folder / "a"), CountingSource("b", folder / "b")
    for n in range(4):
        a.write(f"a{n}.md", document(n))
        b.write(f"b{n}.md", document(50 + n))
    p = Project((a, b))
    p.change(max_deleted_share=1.0)
    return p


def test_a_run_scoped_to_a_source_touches_nothing_outside(tmp_path: Path) -> None:
    p = two_sources(tmp_path)
    p.run()
    p.sources[0].delete("a0.md")
    p.sources[0].write("a1.md", document(1, edition=2))
    p.sources[1].delete("b0.md")
    p.sources[1].write("b1.md", document(51, edition=2))
    p.sources[1].write("b9.md", document(59))
    report = p.run(Scope(sources=("a",)))
    assert p.gets() == {"a1.md": 1}
    assert sorted(documents(p)) == ["a1.md", "a2.md", "a3.md", "b0.md", "b1.md", "b2.md", "b3.md"]
    assert report.conservation is not None
    assert report.conservation.listed["out_of_scope"] == 4
    p.run()
    assert p.gets() == {"b1.md": 1, "b9.md": 1}
    assert sorted(documents(p)) == ["a1.md", "a2.md", "a3.md", "b1.md", "b2.md", "b3.md", "b9.md"]


def test_a_run_scoped_to_a_prefix_touches_nothing_outside(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4, max_deleted_share=1.0)
    for n in range(4):
        p.source.write(f"deep/e{n}.md", document(20 + n))
    p.run()
    for path in ("d00.md", "d01.md", "deep/e0.md"):
        p.source.delete(path)
    p.source.write("d02.md", document(2, edition=2))
    p.source.write("deep/e1.md", document(21, edition=2))
    p.run(Scope(prefixes=(f"{p.source.uri}/deep/",)))
    assert p.gets() == {"deep/e1.md": 1}
    assert sorted(documents(p)) == [*(f"d{n:02d}.md" for n in range(4)), *(f"deep/e{n}.md" for n in (1, 2, 3))]


def test_a_scope_with_an_unknown_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="scope: no source is called 'nowhere'; the settings have docs"):
        project(tmp_path).run(Scope(sources=("nowhere",)))


def test_changed_groups_rewrite_attributes_and_fetch_and_embed_nothing(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.source.acl_of = {"d02.md": ("staff",)}
    before = p.contents()
    report = p.run()
    after = p.contents()
    assert (p.gets(), report.embedded, report.decision) == ({}, 0, "promoted")
    assert report.plan is not None
    assert report.plan.counts["attributes_changed"] == 1
    kinds = {k for s in before.shards for k in before.parts(s) if before.parts(s)[k] != after.parts(s)[k]}
    assert kinds == {"documents", "attributes"}
    assert "d02.md" not in found(p, "word2x0x0", Filter(acl=("public",)))
    assert "d02.md" in found(p, "word2x0x0", Filter(acl=("staff",)))


def test_a_changed_chunker_works_from_stored_texts(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.change(chunking=SMALL_CHUNKS.model_copy(update={"heading_prefix": False}))
    report = p.run()
    assert (report.built, p.gets()) == (True, {})
    assert report.embedded == 36
    assert report.digest == fresh_digest(p, tmp_path)


def test_a_changed_model_embeds_again_from_stored_chunks(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    before = p.contents()
    p.embedder = hashing.HashingEmbedder("hashing", {"salt": "other"})
    report = p.run()
    after = p.contents()
    assert (p.gets(), report.embedded, report.decision) == ({}, 36, "promoted")
    assert [after.parts(s)["chunks"] for s in after.shards] == [before.parts(s)["chunks"] for s in before.shards]
    assert [after.parts(s)["keyword.postings"] for s in after.shards] == [
        before.parts(s)["keyword.postings"] for s in before.shards
    ]


def test_changed_keyword_settings_rebuild_postings_only(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    before = p.contents()
    p.change(analyser={**p.options.analyser, "stem": False})
    report = p.run()
    after = p.contents()
    assert (p.gets(), report.embedded, report.decision) == ({}, 0, "promoted")
    kept = ("documents", "texts", "chunks", "attributes", "quarantine")
    assert all(before.parts(s)[k] == after.parts(s)[k] for s in before.shards for k in kept)
    assert p.manifest().analyser["stem"] is False


def test_another_query_profile_is_a_new_release_of_the_same_generation(tmp_path: Path) -> None:
    p = project(tmp_path)
    first = p.run()
    p.change(profile=QueryProfile(fusion="rrf"))
    second = p.run()
    assert (second.built, second.decision, second.release) == (False, "promoted", 2)
    assert (second.generation, p.lake.claims.last(), p.gets(), second.embedded) == (first.generation, 1, {}, 0)
    assert open_serving(p.retrieval()).profile.fusion == "rrf"


BROKEN = b"\x00\xff\x00\xfe broken \x00"


def test_a_broken_new_version_keeps_the_last_good_one_for_a_while(tmp_path: Path) -> None:
    p = project(tmp_path, keep_last_good_days=30)
    p.run()
    p.source.write("d04.md", BROKEN)
    report = p.run()
    assert report.conservation is not None
    assert report.conservation.documents == {"indexed": 11, "kept_last_good": 1}
    assert report.conservation.listed["quarantined"] == 1
    assert (documents(p)["d04.md"].status, documents(p)["d04.md"].stale_since) == ("last_good", p.now.isoformat())
    assert "d04.md" in found(p, "word4x0x0")
    p.later(days=29)
    quiet = p.run()
    assert (quiet.built, p.gets()) == (False, {})
    p.later(days=1)
    last = p.run()
    assert (last.built, p.gets(), last.embedded) == (True, {}, 0)
    assert "d04.md" not in documents(p)
    assert last.conservation is not None
    assert (last.conservation.documents, last.conservation.listed["quarantined"]) == ({"indexed": 11}, 1)
    after = p.run()
    assert (after.built, p.gets()) == (False, {})


def broken_for_31_days(p: Project) -> None:
    p.run()
    p.source.write("d04.md", BROKEN)
    p.run()
    p.later(days=31)


def test_a_second_broken_version_does_not_prolong_the_last_good_one(tmp_path: Path) -> None:
    p = project(tmp_path, keep_last_good_days=30)
    broken_for_31_days(p)
    p.source.write("d04.md", BROKEN + b"again")
    p.run()
    assert "d04.md" not in documents(p)


def test_a_last_good_version_may_be_kept_for_longer_than_there_were_years(tmp_path: Path) -> None:
    p = project(tmp_path, keep_last_good_days=1_000_000)
    broken_for_31_days(p)
    p.run()
    assert "last_good" == documents(p)["d04.md"].status


def test_zero_days_keep_no_last_good_version(tmp_path: Path) -> None:
    p = project(tmp_path, keep_last_good_days=0)
    p.run()
    p.source.write("d04.md", BROKEN)
    p.run()
    assert "d04.md" not in documents(p)


def test_a_repaired_document_is_current_again_and_leaves_quarantine(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.source.write("d04.md", BROKEN)
    p.run()
    p.source.write("d04.md", document(4, edition=3))
    report = p.run()
    assert documents(p)["d04.md"].status == "current"
    assert quarantine(p) == {}
    assert report.digest == fresh_digest(p, tmp_path)


def test_a_last_good_version_hides_from_groups_that_may_not_see_the_document_any_more(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.source.write("d04.md", BROKEN)
    p.source.acl_of = {"d04.md": ("staff",)}
    p.run()
    assert documents(p)["d04.md"].acl == ("staff",)
    assert "d04.md" not in found(p, "word4x0x0", Filter(acl=("public",)))
    p.source.acl_of = {"d04.md": ("board",)}
    report = p.run()
    assert (documents(p)["d04.md"].acl, p.gets(), report.decision) == (("board",), {}, "promoted")


def test_a_failed_document_that_is_deleted_leaves_quarantine(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.source.write("bad.md", BROKEN)
    p.run()
    assert len(quarantine(p)) == 1
    p.source.delete("bad.md")
    report = p.run()
    assert quarantine(p) == {}
    assert report.digest == fresh_digest(p, tmp_path)


def test_a_refused_candidate_is_evaluated_again_without_building_it_again(tmp_path: Path) -> None:
    p = project(tmp_path, gate=GateRules())
    first = p.run()
    assert (first.decision, first.built, p.lake.releases.last()) == ("refused", True, 0)
    second = p.run()
    assert (second.decision, second.resumed, second.generation) == ("refused", True, first.generation)
    assert (p.gets(), second.embedded, second.forward_passes, p.embedder.forward_passes) == ({}, 0, 0, 0)
    p.change(gate=UNJUDGED)
    third = p.run()
    assert (third.decision, third.generation, third.digest) == ("promoted", first.generation, first.digest)
    assert (p.gets(), p.embedder.forward_passes) == ({}, 0)


def test_a_person_decides_later_on_a_waiting_candidate(tmp_path: Path) -> None:
    p = project(tmp_path)
    waiting = p.run(decide=lambda verdict: False)
    assert (waiting.decision, waiting.release, p.lake.releases.last()) == ("waiting", None, 0)
    again = p.run()
    assert (again.decision, again.generation, p.gets()) == ("promoted", waiting.generation, {})


def test_work_of_a_refused_candidate_is_adopted_by_the_next_one(tmp_path: Path) -> None:
    p = project(tmp_path, gate=GateRules())
    p.source.write("bad.md", BROKEN)
    p.run()
    p.source.write("d03.md", document(3, edition=2))
    p.change(gate=UNJUDGED)
    report = p.run()
    assert p.gets() == {"d03.md": 1}
    assert (report.generation, report.decision) == (p.lake.claims.get(2).id, "promoted")
    assert report.digest == fresh_digest(p, tmp_path)


def test_a_lost_qdrant_is_restored_from_the_lake_without_embedding(tmp_path: Path) -> None:
    p = project(tmp_path)
    first = p.run()
    p.vectors = in_memory_index()
    report = p.run()
    assert (report.built, report.decision, report.generation) == (False, "unchanged", first.generation)
    assert (p.gets(), report.embedded, p.embedder.forward_passes) == ({}, 0, 0)
    assert report.conservation is not None
    assert report.conservation.points == 36
    assert "d05.md" in found(p, "word5x0x0")


def test_a_lost_qdrant_and_a_change_at_once_end_in_the_new_release(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.vectors = in_memory_index()
    p.source.write("d05.md", document(5).replace("word5x1x1", "axolotl"))
    report = p.run()
    assert (report.decision, report.embedded) == ("promoted", 1)
    assert "d05.md" in found(p, "axolotl")


def test_a_lost_qdrant_is_restored_before_anything_is_built(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    p.vectors = in_memory_index()
    p.source.write("d05.md", document(5, edition=2))

    def fail(ref: object) -> None:
        raise InvalidSettings("the build stops here")

    p.source.before_read = fail
    with pytest.raises(InvalidSettings, match="the build stops here"):
        p.run()
    assert "d05.md" in found(p, "word5x0x0")


def test_a_decision_that_a_crash_left_unapplied_is_applied_whatever_the_gate_says_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = project(tmp_path)
    move = p.vectors.move_aliases

    def die(actions: Sequence[AliasAction]) -> bool:
        if any(action.name == "docs" for action in actions):
            raise Killed
        return move(actions)

    with monkeypatch.context() as patch:
        patch.setattr(p.vectors, "move_aliases", die)
        with pytest.raises(Killed):
            p.run()
    assert (p.lake.releases.last(), "docs" in p.vectors.aliases()) == (1, False)
    p.change(gate=GateRules())
    report = p.run()
    assert (report.decision, report.release, p.lake.releases.last()) == ("unchanged", 1, 1)
    assert p.vectors.aliases()["docs"] == p.manifest().collection


def test_after_a_rollback_the_next_candidate_waits_and_a_held_night_costs_nothing_twice(tmp_path: Path) -> None:
    p = project(tmp_path)
    first = p.run()
    p.source.write("d05.md", document(5, edition=2))
    second = p.run()
    releases_of(p.retrieval(), p.options, p.services().writer).rollback(None, "bad answers")
    for _ in range(2):
        report = p.run()
        assert (report.decision, report.generation) == ("waiting", second.generation)
        assert (p.gets(), p.embedder.forward_passes) == ({}, 0)
    assert open_serving(p.retrieval()).manifest.generation == first.generation


def test_a_run_beside_a_living_builder_is_refused(tmp_path: Path) -> None:
    p = project(tmp_path)
    attempts = []

    def second_builder(ref: object) -> None:
        if not attempts:
            attempts.append(ref)
            with pytest.raises(LeaseHeld, match="tester@here is building it"):
                Project(p.sources, p.store, p.vectors, p.embedder, p.options, monotonic=time.monotonic).run()

    p.change(lease_seconds=0.3)
    p.source.before_read = second_builder
    assert p.run().decision == "promoted"
    assert len(attempts) == 1


def test_the_report_is_kept_in_the_history(tmp_path: Path) -> None:
    p = project(tmp_path, documents=2)
    report = p.run()
    (name,) = p.lake.history()
    assert p.lake.read_history(type(report), name) == report


def test_the_digest_does_not_depend_on_the_number_of_shards(tmp_path: Path) -> None:
    digests = {project(tmp_path, documents_per_shard=size).run().digest for size in (1, 4, 100)}
    assert len(digests) == 1


def test_a_document_listed_by_two_sources_is_indexed_once_with_the_groups_of_both(tmp_path: Path) -> None:
    a = CountingSource("a", tmp_path / "x", acl=("staff", "board"))
    b = CountingSource("b", tmp_path / "x", acl=("staff", "public"))
    a.write("one.md", document(1))
    p = Project((a, b))
    report = p.run()
    assert report.conservation is not None
    assert report.conservation.listed == {"added": 1, "listed_twice": 1, "out_of_scope": 0}
    assert (documents(p)["one.md"].acl, documents(p)["one.md"].source) == (("staff",), "a")


def test_a_deleted_document_is_known_by_its_id_in_the_plan(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()
    (uri,) = [row.uri for row in documents(p).values() if row.path == "d01.md"]
    p.source.delete("d01.md")
    report = p.run()
    assert report.plan is not None
    deleted = [i for s, h in report.plan.shards.items() for i in p.lake.shard_plan(report.generation, s, h).deleted]
    assert deleted == [document_id(uri)]


def test_results_of_the_last_release_are_hits_of_its_own_collection(tmp_path: Path) -> None:
    p = project(tmp_path, documents=3)
    p.run()
    vector = p.embedder.embed_questions(["word1x0x0"])
    (hits,) = p.vectors.search(p.manifest().collection, vector, EVERYTHING, 3)
    assert all(isinstance(hit, Hit) for hit in hits)
    assert len(hits) == 3
