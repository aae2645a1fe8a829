"""A lake that an earlier version wrote is opened, searched, built upon and rolled back by this one."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import SchemaMismatch
from ingest.services import Services
from tests import earlier_lakes
from tests.earlier_lakes import Bucket, ask, changed_since, command_line, holding, manifest

SATURDAY, PIPE, GLOBE, CAT = (
    "when does the door open on Saturday",
    "who replaces the frozen pipe with copper",
    "may the globe be lifted",
    "the name of the cat that whoever locks up feeds",
)
ADDED = b"\n## Zeppelins\n\nA zeppelin is lent for one evening, and only to people with dry hands.\n"
DELETED = "frozen-pipe.md"
INSIDE = {"forms.zip › donations.html", "forms.zip › membership.md", "newsletter.eml › programme.md"}


@pytest.fixture
def services(folder: Path) -> Iterator[Services]:
    with earlier_lakes.opened(folder) as opened:
        yield opened


def test_both_releases_answer_from_collections_restored_from_the_lake(services: Services) -> None:
    first, second = (earlier_lakes.searcher(services, number) for number in (1, 2))
    assert "at ten in the morning" in ask(first, SATURDAY)[0].text
    assert "at nine in the morning" in ask(second, SATURDAY)[0].text
    assert "promised to replace it with copper" in ask(first, PIPE)[0].text
    assert DELETED not in {result.path for result in ask(second, PIPE)}
    for searcher in (first, second):
        assert ("Rooms for hire", "The map room") == ask(searcher, GLOBE)[0].heading_path
        assert "duties.txt" == ask(searcher, CAT, groups=("staff",))[0].path
        assert "duties.txt" not in {result.path for result in ask(searcher, CAT)}


def test_the_newest_release_serves_again_once_the_index_is_healed(services: Services) -> None:
    healed = earlier_lakes.heal(services)
    assert (3, "restore", manifest(services, 2).generation) == (healed.number, healed.action, healed.generation)
    assert "at nine in the morning" in ask(earlier_lakes.serving(services), SATURDAY)[0].text


def test_a_run_on_unchanged_documents_reads_none_and_changes_nothing(
    services: Services, bucket: Bucket, name: str
) -> None:
    changed = changed_since(name)
    report = earlier_lakes.run(services)
    retried = ["public/damaged.pdf"] if changed else []  # what failed is tried again by other code
    assert (bucket.stored() if "parsing" in changed else retried) == bucket.reads()
    assert bool(changed) == report.built
    assert ("unchanged" if not changed else "promoted") == report.decision
    assert () == report.conservation.faults
    assert len(bucket.stored()) == report.plan.counts["listed"]


def test_a_run_on_one_changed_document_reads_it_alone_and_carries_the_rest(
    services: Services, bucket: Bucket, name: str
) -> None:
    earlier_lakes.run(services)  # first whatever newer parsers or another chunker ask for
    before = manifest(services, earlier_lakes.lake_of(services).releases.last())
    lending = (earlier_lakes.LAKES / name / "documents/public/lending.md").read_bytes()
    bucket.put("public/lending.md", lending + ADDED)
    bucket.server.forget()
    report = earlier_lakes.run(services)
    assert ["public/lending.md"] == bucket.reads()
    assert (1, len(bucket.stored()) - 2, 1) == tuple(
        report.plan.counts[c] for c in ("changed", "unchanged", "known_bad")
    )
    assert ("promoted", ()) == (report.decision, report.conservation.faults)
    assert "zeppelin" in ask(earlier_lakes.serving(services), "how long is a zeppelin lent")[0].text
    assert "at nine in the morning" in ask(earlier_lakes.serving(services), SATURDAY)[0].text
    made = set(manifest(services, report.release).parts) - set(before.parts)
    assert 1 == len({part.shard for part in made if part.shard is not None})


def test_a_rollback_brings_the_first_release_back_and_holds(services: Services) -> None:
    release = earlier_lakes.roll_back(services, 1, "the pipe is still frozen")
    assert ("rollback", manifest(services, 1).generation) == (release.action, release.generation)
    assert "the pipe is still frozen" == release.hold.why
    searcher = earlier_lakes.serving(services)
    assert "at ten in the morning" in ask(searcher, SATURDAY)[0].text
    assert "promised to replace it with copper" in ask(searcher, PIPE)[0].text


def test_every_record_and_every_part_file_is_read(services: Services, folder: Path) -> None:
    read = Counter(type(record).__name__ for record in earlier_lakes.read_records(folder))
    assert {model.__name__ for model in earlier_lakes.RECORDS.values()} == set(read)
    assert {2} == {read[kind] for kind in ("Claim", "PlanSummary", "Manifest", "Verdict", "Release", "RunReport")}
    first, second = holding(services, 1), holding(services, 2)
    assert {DELETED} == first.documents - second.documents
    assert INSIDE <= second.documents
    for held in (first, second):
        assert {"s3://reading-room/public/damaged.pdf": "MalformedDocument"} == held.quarantined
        assert 1 == held.rows["dropped"]
        assert held.rows["chunks"] == held.rows["attributes"]


def test_the_rows_still_give_the_digests_of_the_manifests(services: Services) -> None:
    digests = [manifest(services, release).digest for release in (1, 2)]
    assert digests == [earlier_lakes.digest(services, release) for release in (1, 2)]


def test_a_record_that_no_class_reads_is_noticed(folder: Path) -> None:
    (profile,) = (folder / "lake" / earlier_lakes.INDEX / "profiles").iterdir()
    profile.write_text(profile.read_text().replace('"depth"', '"deepness"'))
    with pytest.raises(SchemaMismatch, match="not a QueryProfile: deepness"):
        list(earlier_lakes.read_records(folder))


def test_the_command_line_plans_runs_searches_and_rolls_back(folder: Path, name: str) -> None:
    changed = changed_since(name)
    plan = command_line(folder, "plan")
    run = command_line(folder, "run")
    assert (bool(changed), bool(changed)) == (plan["needs_generation"], run["built"])
    assert "at nine in the morning" in command_line(folder, "search", SATURDAY)["results"][0]["text"]
    release = command_line(folder, "rollback", "--to", "1", "--why", "the pipe is still frozen")["release"]
    assert "at ten in the morning" in command_line(folder, "search", SATURDAY)["results"][0]["text"]
    assert release == command_line(folder, "status")["release"]
    states = {line["id"]: line["state"] for line in command_line(folder, "generations")["generations"]}
    assert "serving" == states[release["generation"]]
