"""Documents inside documents: attachments and archive entries follow what they were found in."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.errors import MalformedDocument, OversizedDocument
from ingest.ids import child_uri
from ingest.lake import lake
from ingest.lake import rows as tables
from ingest.lake.rows import DocumentRow, table_of
from ingest.lake.shard_rows import read_rows
from ingest.quality.anchors import side_of
from ingest.records import Block, BlockKind, Child, Document, Gold, ParseLimits, Quarantined, Question, RawDocument
from tests.inline_sandbox import InlineSandbox
from tests.pipelines import Project, document, project, with_bench


class Boxes(InlineSandbox):
    """Reads a JSON object of name → text as a container; anything that begins with "broken" fails."""

    def parse(self, raw: RawDocument) -> Document:
        if raw.data.startswith(b"broken"):
            raise MalformedDocument(f"{raw.ref.path}: broken")
        if not raw.data.startswith(b"{"):
            return super().parse(raw)
        children = tuple(Child(name, text.encode()) for name, text in json.loads(raw.data).items())
        text = "A cover letter with some words of its own." if "letter" in raw.ref.path else ""
        blocks = (Block(BlockKind.PARAGRAPH, 0, len(text)),) if text else ()
        return Document(text, blocks, "", "application/zip", "box", "", children)


@pytest.fixture
def boxed(tmp_path) -> Project:
    p = project(tmp_path, documents=3)
    sandbox = Boxes()
    services = p.services
    p.services = lambda: with_bench(services(), sandbox=sandbox)  # type: ignore[method-assign]
    return p


def box(**entries: str) -> str:
    return json.dumps({name.replace("_", "."): text for name, text in entries.items()})


def family(p: Project) -> tuple[dict[str, DocumentRow], dict[str, Quarantined]]:
    """Return children and their failures by what stands behind the "#"."""
    rows, failures = {}, {}
    contents = p.contents()
    for shard in contents.shards:
        found = read_rows(p.lake, contents.parts(shard))
        rows |= {uri.partition("#")[2]: d for uri, d in found.documents.items() if d.parent}
        failures |= {uri.partition("#")[2]: q for uri, q in found.quarantine.items() if q.parent}
    return rows, failures


def test_each_entry_is_a_document_and_a_broken_one_stays_out_alone(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), two_md="broken", three_md=document(103)))
    report = boxed.run()
    rows, failures = family(boxed)
    assert sorted(rows) == ["one.md", "three.md"]
    assert [(q.error, q.stage) for q in failures.values()] == [("MalformedDocument", "parse")]
    table = report.conservation
    assert (table.documents["children"], table.quarantined_children, table.listed) == (
        2,
        1,
        {"added": 4, "listed_twice": 0, "out_of_scope": 0},
    )
    assert report.quarantined == {}
    assert report.quarantined_children == {"MalformedDocument": 1}
    assert rows["one.md"].path == "a.md › one.md"
    container = next(d for d in _all(boxed) if d.path == "a.md")
    assert (container.chunk_count, container.child_count) == (0, 3)


def test_the_same_run_again_builds_nothing(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), two_md="broken"))
    boxed.run()
    again = boxed.run()
    assert (again.built, boxed.gets()) == (False, {})


def test_children_follow_edits_groups_and_deletion(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), two_md=document(102)))
    boxed.run()
    boxed.source.acl_of["a.md"] = ("staff",)
    boxed.run()
    assert boxed.gets() == {}
    assert {row.acl for row in family(boxed)[0].values()} == {("staff",)}
    boxed.source.write("a.md", box(two_md=document(102), new_md=document(104)))
    report = boxed.run()
    assert sorted(family(boxed)[0]) == ["new.md", "two.md"]
    assert report.conservation.documents["children"] == 2
    boxed.source.delete("a.md")
    report = boxed.run()
    assert (family(boxed), report.plan.counts["deleted"]) == (({}, {}), 1)


def test_another_document_in_the_shard_leaves_children_as_they_are(boxed: Project) -> None:
    boxed.change(documents_per_shard=100)
    boxed.source.write("a.md", box(one_md=document(101), two_md="broken"))
    boxed.run()
    before = family(boxed)
    boxed.source.write("d00.md", document(0, edition=2))
    boxed.run()
    assert (family(boxed), boxed.gets()) == (before, {"d00.md": 1})


def test_the_last_good_version_keeps_its_children(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101)))
    boxed.run()
    boxed.source.write("a.md", "broken")
    report = boxed.run()
    assert [row.status for row in family(boxed)[0].values()] == ["last_good"]
    assert report.quarantined == {"MalformedDocument": 1}
    boxed.later(days=31)
    boxed.run()
    assert family(boxed)[0] == {}


def test_containers_in_containers_are_read_down_to_the_limit(boxed: Project) -> None:
    boxed.change(limits=ParseLimits(archive_depth=2))
    deep = box(deeper_zip=box(x_md=document(5)))
    boxed.source.write("a.md", box(in_zip=box(leaf_md=document(104), far_zip=deep)))
    boxed.run()
    rows, failures = family(boxed)
    assert sorted(rows) == ["in.zip", "in.zip!/leaf.md"]
    assert {name: q.error for name, q in failures.items()} == {"in.zip!/far.zip": "OversizedDocument"}


def test_entries_count_over_all_levels(boxed: Project) -> None:
    boxed.change(limits=ParseLimits(archive_entries=3))
    inner = box(x_md=document(105), y_md=document(106))
    boxed.source.write("a.md", box(one_md=document(101), in_zip=inner))
    boxed.run()
    rows, failures = family(boxed)
    assert sorted(rows) == ["one.md"]
    assert failures["in.zip"].error == OversizedDocument.__name__


def test_other_limits_try_a_failed_child_again(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), in_zip=box(x_md=document(105))))
    boxed.change(limits=ParseLimits(archive_depth=1))
    boxed.run()
    assert sorted(family(boxed)[1]) == ["in.zip"]
    boxed.change(limits=ParseLimits())
    boxed.run()
    assert boxed.gets() == {"a.md": 1}
    assert sorted(family(boxed)[0]) == ["in.zip", "in.zip!/x.md", "one.md"]


def test_a_lost_child_is_seen(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), two_md=document(102)))
    boxed.run()
    contents = boxed.contents()
    for shard in contents.shards:
        parts = contents.parts(shard)
        rows = list(read_rows(boxed.lake, parts).documents.values())
        kept = [d for d in rows if not d.uri.endswith("#one.md")]
        if len(kept) < len(rows):
            part = boxed.lake.write_part("documents", shard, table_of("documents", kept))
            damaged = replace(
                contents,
                parts=lambda s, at=shard, p=part: {**contents.parts(s), **({"documents": p} if s == at else {})},
            )
    faults = boxed.check(damaged).faults
    assert any("1 documents inside it and 0 of them in quarantine, its row says 2 together" in f for f in faults)


def test_children_do_not_count_for_the_delete_guard(boxed: Project) -> None:
    boxed.source.write("a.md", box(**{f"n{n}_md": document(200 + n) for n in range(8)}))
    boxed.run()
    for name in ("d00.md", "d01.md", "d02.md"):
        boxed.source.delete(name)
    with pytest.raises(Exception, match="3 of 4 documents would disappear"):
        boxed.run()


def test_uris_of_children_have_one_fragment() -> None:
    assert child_uri("file:///a.zip", "x y/z#.md") == "file:///a.zip#x%20y/z%23.md"
    assert child_uri("file:///a.zip#b.zip", "c!.md") == "file:///a.zip#b.zip!/c%21.md"


def test_a_name_that_occurs_twice_refuses_the_container(boxed: Project) -> None:
    boxed.source.write("a.md", '{"one.md": "x"}')
    twice = (Child("one.md", b"# A\n\ntext"), Child("one.md", b"# B\n\ntext"))
    services = boxed.services()
    services.bench.sandbox.parse = lambda raw: Document("", (), "", "application/zip", "box", "", twice)
    boxed.services = lambda: services  # type: ignore[method-assign]
    report = boxed.run()
    assert set(report.quarantined) == {"MalformedDocument"}


def _all(p: Project) -> list[DocumentRow]:
    contents = p.contents()
    return [d for s in contents.shards for d in read_rows(p.lake, contents.parts(s)).documents.values()]


def test_finished_families_are_adopted_after_a_crash(boxed: Project) -> None:
    boxed.source.write("a.md", box(one_md=document(101), two_md="broken"))

    class Dies:
        workers = 1

        def __init__(self) -> None:
            self.services = boxed.services()

        def map(self, step, items):
            if step.__name__ == "embed_shard":
                raise RuntimeError("power cut")
            yield from (step(self.services, item) for item in items)

    with pytest.raises(RuntimeError, match="power cut"):
        boxed.run(execute=Dies())
    boxed.source.write("later.md", document(9))  # another plan: another generation, which adopts
    report = boxed.run()
    rows, failures = family(boxed)
    assert boxed.gets() == {"later.md": 1}
    assert (sorted(rows), sorted(failures), report.conservation.faults) == (["one.md"], ["two.md"], ())


def test_a_generation_of_before_children_is_a_base_still(boxed: Project, monkeypatch) -> None:
    boxed.change(documents_per_shard=100)
    with monkeypatch.context() as then:
        added = {"quarantine": {"parent", "attempts", "first_seen", "last_seen"}}
        added["documents"] = {"child_count", "dropped_count"}
        for kind, names in added.items():
            fields = [field for field in tables.SCHEMAS[kind] if field.name not in names]
            then.setitem(tables.SCHEMAS, kind, pa.schema(fields))
        then.setattr(lake, "complete", lambda kind, table, columns: table)
        boxed.run()
    path = boxed.lake.part_path(boxed.contents().parts(0)["documents"])
    assert "child_count" not in pq.read_schema(path).names
    boxed.source.write("later.md", document(9))
    report = boxed.run()
    assert (boxed.gets(), report.conservation.faults) == ({"later.md": 1}, ())


def test_judged_places_in_a_broken_archive_are_damage_and_not_stale(boxed: Project) -> None:
    boxed.source.write("a.md", "broken")
    boxed.source.write("b.md", box(one_md="broken", two_md=document(102)))
    boxed.run()
    places = ("a.md › one.md", "b.md › one.md", "b.md › two.md")
    question = Question("q", "?", gold=tuple(Gold(doc=path) for path in places))
    side = side_of(boxed.contents(), [question])
    assert (side.quarantined, set(side.documents)) == ({"a.md › one.md", "b.md › one.md"}, {"b.md › two.md"})
