"""What a run makes of suspicious chunks and of duplicates."""

import sys
from collections import Counter
from dataclasses import replace

import pytest

from ingest.documents.duplicates import sketching
from ingest.lake.rows import DocumentRow, table_of
from ingest.lake.shard_rows import read_rows
from ingest.records import EVERYTHING, Chunk, DuplicateOptions, ScreeningPolicy
from ingest.search import open_serving
from tests.pipelines import Project, document, project

KEY = "AKIA" + "QWERTYUIOPASDFGH"
SECRET = (
    f"# Keys\n\n## Access\n\nThe access key is {KEY} for all of us.\n\n## Other\n\nNothing to hide in these words.\n"
)
LEGAL = " ".join(f"legal{n}" for n in range(30))


def with_policy(p: Project, **policy: str) -> None:
    p.change(screening={"docs": ScreeningPolicy(**policy)}, settings={"screening": policy})


def held(p: Project) -> tuple[dict[str, DocumentRow], list[Chunk], dict[str, str]]:
    """Return documents by path, the chunks of the part `chunks`, and the reasons of dropped ones by chunk id."""
    documents, chunks, dropped = {}, [], {}
    contents = p.contents()
    for shard in contents.shards:
        rows = read_rows(p.lake, contents.parts(shard))
        documents |= {d.path: d for d in rows.documents.values()}
        chunks += [c for of in rows.chunks.values() for c in of]
        dropped |= {d.chunk_id: d.reason for of in rows.dropped.values() for d in of}
    return documents, chunks, dropped


def points(p: Project) -> list[dict]:
    return [point.payload["metadata"] for point in p.vectors.scroll(p.contents().collection, EVERYTHING)]


@pytest.fixture
def leaking(tmp_path) -> Project:
    p = project(tmp_path, documents=3)
    p.source.write("keys.md", SECRET)
    return p


def test_an_indexed_chunk_carries_its_marks_to_the_point(leaking: Project) -> None:
    with_policy(leaking, secret="index")
    report = leaking.run()
    assert report.conservation.marks == {"secret": 1}
    assert [m["marks"] for m in points(leaking) if "marks" in m] == [["secret"]]


def test_a_chunk_with_a_secret_is_kept_aside_counted_and_named_without_it(leaking: Project) -> None:
    report = leaking.run()
    documents, chunks, dropped = held(leaking)
    table = report.conservation
    assert list(dropped.values()) == ["secret"]
    assert not any(KEY in c.text for c in chunks)
    assert documents["keys.md"].dropped_count == 1
    assert (table.dropped, table.marks, report.dropped) == (1, {"secret": 1}, {"secret": 1})
    end = SECRET.index("\n\n## Other")
    assert table.secrets == (f"{leaking.source.uri}/keys.md: characters 0 to {end}",)
    assert KEY not in report.model_dump_json()
    assert not any(KEY in str(point) for point in points(leaking))
    assert table.points == table.keyword_rows == table.chunks == len(chunks)


def test_a_policy_that_changes_works_from_stored_texts(leaking: Project) -> None:
    with_policy(leaking, secret="index")
    leaking.run()
    with_policy(leaking, secret="drop")
    report = leaking.run()
    assert (leaking.gets(), report.embedded, report.conservation.dropped) == ({}, 0, 1)
    with_policy(leaking, secret="index")
    report = leaking.run()
    assert (leaking.gets(), report.conservation.dropped) == ({}, 0)


def test_a_policy_of_quarantine_keeps_the_document_out_without_telling_the_secret(leaking: Project) -> None:
    with_policy(leaking, secret="index")
    leaking.run()
    with_policy(leaking, secret="quarantine")
    report = leaking.run()
    assert report.quarantined == {"SuspiciousDocument": 1}
    assert "keys.md" not in held(leaking)[0]
    assert KEY not in report.model_dump_json()
    assert not leaking.run().built
    with_policy(leaking, secret="index")
    leaking.run()
    assert (leaking.gets(), "keys.md" in held(leaking)[0]) == ({"keys.md": 1}, True)


def test_a_lost_dropped_chunk_is_seen(leaking: Project) -> None:
    with_policy(leaking, secret="drop")
    leaking.run()
    contents = leaking.contents()
    empty = leaking.lake.write_part("dropped", 0, table_of("dropped", []))
    damaged = replace(contents, parts=lambda shard: {**contents.parts(shard), "dropped": empty})
    assert any("0 dropped chunks, its row says 1" in fault for fault in leaking.check(damaged).faults)


def repeating(tmp_path, documents: int = 4, **options: object) -> Project:
    p = project(tmp_path, documents=documents, duplicates=DuplicateOptions(**options))
    for n in range(documents):
        p.source.write(f"d{n:02d}.md", f"{document(n)}\n## Legal\n\n{LEGAL}.\n")
    return p


def test_boilerplate_is_listed_and_counted(tmp_path) -> None:
    p = repeating(tmp_path)
    report = p.run()
    rows = p.lake.read(p.contents().duplicates).to_pylist()
    exact = [row for row in rows if row["kind"] == "exact"]
    assert (len(exact), {row["documents"] for row in exact}, sum(r["representative"] for r in exact)) == (4, {4}, 1)
    assert report.duplicates["boilerplate_groups"] == 1
    assert report.conservation.collapsed == 0
    assert not p.run().built


def test_a_section_that_differs_by_a_word_is_near(tmp_path) -> None:
    p = repeating(tmp_path, documents=2, similarity=0.7)
    p.source.write("d01.md", f"{document(1)}\n## Legal\n\n{LEGAL.replace('legal15', 'other')}.\n")
    report = p.run()
    assert report.duplicates["near_groups"] >= 1
    rows = p.lake.read(p.contents().duplicates).to_pylist()
    assert {row["kind"] for row in rows} == {"near"}


def test_collapse_leaves_one_point_and_one_keyword_row(tmp_path) -> None:
    p = repeating(tmp_path, collapse="exact")
    report = p.run()
    table = report.conservation
    assert (table.collapsed, table.points, table.keyword_rows) == (3, table.chunks - 3, table.chunks - 3)
    answer = open_serving(p.retrieval()).search(["legal7 legal8"], EVERYTHING, 10, ("dense", "bm25", "fused"))[0]
    assert {stage: sum(LEGAL in r.text for r in found) for stage, found in answer.stages.items()} == {
        "dense": 1,
        "bm25": 1,
        "fused": 1,
    }
    assert not p.run().built


def test_groups_that_may_see_less_keep_their_own(tmp_path) -> None:
    p = repeating(tmp_path, documents=3, collapse="near")
    p.source.acl_of["d02.md"] = ("staff",)
    report = p.run()
    assert report.conservation.collapsed == 1


def test_the_representative_that_goes_is_replaced(tmp_path) -> None:
    p = repeating(tmp_path, collapse="exact")
    p.run()
    shown = {m["path"] for m in points(p) if m["heading_path"][-1:] == ["Legal"]}
    assert len(shown) == 1
    p.source.delete(shown.copy().pop())
    report = p.run()
    now = {m["path"] for m in points(p) if m["heading_path"][-1:] == ["Legal"]}
    assert (len(now), now & shown, report.conservation.collapsed, report.embedded) == (1, set(), 2, 0)


def test_other_settings_for_duplicates_embed_nothing(tmp_path) -> None:
    p = repeating(tmp_path)
    before = p.run()
    p.change(duplicates=DuplicateOptions(collapse="exact"), settings={"duplicates": "exact"})
    report = p.run()
    assert (p.gets(), report.embedded, report.conservation.collapsed) == ({}, 0, 3)
    assert report.digest != before.digest


def test_duplicates_of_unchanged_chunks_are_found_by_their_sketches(tmp_path, monkeypatch) -> None:
    p = repeating(tmp_path)
    p.run()
    before = p.lake.read(p.contents().duplicates)
    p.source.write("d09.md", document(9))
    counted = Counter[str]()
    whole = sketching(p.options.duplicates)
    module = sys.modules["ingest.pipeline.find_duplicates"]
    monkeypatch.setattr(module, "sketching", lambda _: lambda text: counted.update([text]) or whole(text))
    p.run()
    assert {""} == counted.keys()  # which tells how sketches are made
    assert before == p.lake.read(p.contents().duplicates)


def test_chunks_with_other_sketches_are_compared_all_the_same(tmp_path) -> None:
    p = repeating(tmp_path, similarity=0.9)
    p.run()
    p.change(duplicates=DuplicateOptions(similarity=0.7), settings={"duplicates": "0.7"})
    p.source.write("d01.md", f"{document(1)}\n## Legal\n\n{LEGAL.replace('legal15', 'other')}.\n")
    p.run()
    fresh = Project(p.sources, options=p.options)
    fresh.run()
    assert fresh.lake.base().digest == p.lake.base().digest
    assert p.lake.read(p.contents().duplicates) == fresh.lake.read(fresh.contents().duplicates)


def test_a_lost_collection_is_restored_without_the_collapsed(tmp_path) -> None:
    p = repeating(tmp_path, collapse="exact")
    p.run()
    p.vectors.drop_collection(p.contents().collection)
    report = p.run()
    assert report.conservation.points == report.conservation.chunks - 3
