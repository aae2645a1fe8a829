"""Of a shard in which something changed, the rows of unchanged documents stay as they are."""

import random
from collections import Counter

import pytest

from ingest.lake import rows as stored
from ingest.lake.contents import contents_of
from ingest.pipeline.fingerprints import fingerprints
from tests.pipelines import CountingSource, Project, build_options


def text_of(name: str, version: int) -> str:
    words = random.Random(f"{name} {version}")
    body = " ".join(words.choice(("index", "shard", "delta", "vector", "night", "lake", "row")) for _ in range(40))
    return f"# {name} {version}\n\n{body}\n\n## More\n\n{body} {version}\n"


@pytest.fixture
def project(tmp_path) -> Project:
    p = Project((CountingSource("s", tmp_path / "docs"),), options=build_options(documents_per_shard=64))
    for n in range(12):
        p.source.write(f"{n:02d}.md", text_of(f"{n}", 0))
    p.run()
    return p


def held(p: Project) -> dict[str, object]:
    contents = contents_of(p.lake, p.lake.base())
    parts = [part for part in contents.all_parts() if part.kind != "duplicates"]
    return {part.kind: p.lake.read(part).to_pylist() for part in parts if part.shard is not None}


def test_one_changed_document_converts_no_other(project, monkeypatch):
    converted = Counter[str]()
    whole = stored.stored_document
    monkeypatch.setattr(stored, "stored_document", lambda row, of: converted.update([of.path]) or whole(row, of))
    project.source.write("07.md", text_of("7", 1))
    project.run()
    assert {} == converted
    project.source.acl_of["03.md"] = ("staff",)
    project.run()
    assert {"03.md": 1} == converted


def test_any_sequence_of_changes_holds_what_a_fresh_build_holds(project):
    chance, names = random.Random(3), [f"{n:02d}.md" for n in range(16)]
    project.source.acl_of["03.md"] = ("staff",)
    for night, changed in enumerate((1, 3, 6), 1):
        for name in chance.sample(names, changed):
            if (project.source.folder / name).exists() and chance.random() < 0.3:
                project.source.delete(name)
            else:
                project.source.write(name, text_of(name[:2], night) if chance.random() < 0.9 else "")
        project.run()
    other = Project(project.sources, options=project.options)
    other.run()
    ours, theirs = (contents_of(p.lake, p.lake.base()).parts(0) for p in (project, other))
    assert all(theirs[kind].sha256 == ours[kind].sha256 for kind in ("texts", "chunks", "attributes", "dropped"))
    wanted, found = held(other), held(project)
    for table in (wanted["quarantine"], found["quarantine"]):
        for row in table:
            row["attempts"] = row["first_seen"] = row["last_seen"] = None
    assert wanted == found
    assert other.lake.base().digest == project.lake.base().digest


def test_what_is_installed_is_asked_once_for_all_shards(project):
    bench = project.services().bench
    assert fingerprints(bench) is fingerprints(bench)
