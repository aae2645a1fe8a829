"""A run over a part of an index, and one that does again what nothing changed about."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from ingest.errors import ParserTimeout
from ingest.ids import point_id
from ingest.lake.shard_rows import read_rows
from ingest.pipeline.fingerprints import ATTEMPTS
from ingest.pipeline.plan import preview
from ingest.pipeline.scope import Scope
from ingest.records import Document, RawDocument, Vectors
from tests.inline_sandbox import InlineSandbox
from tests.pipelines import WHOLE, Project, document, project, with_bench

PARSE, EMBED = Scope(force=frozenset({"parse"})), Scope(force=frozenset({"embed"}))
TIMEOUTS = Scope(errors=frozenset({"ParserTimeout"}))
OLD, NEW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
LETTER = """From: a@example.org
Subject: Beams
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain

The letter says where the beam lies.
--b
Content-Type: text/markdown
Content-Disposition: attachment; filename="note.md"

# Note

The note says where the gate lies.
--b--
"""


class Slow(InlineSandbox):
    """Documents with these names take their parser too long."""

    names: frozenset[str] = frozenset()

    def parse(self, raw: RawDocument) -> Document:
        if raw.ref.path in self.names:
            raise ParserTimeout(f"{raw.ref.path}: took too long")
        return super().parse(raw)


@pytest.fixture
def slow(tmp_path: Path) -> tuple[Project, Slow]:
    """Four documents and a letter with a note inside, read by a sandbox that can be slow."""
    p, sandbox = project(tmp_path, documents=4), Slow()
    p.source.write("letter.eml", LETTER)
    services = p.services
    p.services = lambda: with_bench(services(), sandbox=sandbox)  # type: ignore[method-assign]
    return p, sandbox


def only(p: Project, *paths: str, scope: Scope = WHOLE) -> Scope:
    """Return a scope of these documents."""
    return replace(scope, uris=frozenset(f"{p.source.uri}/{path}" for path in paths))


def served(p: Project) -> list[str]:
    """Return the paths of the documents that serve."""
    contents = p.contents()
    rows = [read_rows(p.lake, contents.parts(shard)).documents.values() for shard in contents.shards]
    return sorted(row.path for shard in rows for row in shard)


def vectors_of(p: Project, path: str) -> tuple[list[str], Vectors]:
    """Return the ids of a document's chunks and their vectors in the store."""
    contents = p.contents()
    for shard in contents.shards:
        rows = read_rows(p.lake, contents.parts(shard))
        for row in rows.documents.values():
            if row.path == path:
                chunks = rows.chunks[row.document_id]
                store = p.lake.embeddings(p.embedder.record.fingerprint)
                return [c.chunk_id for c in chunks], store.vectors([c.embedding_key for c in chunks])
    raise AssertionError(path)


def test_named_documents_are_the_only_ones_touched(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4, max_deleted_share=1.0)
    p.run()
    for n in (1, 2):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    p.source.write("d09.md", document(9))
    for path in ("d00.md", "d03.md"):
        p.source.delete(path)
    p.run(only(p, "d01.md", "d03.md"))
    assert {"d01.md": 1} == p.gets()
    assert ["d00.md", "d01.md", "d02.md"] == served(p)


def test_a_time_touches_what_its_source_dates_so(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4, max_deleted_share=1.0)
    for path in p.source.folder.iterdir():
        os.utime(path, (OLD.timestamp(), OLD.timestamp()))
    p.run()
    for n in (1, 2):
        p.source.write(f"d{n:02d}.md", document(n, edition=2))
    os.utime(p.source.folder / "d02.md", (OLD.timestamp(), OLD.timestamp()))
    p.source.delete("d00.md")  # dated before, when it was last seen
    p.run(Scope(modified_since=NEW))
    assert {"d01.md": 1} == p.gets()
    assert ["d00.md", "d01.md", "d02.md", "d03.md"] == served(p)
    p.run(Scope(modified_until=NEW))
    assert {"d02.md": 1} == p.gets()
    assert ["d01.md", "d02.md", "d03.md"] == served(p)


def test_forced_parsing_reads_the_unchanged_documents_of_the_scope_alone(tmp_path: Path) -> None:
    p = project(tmp_path)
    first = p.run()
    again = p.run(only(p, "d03.md", scope=PARSE))
    assert {"d03.md": 1} == p.gets()
    assert again.conservation is not None
    assert (1, 11) == tuple(again.conservation.listed[name] for name in ("repeated", "out_of_scope"))
    assert ("promoted", first.digest, 0) == (again.decision, again.digest, again.forward_passes)


def test_what_was_forced_and_not_promoted_is_done_once_more(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4)
    p.run()
    assert "waiting" == p.run(PARSE, decide=lambda verdict: False).decision
    p.run(PARSE)
    assert 4 == sum(p.gets().values())


def test_a_forced_run_that_was_killed_is_resumed(tmp_path: Path) -> None:
    p = project(tmp_path)
    p.run()

    def killed(_: object) -> None:
        if sum(p.source.gets.values()) > 9:
            raise KeyboardInterrupt

    p.source.before_read = killed
    with pytest.raises(KeyboardInterrupt):
        p.run(PARSE)
    p.source.before_read = lambda _: None
    p.run(PARSE)
    assert 0 < sum(p.gets().values()) < 12


def test_forced_embedding_replaces_the_vectors_of_the_scope_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = project(tmp_path)
    first = p.run()
    (ids, before), (_, others) = vectors_of(p, "d03.md"), vectors_of(p, "d04.md")
    embed = p.embedder.embed
    monkeypatch.setattr(p.embedder, "embed", lambda texts: -embed(texts))
    again = p.run(only(p, "d03.md", scope=EMBED))
    assert ({}, len(ids), "promoted") == (p.gets(), again.embedded, again.decision)
    assert first.digest == again.digest  # of what is said, not of how it was embedded
    np.testing.assert_allclose(vectors_of(p, "d03.md")[1], -before)
    np.testing.assert_array_equal(vectors_of(p, "d04.md")[1], others)
    hits = p.vectors.nearest(p.manifest().collection, -before, 1)
    assert [[(i, pytest.approx(1.0))] for i in ids] == [[(hit.chunk_id, hit.score) for hit in row] for row in hits]
    assert "unchanged" == p.run().decision


def test_forced_vectors_that_were_not_promoted_serve_neither_the_next_night_nor_after_mending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = project(tmp_path, documents=4)
    p.run()
    serving, (ids, before) = p.manifest().collection, vectors_of(p, "d03.md")
    points = [point_id(chunk) for chunk in ids]
    embed = p.embedder.embed
    with monkeypatch.context() as patch:
        patch.setattr(p.embedder, "embed", lambda texts: -embed(texts))
        forced = p.run(EMBED, decide=lambda verdict: False)
    np.testing.assert_allclose(vectors_of(p, "d03.md")[1], -before)  # in the store

    def served_vectors(collection: str) -> Vectors:
        held = p.vectors.retrieve(collection, points, vectors=True)
        return np.array([held[point].vector for point in points])

    night = p.run()
    assert ("waiting", "unchanged", 0) == (forced.decision, night.decision, night.serving_mended)
    np.testing.assert_allclose(served_vectors(serving), before, atol=1e-6)
    np.testing.assert_allclose(served_vectors(p.manifest(forced.generation).collection), -before, atol=1e-6)
    p.vectors.delete(serving, points)
    assert len(points) == p.run().serving_mended
    np.testing.assert_allclose(served_vectors(serving), before, atol=1e-6)


def test_forced_embedding_takes_along_what_is_inside_a_document(slow: tuple[Project, Slow]) -> None:
    p, _ = slow
    p.run()
    assert 2 == p.run(only(p, "letter.eml", scope=EMBED)).embedded


@pytest.mark.parametrize(
    ("parser", "read"),
    [("eml", ["letter.eml"]), ("markdown", ["d00.md", "d01.md", "d02.md", "letter.eml"]), ("pdf", [])],
)
def test_everything_that_a_parser_read_is_read_again_with_what_holds_it_and_nothing_else_is_touched(
    slow: tuple[Project, Slow], parser: str, read: list[str]
) -> None:
    p, _ = slow
    p.run()
    p.source.write("d09.md", document(9))  # no parser has read it yet
    p.source.delete("d03.md")
    report = p.run(replace(PARSE, parsers=frozenset({parser})))
    assert read == sorted(p.gets())
    assert report.conservation is not None
    assert len(read) == report.conservation.listed.get("repeated", 0)
    left = ["d00.md", "d01.md", "d02.md", *(["d03.md"] if parser != "markdown" else [])]
    assert [*left, "letter.eml", "letter.eml › note.md"] == served(p)


def test_an_error_is_tried_again_and_other_errors_are_not(slow: tuple[Project, Slow]) -> None:
    p, sandbox = slow
    p.source.write("empty.md", "")
    sandbox.names = frozenset({"d01.md", "d02.md"})
    for _ in range(ATTEMPTS + 1):  # what may pass by itself is tried again without being asked for, a few times
        p.run()
    assert {} == p.gets()
    sandbox.names = frozenset({"d02.md"})
    p.run(TIMEOUTS)
    assert {"d01.md": 1, "d02.md": 1} == p.gets()
    assert {"d02.md": "ParserTimeout", "empty.md": "EmptyDocument"} == {u: q.error for u, q in p.quarantined().items()}
    assert "d01.md" in served(p)


@pytest.mark.parametrize("based", [False, True])
def test_an_error_of_a_generation_that_was_not_released_is_tried_again(slow: tuple[Project, Slow], based: bool) -> None:
    p, sandbox = slow
    if based:
        p.run()
        p.source.write("d01.md", document(1, edition=2))
        p.source.write("letter.eml", LETTER.replace("note says", "other note says"))
    p.source.write("new.md", document(30))
    sandbox.names = frozenset({"d01.md", "new.md", "note.md"})
    for n in range(ATTEMPTS):  # now they are known bad, but not to the base
        p.source.write("other.md", document(40 + n))
        p.run(decide=lambda verdict: False)
    sandbox.names = frozenset()
    report = p.run(TIMEOUTS)
    assert ("promoted", {"d01.md": 1, "letter.eml": 1, "new.md": 1}) == (report.decision, p.gets())
    assert {} == p.quarantined()
    assert {"d01.md", "new.md"} <= set(served(p))


def test_what_failed_inside_a_document_that_is_taken_over_is_counted(tmp_path: Path) -> None:
    p, data = project(tmp_path, documents=2), BytesIO()
    with ZipFile(data, "w") as archive:
        archive.writestr("note.md", document(50))
        archive.writestr("bad.md", b"\x00\x01\x02")
    p.source.write("all.zip", data.getvalue())
    first = p.run(decide=lambda verdict: False)
    p.source.write("other.md", document(40))
    again = p.run()
    assert 1 == sum(first.quarantined_children.values())
    assert (first.quarantined_children, {"other.md": 1}) == (again.quarantined_children, p.gets())


def test_an_error_inside_a_document_counts_as_its_own(slow: tuple[Project, Slow]) -> None:
    p, sandbox = slow
    sandbox.names = frozenset({"note.md"})
    p.run()
    assert 1 == len(p.quarantined())
    sandbox.names = frozenset()
    p.run(TIMEOUTS)
    assert ({"letter.eml": 1}, {}) == (p.gets(), p.quarantined())


def test_a_document_that_fails_when_it_is_forced_keeps_its_last_good_version(slow: tuple[Project, Slow]) -> None:
    p, sandbox = slow
    p.run()
    sandbox.names = frozenset({"d01.md"})
    p.run(PARSE)
    assert {"d01.md"} == set(p.quarantined())
    assert "d01.md" in served(p)


def test_a_plan_counts_what_is_done_again_and_what_it_costs(tmp_path: Path) -> None:
    p = project(tmp_path, documents=4)
    p.run()
    services = p.services()
    nothing, parsing, embedding = (preview(services.bench, services.writer, s) for s in (WHOLE, PARSE, EMBED))
    assert (0, 0, False) == (nothing.bytes_to_fetch, nothing.chunks_to_embed, nothing.needs_generation)
    size = sum(path.stat().st_size for path in p.source.folder.iterdir())
    assert (4, size, True) == (parsing.counts["repeated"], parsing.bytes_to_fetch, parsing.needs_generation)
    chunks = p.manifest().counts["chunks"]
    assert (4, 0, chunks) == (embedding.counts["unchanged"], embedding.bytes_to_fetch, embedding.chunks_to_embed)
    assert embedding.needs_generation
