"""Dense recall is measured at seal, kept in the manifest, and refuses a candidate that misses too much."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.pipeline import inspection
from ingest.records import Filter, Hit, Recall, Vectors
from tests.pipelines import UNJUDGED, Project, project
from tests.vector_indexes import in_memory_index


class Forgetful:
    """A vector index whose approximate search loses every `lost`-th hit, and which counts what is asked."""

    def __init__(self, inner: QdrantIndex, lost: int) -> None:
        self.inner, self.lost, self.asked = inner, lost, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def search(self, collection: str, vectors: Vectors, filter: Filter, limit: int) -> list[list[Hit]]:
        self.asked += len(vectors)
        found = self.inner.search(collection, vectors, filter, limit)
        return [[hit for n, hit in enumerate(hits, 1) if n % self.lost] for hits in found]


def forgetful(folder: Path, lost: int, documents: int = 12) -> Project:
    p = project(folder, documents)
    p.vectors = Forgetful(in_memory_index(), lost)
    return p


def test_an_exact_search_has_recall_1_and_the_manifest_says_so(tmp_path: Path) -> None:
    p = project(tmp_path, documents=12)
    report = p.run()
    chunks = p.manifest().counts["chunks"]
    assert Recall(at=10, questions=chunks, mean=1.0, least=1.0) == p.manifest().recall == report.recall


def test_a_search_that_loses_a_third_is_measured_and_refused(tmp_path: Path) -> None:
    p = forgetful(tmp_path, lost=3)
    report = p.run()
    measured = p.lake.manifest(report.generation).recall
    assert (report.decision, report.release) == ("refused", None)
    assert 0.6 < measured.mean < 0.8
    verdict = p.lake.verdict(report.verdict)
    (reason,) = [r for r in verdict.reasons if "dense search" in r]
    assert f"finds {measured.mean:.3f} of the 10 nearest" in reason
    assert "min_dense_recall is 0.95" in reason


def test_a_floor_of_zero_does_not_look(tmp_path: Path) -> None:
    p = forgetful(tmp_path, lost=3)
    p.change(gate=UNJUDGED.model_copy(update={"min_dense_recall": 0.0}))
    assert "promoted" == p.run().decision


def test_the_sample_is_bounded_and_the_same_for_the_same_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "SAMPLE", 10)
    p = forgetful(tmp_path, lost=99, documents=40)
    p.run()
    assert (10, 10) == (p.vectors.asked, p.manifest().recall.questions)
    drawn = inspection._sample(p.contents(), set())
    assert drawn == inspection._sample(p.contents(), set())
    assert 10 == len(set(drawn))


@pytest.mark.parametrize(
    ("found", "exact", "share"),
    [
        ([("own", 1.0), ("a", 0.9), ("b", 0.8)], [("own", 1.0), ("a", 0.9), ("b", 0.8)], 1.0),
        ([("own", 1.0), ("a", 0.9), ("c", 0.1)], [("own", 1.0), ("a", 0.9), ("b", 0.8)], 0.5),
        ([("copy", 1.0), ("a", 0.9)], [("own", 1.0), ("a", 0.9)], 1.0),
        ([("own", 1.0), ("c", 0.8)], [("own", 1.0), ("b", 0.8)], 1.0),  # a tie
        ([("own", 1.0)], [("own", 1.0)], 1.0),
        ([], [("own", 1.0), ("b", 0.8)], 0.0),
    ],
)
def test_a_chunk_as_near_as_the_last_exact_one_counts(
    found: Sequence[tuple[str, float]], exact: Sequence[tuple[str, float]], share: float
) -> None:
    assert share == inspection._share("own", [Hit(*h) for h in found], [Hit(*h) for h in exact])


def test_a_generation_of_one_chunk_tells_nothing(tmp_path: Path) -> None:
    p = project(tmp_path, documents=0)
    p.source.write("one.md", "# One\n\nA single chunk.\n")
    assert p.run().recall is None
