"""Files of a folder that the kernel refuses to read, for want of a right or because reading fails."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ingest.adapters.sources.file import open_source
from ingest.errors import IngestError
from ingest.ports import Source
from ingest.records import DocumentRef, RawDocument, S3Options
from tests.pipelines import MEBI, CountingSource, Project, document, project

NOBODY = 65534
QUIET = ("task/**", "net/**", "fd/**", "map_files/**")


@dataclass
class ReadByNobody:
    """A source whose every read is made by a process that has given up the rights of a superuser."""

    inner: Source

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def uri(self) -> str:
        return self.inner.uri

    def list(self) -> Iterator[DocumentRef]:
        return self.inner.list()

    def read(self, ref: DocumentRef) -> RawDocument | None:
        context = get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=self._answer, args=(theirs, ref))
        child.start()
        theirs.close()
        answer = ours.recv()
        child.join()
        if isinstance(answer, IngestError):
            raise answer
        return answer

    def _answer(self, pipe: Connection, ref: DocumentRef) -> None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        try:
            pipe.send(self.inner.read(ref))
        except IngestError as error:
            pipe.send(error)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read; those of pytest are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def failing_device() -> CountingSource:
    """Return a folder with one file that is listed and fails when it is read: nothing is at address 0 of a process."""
    found = CountingSource("device", Path(f"/proc/{os.getpid()}"))
    options = {"max_document_bytes": MEBI, "include": ["mem"], "exclude": QUIET}
    found.inner = open_source("device", str(found.folder), options, ("public",), "public", S3Options())
    return found


def end(p: Project) -> tuple[str, dict[str, int], set[str], int]:
    report = p.run()
    names = {Path(path).name for path in p.quarantined()}
    return report.decision, dict(report.quarantined), names, p.manifest().counts["documents"]


def test_a_file_that_may_not_be_read_costs_itself_until_it_may_be_read(open_folder: Path) -> None:
    p = project(open_folder, documents=6)
    p.source.inner = ReadByNobody(p.source.inner)
    p.source.folder.chmod(0o755)
    closed = p.source.folder / "d02.md"
    closed.chmod(0)
    assert ("promoted", {"DeniedDocument": 1}, {"d02.md"}, 5) == end(p)
    assert "this user may not read" in p.quarantined()["d02.md"].message
    closed.chmod(0o644)
    assert ("promoted", {}, set(), 6) == end(p)


def test_a_new_version_that_may_not_be_read_keeps_the_last_good_one(open_folder: Path) -> None:
    p = project(open_folder, documents=6)
    p.source.inner = ReadByNobody(p.source.inner)
    p.source.folder.chmod(0o755)
    p.run()
    p.source.write("d02.md", document(2, edition=2))
    (p.source.folder / "d02.md").chmod(0)
    assert ("promoted", {"DeniedDocument": 1}, {"d02.md"}, 6) == end(p)


def test_a_file_on_which_reading_fails_costs_itself(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.sources = (p.source, failing_device())
    report = p.run()
    assert ("promoted", 6) == (report.decision, p.manifest().counts["documents"])
    (row,) = p.quarantined().values()
    assert ("read", "UnreadableDocument") == (row.stage, row.error)
    assert "Input/output error" in row.message
