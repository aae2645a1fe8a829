"""Damaged and lost files of the lake: what is made again, from what, and what is only named."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest

from ingest.errors import DamagedFile, FatalError, InvalidSettings
from ingest.lake.stored_records import from_bytes
from ingest.pipeline.collections import releases_of
from ingest.pipeline.plan import preview
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.scope import Scope
from ingest.pipeline.status import status_of
from ingest.records import AliasAction, Filter, Marker, PartFile, Release
from ingest.search import open_serving
from ingest.search.served_release import serving_release
from tests.fakes import InMemoryStore
from tests.pipelines import CountingSource, Project, build_options, document, project
from tests.vector_indexes import in_memory_index

Harm = Callable[[Project, str], None]
READ_AGAIN = {"documents", "texts"}  # of all documents of the shard
KINDS = ("documents", "texts", "chunks", "attributes", "quarantine", "dropped", "keyword.postings", "keyword.lengths")


def values(p: Project) -> dict[str, bytes]:
    assert isinstance(p.store, InMemoryStore)
    return p.store.values


def flipped(p: Project, key: str) -> None:
    data = bytearray(values(p)[key])
    data[len(data) // 2] ^= 1
    values(p)[key] = bytes(data)


def truncated(p: Project, key: str) -> None:
    values(p)[key] = values(p)[key][:-7]


def deleted(p: Project, key: str) -> None:
    del values(p)[key]


def altered(p: Project, key: str) -> None:
    """Change a byte such that JSON stays JSON, and nothing but a check can tell."""
    data = values(p)[key]
    place = next(n for n in range(len(data) // 3, len(data)) if data[n : n + 1].isalnum())
    for byte in b"0123456789abcdefghijklmnopqrstuvwxyz":
        values(p)[key] = data[:place] + bytes([byte]) + data[place + 1 :]
        with suppress(ValueError):
            if values(p)[key] != data and json.loads(values(p)[key]):
                return


ALL = (flipped, truncated, deleted)
HARMS = pytest.mark.parametrize("harm", ALL)
ONE_HARM = pytest.mark.parametrize("harm", [truncated])  # where it does not matter which


def in_turn(*kinds: str) -> list[tuple[str, Harm]]:
    """Return kinds of files, each with one of the harms: that all harm alike is shown where files are verified."""
    return list(zip(kinds, cycle(ALL)))


@pytest.fixture
def p(tmp_path: Path) -> Project:
    made = project(tmp_path, documents=5, documents_per_shard=3)
    made.source.write("bad.md", b"\x00\x01\x02")
    made.run()
    return made


def part(p: Project, kind: str, *, whole: bool = False) -> PartFile:
    """Return the largest part of a kind, of a shard or over all."""
    return max(
        (one for one in p.manifest().parts if one.kind == kind and (one.shard is None) == whole), key=lambda o: o.rows
    )


def key_of(p: Project, kind: str, *, whole: bool = False) -> str:
    return f"docs/data/{part(p, kind, whole=whole).sha256}.parquet"


def segment_key(p: Project) -> str:
    manifest = p.manifest()
    (name, *_) = next(filter(None, manifest.segments.values()))
    return f"embeddings/{manifest.model.fingerprint}/segments/{name}.parquet"


def is_sound(p: Project) -> bool:
    """Tell whether a night after this one finds nothing to do and nothing to heal."""
    report = p.run()
    return (report.decision, report.healed, p.gets(), p.check().faults) == ("unchanged", (), {}, ())


@pytest.mark.parametrize(("kind", "harm"), in_turn(*KINDS))
def test_a_damaged_part_of_a_shard_is_made_again_and_named(p: Project, kind: str, harm: Harm) -> None:
    digest, shard, key = p.manifest().digest, part(p, kind).shard, key_of(p, kind)
    harm(p, key)
    report = p.run()
    assert ("promoted", digest) == (report.decision, report.digest)
    assert f"{kind} of shard {shard}, made again from " in "".join(report.healed)
    assert all(key in told for told in report.healed)  # equal parts of two shards are one file
    assert bool(p.gets()) == (kind in READ_AGAIN or kind == "quarantine")
    assert {"quarantine": ["bad.md"]}.get(kind, [*p.gets()]) == [*p.gets()]
    assert 0 == report.embedded
    assert is_sound(p)


@pytest.mark.parametrize(
    ("kind", "harm"), in_turn("keyword.postings", "keyword.terms", "keyword.lengths", "duplicates")
)
def test_a_damaged_part_over_all_shards_is_made_again_and_named(p: Project, kind: str, harm: Harm) -> None:
    digest, key = p.manifest().digest, key_of(p, kind, whole=True)
    harm(p, key)
    report = p.run()
    assert ("promoted", digest, {}) == (report.decision, report.digest, p.gets())
    (told,) = report.healed
    assert told.startswith(f"{kind} of all shards, made again from all shards: ")
    assert key in told
    assert is_sound(p)


@ONE_HARM
def test_a_damaged_file_is_made_again_also_when_the_sources_change(p: Project, harm: Harm) -> None:
    harm(p, key_of(p, "texts"))
    harm(p, key_of(p, "keyword.postings", whole=True))
    for n in range(5):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    assert "promoted" == p.run().decision
    assert is_sound(p)


@HARMS
def test_the_vectors_of_a_lost_segment_are_made_again_and_named(p: Project, harm: Harm) -> None:
    digest, chunks = p.manifest().digest, p.manifest().counts["chunks"]
    harm(p, segment_key(p))
    report = p.run()
    assert ("promoted", digest) == (report.decision, report.digest)
    assert any("its vectors made again by the model" in told for told in report.healed)
    assert 0 < report.embedded <= chunks
    assert {} == p.gets()
    assert is_sound(p)


@ONE_HARM
def test_vectors_that_no_collection_holds_are_embedded_again(p: Project, harm: Harm) -> None:
    digest, chunks = p.manifest().digest, p.manifest().counts["chunks"]
    harm(p, segment_key(p))
    p.vectors = in_memory_index()
    report = p.run()
    assert ("promoted", digest) == (report.decision, report.digest)
    assert 0 < report.embedded <= chunks
    assert {} == p.gets()
    assert is_sound(p)


@ONE_HARM
def test_a_lost_segment_blocks_no_other_index_of_its_model(p: Project, harm: Harm) -> None:
    more = CountingSource("docs", p.source.folder.parent / "more")
    other = Project((more,), p.store, options=build_options(index="other"))
    more.write("new.md", document(7))
    harm(p, segment_key(p))
    report = other.run()
    assert ("promoted", (), 3) == (report.decision, report.healed, report.embedded)
    assert any("its vectors made again by the model" in told for told in p.run().healed)
    assert is_sound(p)
    assert is_sound(other)


@pytest.mark.parametrize("harm", [*ALL, altered])
def test_a_lost_entry_of_a_segment_is_written_again(p: Project, harm: Harm) -> None:
    harm(p, f"embeddings/{p.manifest().model.fingerprint}/index/1.json")
    report = p.run()
    assert ("unchanged", 0, {}) == (report.decision, report.embedded, p.gets())
    assert report.healed[-1].startswith("entry of embedding segment ")
    p.source.write("new.md", document(9))
    report = p.run()
    assert ("promoted", 3) == (report.decision, report.embedded)
    assert is_sound(p)


def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project whose first run died before the keyword index was merged."""
    p = project(tmp_path, documents=4, documents_per_shard=3)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.pipeline.merge_keyword", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            p.run()
    return p


@pytest.mark.parametrize(
    ("step", "harm"),
    [
        *(("chunk", truncated), ("embed", deleted), ("keyword", truncated), ("load", truncated)),
        *(("duplicates", deleted), ("chunk", altered), ("keyword", altered)),
    ],
)
def test_a_run_does_not_go_on_with_a_damaged_marker(
    tmp_path: Path, step: str, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = stopped(tmp_path, monkeypatch)
    harm(p, next(key for key in values(p) if f"/markers/{step}/" in key))
    assert "promoted" == p.run().decision
    assert is_sound(p)


@pytest.mark.parametrize("kind", ["documents", "chunks", "keyword.postings", "duplicates", "segment"])
def test_a_run_does_not_go_on_with_damaged_parts(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    p = stopped(tmp_path, monkeypatch)
    markers = [from_bytes(Marker, values(p)[key], key) for key in [*values(p)] if "/markers/" in key]
    found = [f"docs/data/{one.sha256}.parquet" for m in markers for one in m.parts if one.kind == kind]
    flipped(p, found[0] if found else next(key for key in values(p) if "/segments/" in key))
    assert "promoted" == p.run().decision
    assert is_sound(p)


@pytest.mark.parametrize(
    ("name", "harm"), [*in_turn("summary", "shard", "shard", "summary"), ("shard", altered), ("summary", altered)]
)
def test_a_damaged_plan_is_planned_again(
    tmp_path: Path, name: str, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = stopped(tmp_path, monkeypatch)
    harm(p, next(key for key in values(p) if "/plan/" in key and ("summary" in key) == (name == "summary")))
    assert "promoted" == p.run().decision
    assert is_sound(p)


@pytest.mark.parametrize("harm", [truncated, altered, deleted])
def test_without_a_manifest_the_next_generation_is_built_on_the_release_before(p: Project, harm: Harm) -> None:
    p.source.write("d00.md", document(0, edition=2))
    p.run()
    lost = p.manifest()
    harm(p, f"docs/generations/{lost.generation}/manifest.json")
    report = p.run()
    assert ("promoted", lost.digest) == (report.decision, report.digest)
    assert {"d00.md": 1} == p.gets()
    assert [f"manifest of {lost.generation}"] == [told.partition(", made again")[0] for told in report.healed]
    assert is_sound(p)


@pytest.mark.parametrize("harm", [truncated, altered])
def test_a_damaged_profile_is_written_again_from_the_settings(p: Project, harm: Harm) -> None:
    harm(p, next(key for key in values(p) if "/profiles/" in key))
    report = p.run()
    assert "unchanged" == report.decision
    assert report.healed[0].startswith("query profile, written again from the settings: ")
    assert is_sound(p)


@pytest.mark.parametrize("harm", [truncated, altered])
@pytest.mark.parametrize("folder", ["verdicts", "history", "leases/builder"])
def test_records_on_which_nothing_depends_stop_neither_a_run_nor_the_status(
    p: Project, folder: str, harm: Harm
) -> None:
    for key in [key for key in values(p) if f"docs/{folder}/" in key]:
        harm(p, key)
    status_of(p.lake, p.vectors, releases_of(p.retrieval(), p.options, p.services().writer), p.options.profile)
    assert "unchanged" == p.run().decision


def test_a_lost_release_record_is_named(p: Project) -> None:
    deleted(p, "docs/releases/1.json")
    with pytest.raises(FatalError, match=r"another lake|belongs to"):
        p.run()


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("harm", [truncated, altered])
@pytest.mark.parametrize("number", [1, 2])
def test_a_damaged_newest_release_is_named_and_followed_by_one_that_a_person_lifts(
    p: Project, harm: Harm, number: int, applied: bool
) -> None:
    """Search answers from what the alias shows; what the record held is unknown, so nothing is promoted by itself."""
    if number == 2:
        p.source.write("d00.md", document(0, edition=2))
        before = p.vectors.aliases()
        p.run()
        if not applied:
            shown = before["docs"]
            moves = [
                AliasAction("rename", "docs@2", "docs@1"),
                *(AliasAction("create", n, shown) for n in ("docs", "docs@1")),
            ]
            assert p.vectors.move_aliases(moves)
    serving = serving_release(p.lake, p.vectors)
    releases = releases_of(p.retrieval(), p.options, p.services().writer)
    harm(p, f"docs/releases/{number}.json")
    found = open_serving(p.retrieval())
    assert (serving.number, serving.generation) == (found.release, found.manifest.generation)
    assert found.search(["word3x1x0"], Filter(), top=1, stages=("bm25",))[0].results
    told = str(status_of(p.lake, p.vectors, releases, p.options.profile).fault)
    assert f"docs/releases/{number}.json is damaged" in told
    assert "`ingest promote --lift-hold`" in told
    p.source.write("d01.md", document(1, edition=2))
    assert "waiting" == p.run().decision
    assert (number + 1, serving.generation, serving.profile, "restore") == restored_of(p)
    assert status_of(p.lake, p.vectors, releases, p.options.profile).fault is None
    releases.unhold("looked at it")
    assert "promoted" == p.run().decision
    assert serving.generation == rolled_back(p).generation


def restored_of(p: Project) -> tuple[int, str, str, str]:
    release = serving_release(p.lake, p.vectors)
    return release.number, release.generation, release.profile, release.action


def rolled_back(p: Project) -> Release:
    services = p.services()
    releases = releases_of(services.retrieval, p.options, services.writer)
    return Promotion(services.retrieval, p.options, releases).roll_back(None, "damage")


@pytest.mark.parametrize("qdrant", ["there", "lost"])
@pytest.mark.parametrize("kind", ["documents", "chunks", "manifest"])
def test_a_rollback_to_a_sound_generation_works_while_the_newest_is_damaged(p: Project, kind: str, qdrant: str) -> None:
    first = p.manifest()
    for n in range(5):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    p.run()
    deleted(p, f"docs/generations/{p.manifest().generation}/manifest.json" if kind == "manifest" else key_of(p, kind))
    if qdrant == "lost":
        p.vectors = in_memory_index()
    release = rolled_back(p)
    assert (3, first.generation) == (release.number, release.generation)
    answer = open_serving(p.retrieval()).search(["word3x1x0"], Filter(), top=1, stages=("bm25",))[0]
    assert "edition 1" in answer.results[0].text


def test_a_rollback_works_while_a_segment_of_its_target_is_lost(p: Project, caplog: pytest.LogCaptureFixture) -> None:
    first, key = p.manifest(), segment_key(p)
    p.source.write("d00.md", document(0, edition=2))
    p.run()
    deleted(p, key)
    assert first.generation == rolled_back(p).generation
    assert f"{first.collection}: its dense recall is unknown: " in caplog.text


@pytest.mark.parametrize("kind", sorted(READ_AGAIN | {"quarantine"}))
def test_a_run_with_a_scope_names_the_run_that_reads_the_rest_again(p: Project, kind: str) -> None:
    deleted(p, key_of(p, kind))
    with pytest.raises(DamagedFile, match=r"without options that choose documents does that.*made again from"):
        p.run(Scope(prefixes=(f"{p.source.uri}/d00",)))
    assert "promoted" == p.run().decision
    assert is_sound(p)


@pytest.mark.parametrize("kind", sorted(READ_AGAIN | {"quarantine"}))
def test_a_run_that_does_all_documents_again_reads_lost_ones(p: Project, kind: str) -> None:
    deleted(p, key_of(p, kind))
    assert "promoted" == p.run(Scope(force=frozenset({"embed"}))).decision
    assert is_sound(p)


@pytest.mark.parametrize("harm", [truncated, deleted])
@pytest.mark.parametrize("kind", ["documents", "texts", "quarantine", "manifest"])
def test_a_plan_tells_what_a_run_would_do_about_damage_and_writes_nothing(p: Project, kind: str, harm: Harm) -> None:
    if kind == "manifest":  # then the base is the generation before, with the same documents
        p.run(Scope(force=frozenset({"embed"})))
    harm(p, f"docs/generations/{p.manifest().generation}/manifest.json" if kind == "manifest" else key_of(p, kind))
    before = dict(values(p))
    told = preview(p.services().bench, p.services().writer, Scope())
    assert before == values(p)
    done = p.run().plan
    assert done is not None
    assert (told.needs_generation, told.counts, told.shards) == (True, done.counts, done.shards)


def test_places_of_a_scope_are_looked_for_in_what_damage_leaves(p: Project) -> None:
    deleted(p, key_of(p, "documents"))
    with pytest.raises(InvalidSettings, match="no document has a URI that begins with"):
        p.run(Scope(prefixes=(f"{p.source.uri}/elsewhere",)))


def test_a_last_good_version_whose_text_is_lost_is_named(p: Project, caplog: pytest.LogCaptureFixture) -> None:
    p.change(keep_last_good_days=30, max_quarantine_share=1.0)
    p.source.write("d00.md", b"\x00\x01\x02")
    p.run()
    for one in [one for one in p.manifest().parts if one.kind == "texts"]:
        values(p).pop(f"docs/data/{one.sha256}.parquet", None)
    assert "promoted" == p.run().decision
    assert "the last good version is lost" in caplog.text
    assert {"bad.md", "d00.md"} == set(p.quarantined())
    assert is_sound(p)


@pytest.fixture
def rotating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An index of four shards, of which a run looks at one."""
    monkeypatch.setattr("ingest.pipeline.inspection.POINTS_PER_RUN", 1)
    made = project(tmp_path, documents=4, documents_per_shard=1, scrub_nights=4)
    made.run()
    return made


def verified(p: Project, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Run, and return the keys of the files that were hashed."""
    asked, local_path = set[str](), InMemoryStore.local_path

    def counted(store: InMemoryStore, key: str, *, anew: bool = False) -> Path:
        asked.add(key)
        return local_path(store, key, anew=anew)

    monkeypatch.setattr(InMemoryStore, "local_path", counted)
    p.run()
    return asked


def test_an_unchanged_run_hashes_the_files_of_the_shards_whose_turn_it_is(
    rotating: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[set[int | None]]()
    texts = {
        f"docs/data/{part.sha256}.parquet": part.shard for part in rotating.manifest().parts if part.kind == "texts"
    }
    for _ in range(4):
        rotating.later(days=1)
        asked.append({texts[key] for key in verified(rotating, monkeypatch) if key in texts})
    assert {*texts.values()} == set().union(*asked)
    assert [1] * 4 == [*map(len, asked)]


@pytest.mark.parametrize("kind", ["chunks", "keyword.postings"])
def test_a_damaged_file_whose_turn_it_is_not_is_made_again_when_a_run_meets_it(rotating: Project, kind: str) -> None:
    p = rotating
    key, digest = key_of(p, kind), p.manifest().digest
    flipped(p, key)
    for n in range(4):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    report = p.run()
    assert "promoted" == report.decision
    assert digest != report.digest
    assert is_sound(p)


@pytest.mark.parametrize("shard", range(4))
def test_a_damaged_file_stops_no_night_whoever_has_the_turn(rotating: Project, shard: int) -> None:
    p = rotating
    p.later(days=1)
    flipped(
        p, next(f"docs/data/{f.sha256}.parquet" for f in p.manifest().parts if (f.kind, f.shard) == ("texts", shard))
    )
    p.source.write("d00.md", document(0, edition=2))
    assert "promoted" == p.run().decision


def test_a_damaged_file_is_made_again_within_the_nights_of_the_scrub(rotating: Project) -> None:
    p = rotating
    flipped(p, key_of(p, "attributes"))
    healed = list[str]()
    for _ in range(4):
        p.later(days=1)
        healed += p.run().healed
    assert 1 == len(healed)
    assert "attributes of shard" in healed[0]
