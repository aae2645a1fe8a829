"""Lakes that earlier versions wrote (`tests/data/lake-*`), and what their owner does with them today.

What their tests call of `ingest` is imported here alone, so that a renamed function is renamed in one place.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unicodedata import unidata_version

from typer.testing import CliRunner

from ingest import pipeline
from ingest.adapters.s3_client import open_client
from ingest.adapters.vectors.qdrant.qdrant_index import QdrantIndex
from ingest.cli.main import app
from ingest.documents import chunking, media_types, parsers, screening
from ingest.extras import installed_version
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.lake.rows import document_rows, quarantine_rows
from ingest.lake.stored_records import from_bytes
from ingest.pipeline import promotion
from ingest.pipeline.changes import Scope
from ingest.pipeline.collections import releases_of
from ingest.pipeline.seal import generation_digest
from ingest.records import (
    Claim,
    Filter,
    Lease,
    Manifest,
    Marker,
    PlanSummary,
    QueryProfile,
    Record,
    Release,
    Result,
    RunReport,
    SegmentEntry,
    ShardPlan,
    Verdict,
)
from ingest.release import Releases
from ingest.search import Searcher, open_release, open_serving
from ingest.services import Services
from ingest.settings import load_settings
from ingest.wiring import service_opening as wiring
from tests.fakes import inline_executor
from tests.s3_server import FaultyS3
from tests.vector_indexes import in_memory_index

LAKES = Path(__file__).parent / "data"
INDEX = "handbook"
BUCKET = "reading-room"  # of the documents; the lake names them s3://reading-room/…
RECORDS: dict[str, type[Record]] = {
    r"\w+/generations/\d+\.json": Claim,
    r"\w+/generations/[^/]+/plan/summary\.json": PlanSummary,
    r"\w+/generations/[^/]+/plan/\d+-\w+\.json": ShardPlan,
    r"\w+/generations/[^/]+/markers/\w+/\d+-\w+\.json": Marker,
    r"\w+/generations/[^/]+/manifest\.json": Manifest,
    r"\w+/profiles/\w+\.json": QueryProfile,
    r"\w+/verdicts/\w+\.json": Verdict,
    r"\w+/releases/\d+\.json": Release,
    r"\w+/leases/builder/\d+\.json": Lease,
    r"\w+/history/[^/]+\.json": RunReport,
    r"embeddings/\w+/index/\d+\.json": SegmentEntry,
}
"""Path below the lake → what is stored there."""


# The machine


class KeptIndex(QdrantIndex):
    """An index in this process that outlives the command that used it, as a server does."""

    def close(self) -> None:
        """Stay open."""


@contextmanager
def in_memory_vectors() -> Iterator[None]:
    """Give every `Services` that is opened meanwhile one vector index in this process, which is empty at first."""
    index, original = in_memory_index(KeptIndex), wiring.open_vectors
    wiring.open_vectors = lambda settings: index
    try:
        yield
    finally:
        wiring.open_vectors = original
        QdrantIndex.close(index)


@contextmanager
def opened(folder: Path) -> Iterator[Services]:
    """Yield the services of the settings file in a folder, as the command line opens them."""
    services = wiring.open_services(load_settings(folder / "ingest.yaml"))
    try:
        yield services
    finally:
        services.bench.close()


@dataclass(frozen=True)
class Bucket:
    """The bucket with the documents, on a server on loopback."""

    server: FaultyS3
    client: Any

    def fill(self, folder: Path) -> None:
        """Upload every file below a folder under its path."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def put(self, key: str, data: bytes) -> None:
        """Write a document."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def delete(self, key: str) -> None:
        """Delete a document."""
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def stored(self) -> list[str]:
        """Return the keys of all documents, sorted."""
        return sorted(item["Key"] for item in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))

    def reads(self) -> list[str]:
        """Return the keys of the documents that were fetched since the server's requests were forgotten, sorted."""
        start = f"/{BUCKET}/"
        gets = (request.target for request in self.server.requests if request.method == "GET")
        return sorted(target.removeprefix(start) for target in gets if target.startswith(start) and "?" not in target)


@contextmanager
def open_bucket(server: FaultyS3) -> Iterator[Bucket]:
    """Make the bucket, empty, and remove it with all that is in it at the end."""
    with closing(open_client(server.options())) as client:
        client.create_bucket(Bucket=BUCKET)
        bucket = Bucket(server, client)
        try:
            yield bucket
        finally:
            for key in bucket.stored():
                bucket.delete(key)
            client.delete_bucket(Bucket=BUCKET)


# What the owner of a lake does


def copy_of(name: str, folder: Path) -> Path:
    """Copy a lake with its settings and judged questions into a folder and return that."""
    shutil.copytree(LAKES / name, folder, ignore=shutil.ignore_patterns("documents", "first-edition"))
    return folder


def command_line(folder: Path, *arguments: str) -> Any:
    """Run a command in a folder and return the JSON document that it prints."""
    result = CliRunner().invoke(app, ["-f", str(folder / "ingest.yaml"), "--json", *arguments])
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def run(services: Services) -> RunReport:
    """Build, judge and promote, as `ingest run` does."""
    return pipeline.run(services, Scope(), inline_executor(services), lambda verdict: True)


def roll_back(services: Services, to: int, why: str) -> Release:
    """Bring a release back, as `ingest rollback` does."""
    return promotion.Promotion(services.retrieval, services.bench.options, releases(services)).roll_back(to, why)


def heal(services: Services) -> Release | None:
    """Bring the vector index to what the lake says, as every command does that writes."""
    return releases(services).heal()


def releases(services: Services) -> Releases:
    """Return the releases of the settings' index."""
    return releases_of(services.retrieval, services.bench.options, services.writer)


def serving(services: Services) -> Searcher:
    """Return a searcher on the release in force, as `ingest search` opens it."""
    return open_serving(services.retrieval)


def searcher(services: Services, number: int) -> Searcher:
    """Return a searcher on one release, whose collection is restored from the lake when it is gone."""
    lake = lake_of(services)
    release = lake.releases.get(number)
    assert release is not None
    releases(services).restore(release.generation)
    return open_release(services.retrieval, release)


def ask(searcher: Searcher, question: str, groups: Sequence[str] = ("public",)) -> list[Result]:
    """Return the results for one question, best first, that members of some groups may see."""
    (answer,) = searcher.search([question], Filter(acl=tuple(groups)), top=5, stages=(searcher.stages[-1],))
    return answer.results


# What a lake holds


def lake_of(services: Services) -> Lake:
    """Return the lake of the settings' index."""
    return services.bench.lake


def manifest(services: Services, release: int) -> Manifest:
    """Return the manifest of a release's generation."""
    lake = lake_of(services)
    record = lake.releases.get(release)
    assert record is not None
    found = lake.manifest(record.generation)
    assert found is not None
    return found


@dataclass
class Holding:
    """What a generation's part files say."""

    documents: set[str] = field(default_factory=set)  # paths
    quarantined: dict[str, str] = field(default_factory=dict)  # URI → class of the error
    rows: Counter[str] = field(default_factory=Counter)  # by kind of part


def holding(services: Services, release: int) -> Holding:
    """Read every part file of a release's generation."""
    lake, found = lake_of(services), Holding()
    for part in manifest(services, release).parts:
        table = lake.read(part)
        assert part.rows == table.num_rows
        found.rows[part.kind] += part.rows
        if part.kind == "documents":
            found.documents |= {row.path for row in document_rows(table)}
        if part.kind == "quarantine":
            found.quarantined |= {row.uri: row.error for row in quarantine_rows(table)}
    return found


def digest(services: Services, release: int) -> str:
    """Return the digest of a release's generation, computed anew from its part files."""
    return generation_digest(contents_of(lake_of(services), manifest(services, release)))


def read_records(folder: Path) -> Iterator[Record]:
    """Read every JSON file of a lake with the class of its place. Raises: SchemaMismatch, LookupError."""
    for path in sorted((folder / "lake").rglob("*.json")):
        place = path.relative_to(folder / "lake").as_posix()
        models = [model for pattern, model in RECORDS.items() if re.fullmatch(pattern, place)]
        if len(models) != 1:
            raise LookupError(f"{place}: one record class expected, found {models}")
        yield from_bytes(models[0], path.read_bytes(), place)


# The code that wrote a lake


def parsing_versions() -> dict[str, Any]:
    """Return what a document's text depends on besides its bytes and its source's options."""
    modules = {name: parsers.find(media_type) for media_type, name in parsers.media_types().items()}
    found: dict[str, Any] = {"media types": [media_types.VERSION, version("filetype")]}
    for name, module in modules.items():
        libraries = {library: installed_version(library) for library in getattr(module, "LIBRARIES", ())}
        found[name] = [module.VERSION, libraries, module.variant() if hasattr(module, "variant") else ""]
    return found


def cutting_versions() -> dict[str, Any]:
    """Return what chunks and their marks depend on besides texts and options."""
    libraries = {library: version(library) for library in ("sentencex", "regex", "detect-secrets")}
    return {"chunking": chunking.VERSION, "screening": screening.VERSION, "unicode": unidata_version, **libraries}


def code_versions() -> dict[str, Any]:
    """Return the versions that decide what a run makes of unchanged documents."""
    return {"parsing": parsing_versions(), "cutting": cutting_versions()}


def changed_since(name: str) -> set[str]:
    """Return which of "parsing" and "cutting" have other versions than when a lake was written."""
    written: dict[str, Any] = json.loads((LAKES / name / "written-by.json").read_text(encoding="utf-8"))["code"]
    now = code_versions()
    parsing = now["parsing"]
    for parser, (_, libraries, *_) in written["parsing"].items():
        if parser in parsing and isinstance(libraries, dict):  # a library that went under the same VERSION is no change
            used = parsing[parser][1]
            libraries.update({library: libraries.get(library, "") for library in used})
            for library in libraries.keys() - used.keys():
                del libraries[library]
    now["parsing"] = {parser: parsing[parser] for parser in written["parsing"]}  # a new parser reads what none read
    return {part for part in now if written[part] != now[part]}
