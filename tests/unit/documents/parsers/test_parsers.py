import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ingest.documents import parsers
from ingest.errors import InvalidSettings, UnsupportedFormat


@pytest.fixture
def register(monkeypatch):
    """Return a function that registers third-party parsers for one test."""

    def clear():
        parsers._modules.cache_clear()
        parsers.media_types.cache_clear()

    def add(name, **attributes):
        module = ModuleType(name)
        module.__dict__.update(attributes)
        entry = SimpleNamespace(name=name, value=f"third.{name}", load=lambda: module)
        monkeypatch.setattr(parsers, "entry_points", lambda group: [entry] if group == "ingest.parsers" else [])
        clear()
        return module

    yield add
    clear()


def test_the_file_name_registers_a_parser_and_helpers_are_none():
    folder = Path(parsers.__file__).parent
    files = sorted(path.stem for path in folder.glob("[!_]*.py"))
    assert parsers.names() == tuple(files)
    assert {"docx", "eml", "html", "markdown", "pdf", "xlsx"} < set(files)


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
    before = parsers.fingerprint()
    module = register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=print)
    assert parsers.find("text/x-org") is module
    assert parsers.fingerprint() != before


def test_two_parsers_for_one_media_type_are_invalid_settings(register):
    register("other", MEDIA_TYPES=("text/html",), VERSION="1", parse=print)
    with pytest.raises(InvalidSettings, match="html and other both claim text/html"):
        parsers.find("text/plain")


def test_a_second_parser_of_one_name_is_invalid_settings(register):
    register("html", MEDIA_TYPES=("text/x",), VERSION="1", parse=print)
    with pytest.raises(InvalidSettings, match=r"third\.html and ingest\.parsers\.html"):
        parsers.names()


def test_a_registered_module_that_is_no_parser_is_invalid_settings(register):
    register("half", MEDIA_TYPES=("text/x",))
    with pytest.raises(InvalidSettings, match=r"third\.half is no parser: it lacks VERSION, parse"):
        parsers.names()


@pytest.mark.parametrize("name", ["VERSION", "MEDIA_TYPES"])
def test_the_fingerprint_changes_with_a_parser(monkeypatch, name):
    before = parsers.fingerprint()
    monkeypatch.setattr(parsers.find("text/plain"), name, ("text/plain", "text/x-log"))
    assert parsers.fingerprint() != before


def test_the_fingerprint_changes_with_a_library_and_with_a_variant(monkeypatch):
    before = parsers.fingerprint()
    monkeypatch.setattr(parsers.find("text/html"), "variant", lambda: "another model", raising=False)
    other = parsers.fingerprint()
    monkeypatch.setattr(parsers, "version", lambda _: "0")
    assert len({before, other, parsers.fingerprint()}) == 3


def test_the_fingerprint_is_taken_without_importing_heavy_libraries():
    code = (
        "import sys; from ingest import parsers; parsers.fingerprint(); "
        "sys.exit(','.join({'spacy', 'unstructured', 'lxml', 'docutils', 'pyromark'} & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
