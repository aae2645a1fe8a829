"""An index that was built when secrets were indexed: only what holds a secret is cut again."""

from pathlib import Path
from typing import Any

import pytest

from ingest.lake.shard_rows import read_rows
from ingest.records import ScreeningPolicy
from tests.pipelines import Project, project

SECRET = "# Keys\n\n## Access\n\nThe key is AKIA" + "QWERTYUIOPASDFGH for all.\n\n## Other\n\nNothing to hide here.\n"


def told(secret: str) -> dict[str, Any]:
    """Return the options of a source "docs" with a policy, recorded as wiring records them."""
    policy = ScreeningPolicy.model_validate({"secret": secret})
    recorded = {"sources": [{"name": "docs", "screening": policy.model_dump()}]}
    return {"screening": {"docs": policy}, "settings": recorded}


@pytest.fixture
def earlier(tmp_path: Path) -> Project:
    """A project whose newest release was built under a policy that indexes secrets."""
    p = project(tmp_path, documents=12)
    p.change(**told("index"))
    p.run()
    return p


@pytest.mark.parametrize("secret", ["index", "drop"])
def test_without_secrets_nothing_is_built_whatever_the_policy_is_now(earlier: Project, secret: str) -> None:
    earlier.change(**told(secret))
    report = earlier.run()
    assert (False, "unchanged", {}) == (report.built, report.decision, earlier.gets())


def test_only_the_shard_with_the_secret_is_cut_again_and_nothing_is_read_or_embedded(earlier: Project) -> None:
    earlier.source.write("keys.md", SECRET)
    earlier.run()
    before = {part.sha256 for part in earlier.manifest().parts if part.kind == "chunks"}
    earlier.change(**told("drop"))
    report = earlier.run()
    after = {part.sha256 for part in earlier.manifest().parts if part.kind == "chunks"}
    assert ("promoted", {}, 0, 1) == (report.decision, earlier.gets(), report.embedded, report.conservation.dropped)
    assert 1 == len(after - before)
    assert not any("AKIA" in chunk.text for chunk in chunks(earlier))
    assert (False, {}) == (earlier.run().built, earlier.gets())


def test_a_document_that_a_policy_kept_out_is_read_again_when_it_does_so_no_longer(earlier: Project) -> None:
    earlier.change(**told("quarantine"))
    earlier.source.write("keys.md", SECRET)
    assert {"SuspiciousDocument": 1} == earlier.run().quarantined
    earlier.change(**told("drop"))
    assert 1 == earlier.run().conservation.dropped
    assert {"keys.md": 1} == earlier.gets()


def test_an_index_has_the_same_digest_with_and_without_the_change_on_the_way(earlier: Project, tmp_path: Path) -> None:
    earlier.source.write("keys.md", SECRET)
    earlier.run()
    earlier.change(**told("drop"))
    earlier.run()
    anew = Project((earlier.source,), options=earlier.options)
    anew.run()
    assert anew.manifest().digest == earlier.manifest().digest


def chunks(p: Project) -> list[Any]:
    contents = p.contents()
    rows = (read_rows(p.lake, contents.parts(shard)) for shard in contents.shards)
    return [chunk for shard in rows for of in shard.chunks.values() for chunk in of]
