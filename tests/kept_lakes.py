"""Lakes that versions since the first of them wrote, one file each: `python -m tests.kept_lakes <name>` writes today's.

A project is built in two editions, judged, rolled back, and its people decide. All values of its lake are kept in
`tests/data/kept-<name>.zip`. A file that is there is never written again: no later code makes the same bytes. Documents
have URIs that tell of no machine, and so the lake can go on in any folder.
"""

import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ingest.ids import sha256_hex
from ingest.pipeline.collections import releases_of
from ingest.pipeline.document_acts import DocumentActs
from ingest.pipeline.promotion import Promotion
from ingest.pipeline.revoking import revoke
from ingest.records import DocumentRef, RawDocument
from tests.fakes import InMemoryStore
from tests.pipelines import Project, build_options, document

DATA = Path(__file__).parent / "data"
DOCUMENTS = 5


class Shelf:
    """A source in memory, whose URIs are the same everywhere."""

    name, uri = "docs", "shelf://docs"

    def __init__(self) -> None:
        self.documents = {f"d{n:02d}.md": document(n) for n in range(DOCUMENTS)} | {"empty.md": " \n"}
        self.gets: Counter[str] = Counter()

    def list(self) -> Iterator[DocumentRef]:
        for path, text in self.documents.items():
            version = sha256_hex(text.encode())[:16]
            yield DocumentRef(f"{self.uri}/{path}", self.name, path, version, len(text.encode()))

    def read(self, ref: DocumentRef) -> RawDocument:
        self.gets[ref.path] += 1
        return RawDocument(ref, self.documents[ref.path].encode())


def new_project() -> Project:
    """Return a project over a shelf, with nothing built; what newer code would make otherwise stays."""
    options = build_options(documents_per_shard=3, on_upgrade="keep", max_deleted_share=1.0)
    return Project((Shelf(),), options=options)  # type: ignore[arg-type]


def second_edition(shelf: Shelf) -> None:
    """Change a document."""
    shelf.documents["d01.md"] = document(1, edition=2)


def lived() -> Project:
    """Return a project with two generations, a rollback, and decisions."""
    made = new_project()
    made.run()
    second_edition(made.sources[0])  # type: ignore[arg-type]
    made.run()
    services = made.services()
    DocumentActs(services).accept(why="known to be empty")
    revoke(services.retrieval, services.writer, "asked for", {"uri": ("shelf://docs/d04.md",)})
    go_back(made, "the second edition is wrong")
    return made


def go_back(made: Project, why: str) -> None:
    """Roll back to the release before."""
    services = made.services()
    releases = releases_of(services.retrieval, made.options, services.writer)
    Promotion(services.retrieval, made.options, releases).roll_back(None, why)


def kept(name: str) -> Project:
    """Return the project of a kept lake, on a machine whose vector index is empty."""
    made = new_project()
    second_edition(made.sources[0])  # type: ignore[arg-type]
    with zipfile.ZipFile(DATA / f"kept-{name}.zip") as file:
        made.store = InMemoryStore({entry: file.read(entry) for entry in file.namelist()})
    for _ in range(1000):  # tokens of that time are not given again
        next(made._tokens)
    return made


def main() -> None:
    """Write the lake of today's version."""
    place = DATA / f"kept-{sys.argv[1]}.zip"
    if place.exists():
        sys.exit(f"{place} is there: an earlier version wrote it, and it stays as it is")
    made = lived()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        for key, value in sorted(made.store.values.items()):  # type: ignore[attr-defined]
            file.writestr(zipfile.ZipInfo(key, (2026, 1, 5, 2, 0, 0)), value, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
