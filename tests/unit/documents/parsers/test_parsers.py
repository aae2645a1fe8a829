import subprocess
import sys
from pathlib import Path

import pytest

from ingest import extras
from ingest.documents import parsers
from ingest.errors import InvalidSettings, UnsupportedFormat
from tests.fakes import uninstall
from tests.many_parsers import registering


@pytest.fixture
def register(monkeypatch):
    """Return a function that registers third-party parsers for one test."""
    with registering(monkeypatch) as register:
        yield register


def test_a_file_or_folder_registers_a_parser_by_its_name_and_parts_of_parsers_are_none():
    folder = Path(parsers.__file__).parent
    found = {path.stem for path in [*folder.glob("[!_]*.py"), *folder.glob("[!_]*/")]}
    assert parsers.names() == tuple(sorted(found))
    assert {"docx", "eml", "html", "markdown", "pdf", "xlsx"} < found


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("text/markdown", "markdown"),
        ("text/mdx", "markdown"),
        ("text/x-rst", "rst"),
        ("text/html", "html"),
        ("application/xhtml+xml", "html"),
        ("text/plain", "plain"),
    ],
)
def test_a_media_type_finds_its_parser(media_type, name):
    assert parsers.find(media_type).__name__ == f"ingest.documents.parsers.{name}"


def test_an_unknown_media_type_is_named_with_the_document():
    with pytest.raises(UnsupportedFormat, match=r"docs/a\.png: no parser reads image/png; known: .*text/markdown"):
        parsers.find("image/png", "docs/a.png")


def test_a_third_party_parser_is_found_by_its_entry_point(register):
    before = {name: parsers.fingerprint(name) for name in parsers.names()}
    module = register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=print)
    assert parsers.find("text/x-org") is module
    assert before == {name: parsers.fingerprint(name) for name in parsers.names() if name != "org"}
    assert parsers.fingerprint("org") not in before.values()


def test_two_parsers_for_one_media_type_are_invalid_settings(register):
    register("other", MEDIA_TYPES=("text/html",), VERSION="1", parse=print)
    with pytest.raises(InvalidSettings, match="html and other both claim text/html"):
        parsers.find("text/plain")


def test_a_second_parser_of_one_name_is_invalid_settings(register):
    register("html", MEDIA_TYPES=("text/x",), VERSION="1", parse=print)
    with pytest.raises(InvalidSettings, match=r"third\.html and ingest\.documents\.parsers\.html"):
        parsers.names()


def test_a_registered_module_that_is_no_parser_is_invalid_settings(register):
    register("half", MEDIA_TYPES=("text/x",))
    with pytest.raises(InvalidSettings, match=r"third\.half is no parser: it lacks VERSION, parse"):
        parsers.names()


@pytest.mark.parametrize(
    ("name", "value"),
    [("VERSION", "next"), ("LIBRARIES", ()), ("LIBRARIES", ("lxml",)), ("variant", lambda: "another model")],
)
def test_a_fingerprint_changes_with_its_own_parser(monkeypatch, name, value):
    before = {parser: parsers.fingerprint(parser) for parser in parsers.names()}
    monkeypatch.setattr(parsers.find("text/html"), name, value, raising=False)
    after = {parser: parsers.fingerprint(parser) for parser in parsers.names()}
    assert {"html"} == {parser for parser in before if before[parser] != after[parser]}


def test_a_fingerprint_changes_with_the_parsers_libraries_alone(monkeypatch):
    before = {parser: parsers.fingerprint(parser) for parser in parsers.names()}
    installed = extras.version
    monkeypatch.setattr(extras, "version", lambda library: "0" if library == "lxml" else installed(library))
    changed = {parser for parser in before if before[parser] != parsers.fingerprint(parser)}
    assert {parser for parser in before if "lxml" in parsers.state(parser)[2]} == changed
    assert {"docx", "html"} <= changed


def test_a_missing_library_is_no_fault_and_another_fingerprint_of_its_own_parser(monkeypatch):
    before = {parser: parsers.fingerprint(parser) for parser in parsers.names()}
    uninstall(monkeypatch, "pypdfium2")
    assert {"pypdfium2": ""} == parsers.state("pdf")[2]
    assert {"pdf"} == {parser for parser in before if before[parser] != parsers.fingerprint(parser)}


def test_a_media_type_more_is_nothing_to_documents_that_a_parser_read(monkeypatch):
    before = parsers.fingerprint("plain")
    monkeypatch.setattr(parsers.find("text/plain"), "MEDIA_TYPES", ("text/plain", "text/x-more"))
    assert before == parsers.fingerprint("plain")


def test_a_name_without_a_parser_has_no_state():
    assert [] == parsers.state("nobody")


def test_fingerprints_are_taken_without_importing_heavy_libraries():
    code = (
        "import sys; from ingest.documents import parsers; [*map(parsers.fingerprint, parsers.names())]; "
        "sys.exit(','.join({'spacy', 'unstructured', 'lxml', 'docutils', 'pyromark'} & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
