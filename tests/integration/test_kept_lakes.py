"""A lake that any version since the first of them wrote is opened, healed, searched, built upon and rolled back."""

import pytest

from ingest.pipeline.collections import releases_of
from ingest.records import Filter
from ingest.search import open_serving
from tests import kept_lakes
from tests.kept_lakes import DATA
from tests.pipelines import Project, document

NAMES = sorted(path.stem.removeprefix("kept-") for path in DATA.glob("kept-*.zip"))


def found(made: Project, question: str) -> list[str]:
    """Return the paths of the documents that answer a question, best first."""
    (answer,) = open_serving(made.retrieval()).search([question], Filter(), top=20, stages=("fused",))
    return list(dict.fromkeys(result.path for result in answer.results))


def test_there_is_a_lake_of_this_version() -> None:
    assert NAMES, "python -m tests.kept_lakes writes one"


@pytest.mark.parametrize("name", NAMES)
def test_a_lake_of_an_earlier_version_goes_on(name: str) -> None:
    made = kept_lakes.kept(name)
    services = made.services()
    healed = releases_of(services.retrieval, made.options, services.writer).heal()
    assert "the second edition is wrong" == healed.hold.why
    assert "d01.md" == found(made, "word1x0x1 word1x0x2 edition 1")[0]
    assert "d04.md" not in found(made, "word4x0x1 word4x0x2"), "it was revoked"

    report = made.run()
    reread = set(made.gets())  # by newer code: what had changed before the rollback, and what failed
    assert reread in (set(), {"d01.md", "empty.md"})
    assert (0, ()) == (report.embedded, report.conservation.faults)
    assert {"EmptyDocument": 1} == report.in_quarantine[0].counts
    accepted = ["known to be empty"] if not reread else []  # until the code changes
    assert accepted == [why.partition(": ")[2] for why in report.in_quarantine[0].accepted.values()]

    made.sources[0].documents["d02.md"] = document(2, edition=3)
    report = made.run()
    assert ({"d02.md": 1}, ()) == (made.gets(), report.conservation.faults)
    assert (True, "waiting") == (report.built, report.decision), "the rollback of that time holds"
    assert "d04.md" not in found(made, "word4x0x1 word4x0x2")
