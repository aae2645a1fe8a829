"""A missing extra is a fault of the installation: the run stops, says what to install, and blames no document."""

import shutil
from pathlib import Path

import pytest

from ingest.errors import InvalidSettings
from ingest.pipeline.changes import Scope
from ingest.pipeline.plan import preview
from tests.fakes import uninstall
from tests.pipelines import Project, project
from tests.unit.documents.parsers.pdf_files import build, text

PDF = build([text(72, 700, "Pressure drops in the northern valve")])
NEEDED = r"^application/pdf needs pypdfium2, not installed here: pip install 'ingest\[pdf\]'$"


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project that serves three Markdown documents and knows of no PDF yet."""
    made = project(tmp_path, documents=3)
    made.run()
    return made


def nothing_happened(p: Project, generations: set[str]) -> bool:
    """Tell whether no generation was begun, no document was fetched and the one release stands."""
    return set(p.store.list("indexes/docs/generations")) == generations and p.gets() == {}


def test_a_listed_document_whose_parser_lacks_its_library_stops_the_run_at_plan(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(p.store.list("indexes/docs/generations"))
    p.source.write("valve.pdf", PDF)
    uninstall(monkeypatch, "pypdfium2")
    with pytest.raises(InvalidSettings, match=NEEDED):
        preview(p.services().bench, p.services().writer, Scope())
    with pytest.raises(InvalidSettings, match=NEEDED):
        p.run()
    assert nothing_happened(p, before)


def test_all_extras_that_are_needed_are_named_at_once(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    p.source.write("valve.pdf", PDF)
    p.source.write("valve.msg", b"\xd0\xcf\x11\xe0")
    uninstall(monkeypatch, "pypdfium2", "python-oxmsg")
    with pytest.raises(InvalidSettings, match=r"ms-outlook needs python-oxmsg, .*\[office\].*; application/pdf needs"):
        p.run()


def test_a_document_that_hides_its_type_stops_the_run_when_it_is_read_and_is_not_quarantined(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = p.manifest()
    p.source.write("valve", PDF)  # no extension: listed as plain text
    uninstall(monkeypatch, "pypdfium2")
    with pytest.raises(InvalidSettings, match=f"^valve: {NEEDED[1:]}"):
        p.run()
    assert p.manifest() == serving
    monkeypatch.undo()
    report = p.run()
    assert (report.quarantined, report.conservation.documents if report.conservation else {}) == ({}, {"indexed": 4})


def test_a_document_inside_another_one_stops_the_run_too(
    p: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "valve.pdf").write_bytes(PDF)
    p.source.write("all.zip", Path(shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "inside")).read_bytes())
    uninstall(monkeypatch, "pypdfium2")
    with pytest.raises(InvalidSettings, match=rf"^valve\.pdf: {NEEDED[1:]}"):
        p.run()


def test_what_a_scope_leaves_out_needs_no_extra(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    p.source.write("scans/valve.pdf", PDF)
    uninstall(monkeypatch, "pypdfium2")
    p.source.write("d00.md", "# Other words")
    assert p.run(Scope(prefixes=(f"{p.source.uri}/d",))).built


def test_an_unused_missing_extra_changes_no_fingerprint_and_reads_nothing_again(
    p: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    uninstall(monkeypatch, "pypdfium2", "python-oxmsg")
    report = p.run()
    assert (report.built, report.decision, p.gets()) == (False, "unchanged", {})
