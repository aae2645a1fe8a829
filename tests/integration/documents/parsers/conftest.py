"""Real files, each parsed once per run of the suite, whichever test and whichever process of the run asks first."""

import fcntl
import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.errors import DocumentError
from ingest.records import Document, RawDocument
from tests.unit.documents.parsers.checks import raw

Read = Callable[[Path], Document | DocumentError]


@dataclass(frozen=True)
class ParsedOnce:
    """Processes that parse under the default limits, and keep what they made for the other processes of the run."""

    inner: PoolSandbox
    folder: Path

    def parse(self, raw: RawDocument) -> Document:
        """Return what was made of a file, by this process or another; whoever asks meanwhile waits."""
        key = hashlib.sha256(f"{raw.ref.path}\0{raw.media_type}\0".encode() + raw.data).hexdigest()
        with (self.folder / key).open("a+b") as kept:
            fcntl.flock(kept, fcntl.LOCK_EX)
            kept.seek(0)
            found: Document | DocumentError = pickle.loads(told) if (told := kept.read()) else self._parsed(raw)
            if not told:
                kept.write(pickle.dumps(found))
        if isinstance(found, DocumentError):
            raise found
        return found

    def _parsed(self, raw: RawDocument) -> Document | DocumentError:
        try:
            return self.inner.parse(raw)
        except DocumentError as error:
            return error


@pytest.fixture(scope="module")
def corpora() -> Path:
    """The folder of real files that INGEST_TEST_DATA names."""
    place = os.environ.get("INGEST_TEST_DATA")
    if not place:
        pytest.skip("INGEST_TEST_DATA is not set: no real files to parse")
    return Path(place) / "corpora"


@pytest.fixture(scope="package")
def parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParsedOnce]:
    """Parse real files once per run: the folder of what was made is shared by all processes of the run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "parsed-once"
    folder.mkdir(exist_ok=True)
    sandbox = PoolSandbox(processes=2)
    yield ParsedOnce(sandbox, folder)
    sandbox.close()


@pytest.fixture(scope="module")
def read(corpora: Path, parsed_once: ParsedOnce) -> Read:
    """Return what reads a real file below the corpora: a document, or why it was refused."""

    def document(path: Path) -> Document | DocumentError:
        try:
            return parsed_once.parse(raw(path.read_bytes(), str(path.relative_to(corpora))))
        except DocumentError as error:
            return error

    return document
