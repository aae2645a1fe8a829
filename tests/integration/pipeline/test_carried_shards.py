"""A shard in which little changed keeps its part files; what a generation holds is what a fresh build holds."""

import random

import pytest

from ingest.keyword import KeywordIndex, verify
from ingest.lake import shard_rows
from ingest.lake.contents import contents_of
from ingest.lake.deltas import MOST_DEAD
from ingest.pipeline import tasks
from ingest.search.indexed_documents import IndexedDocuments
from tests.pipelines import ANALYSER, CountingSource, Project, build_options

KINDS = ("documents", "texts", "chunks", "attributes", "dropped", "quarantine")


def text_of(name: str, version: int) -> str:
    words = random.Random(f"{name} {version}")
    body = " ".join(words.choice(("index", "shard", "delta", "vector", "night", "lake", "row")) for _ in range(40))
    return f"# {name} {version}\n\n{body}\n\n## More\n\n{body} {version}\n"


@pytest.fixture
def project(tmp_path):
    p = Project((CountingSource("s", tmp_path / "docs"),), options=build_options(documents_per_shard=64))
    for n in range(24):
        p.source.write(f"{n:02d}.md", text_of(f"{n:02d}", 0))
    p.run()
    return p


def contents(p: Project):
    return contents_of(p.lake, p.lake.base())


def held(p: Project):
    found = contents(p)
    tables = {kind: [p.lake.read(found.parts(shard)[kind]) for shard in found.shards] for kind in KINDS}
    return {kind: [table.to_pylist() for table in found] for kind, found in tables.items()}


def searched(p: Project) -> KeywordIndex:
    return KeywordIndex(*contents(p).searched_files(p.lake.part_file))


def test_a_changed_document_adds_a_file_of_its_rows_alone(project):
    before = contents(project).parts(0)
    project.source.write("07.md", text_of("07", 1))
    project.run()
    after = contents(project).parts(0)
    for kind in ("texts", "chunks", "attributes", "keyword.lengths"):
        assert before[kind].sha256 == after[kind].onto.sha256
        assert before[kind].rows == after[kind].rows
        assert 1 == len(after[kind].onto.deleted)
        assert after[kind].dead == len(project.lake.read_file(after[kind]))
    assert before["keyword.postings"].sha256 == after["keyword.postings"].onto.sha256


def test_new_rows_of_slices_are_put_together_onto_the_base(project, monkeypatch):
    monkeypatch.setattr(tasks, "SLICE_DOCUMENTS", 1)
    for name in ("07.md", "19.md"):
        project.source.write(name, text_of(name[:2], 1))
    project.run()
    part = contents(project).parts(0)["chunks"]
    assert 2 == len(part.onto.deleted)
    assert part.dead == len(project.lake.read_file(part))


def test_a_part_of_which_a_file_is_lost_is_made_again_as_one(project):
    project.source.write("07.md", text_of("07", 1))
    project.run()
    before, digest = held(project), project.lake.base().digest
    for kind in ("chunks", "keyword.postings"):
        del project.store.values[f"docs/data/{contents(project).parts(0)[kind].onto.sha256}.parquet"]
    project.run()
    assert contents(project).parts(0)["chunks"].onto is None
    assert contents(project).parts(0)["keyword.postings"].onto is None
    assert (before, digest) == (held(project), project.lake.base().digest)


def test_a_large_change_writes_the_files_anew(project):
    for n in range(8):
        project.source.write(f"{n:02d}.md", text_of(f"{n:02d}", 1))
    project.run()
    assert all(part.onto is None for part in contents(project).parts(0).values())


def test_other_terms_of_chunks_of_equal_lengths_are_found(project):
    project.source.write("07.md", "# Houses\n\nThe only page about houses.")
    project.change(documents_per_shard=8)  # so that each shard has one file
    for stem in (True, False):  # as many terms of each chunk, but others
        project.change(analyser=ANALYSER | {"stem": stem})
        project.run()
    with searched(project) as found:
        assert [1, 0] == [len(hits) for hits in found.search([["houses"], ["hous"]], [None, None], 9)]


def test_any_sequence_of_changes_holds_what_a_fresh_build_holds(project, monkeypatch):
    monkeypatch.setattr(shard_rows, "MOST_FILES", 3)
    chance, names = random.Random(3), [f"{n:02d}.md" for n in range(30)]
    deltas = segments = 0
    for night in range(1, 8):
        for name in chance.sample(names, 1 + (night == 3)):
            if (project.source.folder / name).exists() and chance.random() < 0.3:
                project.source.delete(name)
            else:
                project.source.write(name, text_of(name[:2], night))
        project.run()
        for part in contents(project).parts(0).values():
            deltas += part.onto is not None
            assert len(part.files) <= 3
            assert part.dead <= MOST_DEAD * (part.rows + part.dead)
        segments += contents(project).keyword["keyword.terms"].onto is not None
        assert [] == verify(*contents(project).searched_files(project.lake.part_path))
    assert deltas > 5
    assert 0 < segments < 7
    other = Project(project.sources, options=project.options)
    other.run()
    assert held(other) == held(project)
    with searched(other) as wanted, searched(project) as found:
        for asked in (["index"], ["night", "lake", "4"], ["vector", "vector", "row"], ["unheard"]):
            assert wanted.search([asked], [None], 99) == found.search([asked], [None], 99)
            assert wanted.bound(asked) == found.bound(asked)
    assert other.lake.base().digest == project.lake.base().digest
    for row in held(other)["chunks"][0]:
        wanted, found = (IndexedDocuments(contents(p))._read(row["document_id"], 0) for p in (other, project))
        assert wanted == found
