"""A document that cannot be read costs itself, is tried again a few times, and never hides that the source is ill."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import AccessDenied, ArchivedDocument, IngestError, SourceUnavailable
from ingest.lake.lake import Lake
from ingest.pipeline.fingerprints import ATTEMPTS
from ingest.pipeline.quarantine import Failure, accepted
from ingest.pipeline.scope import Scope
from ingest.records import Decision, DocumentRef, S3Options
from tests.pipelines import Project, document, project
from tests.s3_server import FaultyS3, aws_environment, make_bucket, refuse, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]


def failing(error: IngestError, *paths: str) -> Callable[[DocumentRef], None]:
    def fail(ref: DocumentRef) -> None:
        if not paths or ref.path in paths:
            raise error

    return fail


FAULTS = [
    (AccessDenied("KMS key"), "DeniedDocument"),
    (SourceUnavailable("HTTP 500"), "UnreadableDocument"),
    (ArchivedDocument("in an archive tier"), "ArchivedDocument"),
]


@pytest.mark.parametrize(("error", "name"), FAULTS)
def test_one_document_that_cannot_be_read_is_quarantined_with_its_reason(
    tmp_path: Path, error: IngestError, name: str
) -> None:
    p = project(tmp_path, documents=6)
    p.source.before_read = failing(error, "d02.md")
    report = p.run()
    row = p.quarantined()["d02.md"]
    assert (report.decision, report.quarantined) == ("promoted", {name: 1})
    assert (row.stage, row.error, row.message, row.attempts) == ("read", name, str(error), 1)


def test_the_last_good_version_stays_and_the_new_one_comes_when_it_can_be_read(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.run()
    p.source.write("d02.md", document(2, edition=2))
    p.source.before_read = failing(AccessDenied("no"), "d02.md")
    assert p.run().conservation.documents["kept_last_good"] == 1  # type: ignore[union-attr]
    p.source.before_read = failing(AccessDenied("no"), "none")
    report = p.run()
    assert (report.decision, p.gets(), p.quarantined()) == ("promoted", {"d02.md": 1}, {})
    assert report.conservation is not None
    assert report.conservation.documents.get("kept_last_good", 0) == 0


def test_it_is_tried_again_once_a_run_and_no_more_than_a_few_times(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.source.before_read = failing(ArchivedDocument("archived"), "d02.md")
    decisions, tries = [], []
    for _ in range(ATTEMPTS + 1):
        decisions.append(p.run().decision)
        tries.append((p.gets().get("d02.md", 0), p.quarantined()["d02.md"].attempts))
    assert tries == [*((1, n) for n in range(1, ATTEMPTS + 1)), (0, ATTEMPTS)]
    assert decisions[-1] == "unchanged"
    p.source.write("d02.md", document(2, edition=2))
    p.run()
    assert p.quarantined()["d02.md"].attempts == 1  # other bytes: it begins again


def test_a_run_that_is_not_promoted_counts_as_a_try(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.run()
    p.source.before_read = failing(ArchivedDocument("archived"), "d09.md")
    p.source.write("d09.md", document(9))
    generations = [p.run(decide=lambda verdict: False).generation]
    p.source.write("d10.md", document(10))
    generations.append(p.run(decide=lambda verdict: True).generation)
    assert len(set(generations)) == 2
    assert p.quarantined()["d09.md"].attempts == 2


ILL = pytest.mark.parametrize(
    ("error", "kind"), [(AccessDenied("no"), AccessDenied), (SourceUnavailable("down"), None)]
)
BAD = ("d01.md", "d03.md", "d04.md")


@ILL
def test_a_share_of_such_documents_stops_the_run_and_the_next_one_reads_only_those_again(
    tmp_path: Path, error: IngestError, kind: type[IngestError] | None
) -> None:
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.source.before_read = failing(error, *BAD)
    with pytest.raises(kind or SourceUnavailable, match=r"source docs: 3 of 6 documents.*max_unreadable_share"):
        p.run()
    p.source.before_read = failing(error, "none")
    assert p.run().decision == "promoted"
    assert (p.gets(), p.quarantined()) == (dict.fromkeys(BAD, 1), {})


def test_what_people_accepted_is_asked_once_per_shard_however_many_documents_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[Lake]()

    def told(lake: Lake) -> dict[Failure, Decision]:
        asked.append(lake)
        return accepted(lake)

    monkeypatch.setattr("ingest.pipeline.chunk.accepted", told)
    p = project(tmp_path, documents=30, documents_per_shard=30, max_unreadable_share=1.0)
    p.source.before_read = failing(AccessDenied("no"), *(f"d{n:02d}.md" for n in range(10)))
    p.run(decide=lambda verdict: False)
    assert (len(p.gets()), len(asked)) == (30, 2)  # in the shard, and when all sources are judged


@ILL
def test_an_ill_source_stops_every_run_and_all_comes_once_it_is_healed(
    tmp_path: Path, error: IngestError, kind: type[IngestError] | None
) -> None:
    p = project(tmp_path, documents=6, documents_per_shard=2)
    p.source.before_read = failing(error, *BAD)
    for _ in range(ATTEMPTS + 1):
        with pytest.raises(kind or SourceUnavailable, match=r"source docs: 3 of 6 documents"):
            p.run()
        assert set(BAD) <= set(p.gets())
    p.source.before_read = failing(error, "none")
    assert p.run().decision == "promoted"
    assert (p.gets(), p.quarantined()) == (dict.fromkeys(BAD, 1), {})


def refused_too_often(p: Project) -> None:
    """Run more often than a failure is tried, promote nothing, then heal the source."""
    for n in range(ATTEMPTS + 1):
        p.source.write("other.md", document(20 + n))  # another plan: another generation
        p.run(decide=lambda verdict: False)
    p.source.before_read = lambda ref: None
    p.source.write("other.md", document(19))


def test_an_archived_document_is_read_again_however_many_runs_were_not_promoted(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)
    p.source.before_read = failing(ArchivedDocument("archived"), "d02.md")
    refused_too_often(p)
    assert p.run().decision == "promoted"
    assert (p.gets(), p.quarantined()) == ({"d02.md": 1, "other.md": 1}, {})


@pytest.mark.parametrize("scope", [Scope(), Scope(force=frozenset({"parse"}))])
def test_an_adopted_failure_is_counted_and_a_forced_run_adopts_none(tmp_path: Path, scope: Scope) -> None:
    p = project(tmp_path, documents=6)
    p.source.write("bad.md", "")
    refused_too_often(p)
    report = p.run(scope)
    assert report.quarantined == {"EmptyDocument": 1}
    assert p.gets().get("bad.md", 0) == len(scope.force)


def test_a_source_without_any_readable_document_is_given_up_early(tmp_path: Path) -> None:
    p = project(tmp_path, documents=40, documents_per_shard=100)
    p.source.before_read = failing(AccessDenied("no"))
    with pytest.raises(AccessDenied, match="source docs: 11 of 11 documents"):
        p.run()


def test_a_few_changed_documents_of_a_large_source_are_no_share(tmp_path: Path) -> None:
    p = project(tmp_path, documents=12)
    p.run()
    changed = [f"d{n:02d}.md" for n in range(4)]
    for n, path in enumerate(changed):
        p.source.write(path, document(n, edition=2))
    p.source.before_read = failing(SourceUnavailable("HTTP 500"), *changed)
    report = p.run()
    assert (report.decision, report.quarantined) == ("promoted", {"UnreadableDocument": 4})


@pytest.mark.parametrize("documents_per_shard", [4, 100])
def test_documents_that_could_not_be_read_before_are_no_share_of_what_changed(
    tmp_path: Path, documents_per_shard: int
) -> None:
    p = project(tmp_path, documents=26, documents_per_shard=documents_per_shard, max_unreadable_share=0.5)
    denied = [f"d{n:02d}.md" for n in range(12)]
    p.source.before_read = failing(AccessDenied("no"), *denied)
    p.run()
    p.change(max_unreadable_share=0.05)
    p.source.write("d20.md", document(20, edition=2))
    report = p.run()
    assert (report.decision, report.quarantined) == ("promoted", {"DeniedDocument": 12})
    assert {row.attempts for row in p.quarantined().values()} == {2}


def test_the_share_is_a_setting(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6, max_unreadable_share=0.6)
    p.source.before_read = failing(AccessDenied("no"), "d01.md", "d03.md", "d04.md")
    assert p.run().decision == "promoted"


def test_a_source_that_can_no_longer_be_listed_stops_the_run_at_once(tmp_path: Path) -> None:
    p = project(tmp_path, documents=6)

    def vanish(ref: DocumentRef) -> None:
        p.source.listing_breaks_after = 0
        raise AccessDenied("no")

    p.source.before_read = vanish
    with pytest.raises(AccessDenied, match=r"^no$"):
        p.run()


OBJECT_FAULTS = {
    "kms.md": (refuse("403 Forbidden", "AccessDenied"), "DeniedDocument"),
    "disabled.md": (refuse("400 Bad Request", "KMS.DisabledException"), "UnreadableDocument"),
    "customer.md": (refuse("400 Bad Request", "InvalidRequest"), "UnreadableDocument"),
    "broken.md": (refuse("500 Internal Server Error", "InternalError"), "UnreadableDocument"),
    "archived.md": (refuse("403 Forbidden", "InvalidObjectState"), "ArchivedDocument"),
}


def test_each_fault_of_one_object_in_a_bucket_costs_that_object(
    tmp_path: Path, s3_server: FaultyS3, make_bucket: Callable[..., str]
) -> None:
    from ingest.adapters.s3_client import open_client
    from ingest.adapters.sources import s3

    p, bucket, client = (
        project(tmp_path, documents=6, max_quarantined_share=1),
        make_bucket(),
        open_client(s3_server.options()),
    )
    for n in range(10):
        client.put_object(Bucket=bucket, Key=f"d{n:02d}.md", Body=document(n).encode())
    for path, (fault, _) in OBJECT_FAULTS.items():
        client.put_object(Bucket=bucket, Key=path, Body=document(99).encode())
        s3_server.plan(fault, text=path, times=99)
    client.close()
    options: S3Options = s3_server.options(attempts=1)
    p.sources = (s3.open_source("docs", f"s3://{bucket}", {}, ("public",), "public", options),)  # type: ignore[assignment]
    p.forget = lambda: None  # type: ignore[method-assign]  # a source without counters
    report = p.run()
    assert report.decision == "promoted"
    found = {uri.rpartition("/")[2]: row.error for uri, row in quarantined(p).items()}
    assert found == {path: name for path, (_, name) in OBJECT_FAULTS.items()}


def quarantined(p: Project) -> dict[str, object]:
    from ingest.lake.shard_rows import read_rows

    contents = p.contents()
    return {uri: row for s in contents.shards for uri, row in read_rows(p.lake, contents.parts(s)).quarantine.items()}
