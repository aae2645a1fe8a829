"""Damaged files of the lake heal with the embedded engine as they do with its double."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.adapters.vectors.edge import engine
from ingest.adapters.vectors.edge.engine import Engine
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.records import Filter
from ingest.search import open_serving
from tests.integration.adapters.vectors.edge.conftest import QUICK
from tests.integration.pipeline.test_damage import Harm, deleted, flipped, is_sound, key_of, segment_key
from tests.pipelines import Project, project


@pytest.fixture
def p(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "qdrant"
    made = project(tmp_path, documents=5, documents_per_shard=3)
    made.vectors = QdrantIndex.embedded(Engine(folder, **QUICK))
    made.run()
    yield made
    made.vectors.close()
    engine.stop(folder, force=True)


@pytest.mark.parametrize("harm", [flipped, deleted])
def test_a_lost_segment_and_a_damaged_part_are_made_again(p: Project, harm: Harm) -> None:
    digest = p.manifest().digest
    harm(p, segment_key(p))
    report = p.run()
    assert ("promoted", digest) == (report.decision, report.digest)
    assert any("its vectors made again by the model" in told for told in report.healed)
    harm(p, key_of(p, "chunks"))
    report = p.run()
    assert ("promoted", digest) == (report.decision, report.digest)
    assert any(told.startswith("chunks of shard") for told in report.healed)
    assert is_sound(p)
    found = open_serving(p.retrieval()).search(["word3x1x0"], Filter(), top=1)[0]
    assert "word3x1x0" in found.results[0].text
