"""Shards that became too large are divided: part files are written again, nothing is fetched or embedded for it."""

import io
import zipfile
from dataclasses import replace

import pytest

from ingest.cli import tables
from ingest.ids import shard_of
from ingest.lake.contents import contents_of
from ingest.pipeline.losses import INSIDE, compare
from ingest.pipeline.plan import preview
from ingest.pipeline.scope import Scope
from ingest_conformance import hashing_embedder as hashing
from tests.pipelines import WHOLE, CountingSource, Project, build_options


def text_of(n: int) -> str:
    return f"# Title {n}\n\nA paragraph about shard number {n} of the lake, and about nothing else.\n"


def box() -> bytes:
    """Return an archive of one document that can be read, and one that cannot."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("inside.md", text_of(100))
        archive.writestr("empty.md", "")
    return data.getvalue()


@pytest.fixture
def pilot(tmp_path) -> Project:
    p = Project((CountingSource("s", tmp_path / "docs"),))
    for n in range(2):
        p.source.write(f"{n}.md", text_of(n))
    p.source.write("box.zip", box())
    p.source.write("empty.md", "")
    p.run()
    assert 1 == p.lake.base().shards
    return p


def grow(p: Project, documents: int) -> None:
    for n in range(2, documents - 2):
        p.source.write(f"{n}.md", text_of(n))


def test_shards_are_divided_when_they_hold_twice_as_many_as_wanted(pilot):
    grow(pilot, 9)
    told = preview(pilot.services().bench, pilot.services().writer, WHOLE)
    assert (1, 2) == (told.divides, len(told.shards))
    assert any(
        "1 shards of the base hold too many documents: there will be 2" in str(line) for line in tables.plan(told)
    )
    report = pilot.run()
    assert ("promoted", 2) == (report.decision, pilot.lake.base().shards)
    assert {f"{n}.md": 1 for n in range(2, 7)} == pilot.gets()
    assert report.conservation.chunks == report.embedded + 3
    contents = contents_of(pilot.lake, pilot.lake.base())
    for shard in contents.shards:
        held = pilot.lake.read(contents.parts(shard)["documents"]).to_pylist()
        assert {shard} == {shard_of(row["parent"] or row["document_id"], 2) for row in held}


def test_a_plan_that_is_refused_tells_all_the_same_that_shards_will_be_divided(pilot):
    grow(pilot, 9)
    pilot.change(max_gpu_minutes=0.001, tokens_per_second=1.0)
    told = preview(pilot.services().bench, pilot.services().writer, WHOLE)
    assert (True, 1, 2) == ("the budget is" in told.refused, told.divides, len(told.shards))


def test_no_chunk_is_counted_twice_because_it_is_divided(pilot):
    grow(pilot, 30)
    pilot.embedder = hashing.HashingEmbedder("hashing", {"dimension": 32})  # all are embedded again
    divided, whole = (replace(pilot, options=build_options(documents_per_shard=size)).services() for size in (4, 64))
    estimates = [preview(one.bench, one.writer, WHOLE) for one in (divided, whole)]
    assert [1, 0] == [plan.divides for plan in estimates]
    assert estimates[0].chunks_to_embed == pytest.approx(estimates[1].chunks_to_embed, abs=4)


def test_a_divided_generation_has_the_digest_of_a_fresh_one(pilot):
    grow(pilot, 18)
    pilot.run()
    assert 4 == pilot.lake.base().shards
    fresh = Project(pilot.sources)
    fresh.run()
    assert (8, fresh.lake.base().digest) == (fresh.lake.base().shards, pilot.lake.base().digest)
    assert "unchanged" == pilot.run().decision


def test_nothing_is_divided_while_nothing_is_to_be_built(pilot):
    grow(pilot, 8)
    pilot.run()
    pilot.options = build_options(documents_per_shard=1)
    assert ("unchanged", 1) == (pilot.run().decision, pilot.lake.base().shards)


def kill_division(p: Project) -> None:
    """Run until the documents are divided and embedded, and break off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.pipeline.find_duplicates", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            p.run()


def test_a_division_that_was_killed_is_resumed(pilot):
    grow(pilot, 9)
    kill_division(pilot)
    report = pilot.run()
    assert (True, "promoted", {}, 2) == (report.resumed, report.decision, pilot.gets(), pilot.lake.base().shards)


def test_a_division_goes_on_where_the_listing_has_shrunk_meanwhile(pilot):
    grow(pilot, 9)
    kill_division(pilot)
    pilot.source.delete("6.md")
    assert ("promoted", {}, 1) == (pilot.run().decision, pilot.gets(), pilot.lake.base().shards)


def test_what_is_outside_the_scope_is_divided_and_not_read(pilot):
    grow(pilot, 9)
    pilot.run(Scope(uris=frozenset({f"{pilot.source.uri}/2.md"})))
    assert (2, {"2.md": 1}) == (pilot.lake.base().shards, pilot.gets())


def test_a_rollback_to_larger_shards_is_compared_with_smaller_ones(pilot):
    first = pilot.lake.base().generation
    grow(pilot, 9)
    pilot.run()
    before, after = (contents_of(pilot.lake, pilot.lake.manifest(g)) for g in (pilot.lake.base().generation, first))
    assert 5 == compare(before, after, "source").lost_of(INSIDE).total()
    assert 0 == compare(after, before, "source").lost_of(INSIDE).total()
