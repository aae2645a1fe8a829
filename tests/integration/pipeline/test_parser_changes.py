"""What is read again when a parser, a library, an option of a source or the rules of media types change."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import media_types, parsers
from ingest.records import ParseLimits, ParserOptions
from ingest.services import Services
from tests.fakes import uninstall
from tests.inline_sandbox import InlineSandbox
from tests.many_parsers import BROKEN_NOTE, HTML, OTHERS, built_project, new_project, registering, reread
from tests.pipelines import CountingSource, Project, project, with_bench


@pytest.fixture
def built(tmp_path: Path) -> Project:
    return built_project(tmp_path)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Versions of libraries that are not the installed ones; to be changed at will."""
    versions: dict[str, str] = {}
    installed = parsers.installed_version
    monkeypatch.setattr(parsers, "installed_version", lambda name: versions.get(name) or installed(name))
    return versions


def test_an_unchanged_run_reads_nothing(built: Project) -> None:
    assert set() == reread(built)
    assert built.run().built is False


def test_a_new_version_of_a_parser_rereads_its_documents_alone(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    assert HTML == reread(built)
    assert set() == reread(built)


def test_another_variant_of_a_parser_rereads_its_documents_alone(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(parsers.find("text/html"), "variant", lambda: "another model", raising=False)
    assert HTML == reread(built)


def test_a_new_version_of_a_parsers_library_rereads_its_documents_alone(
    tmp_path: Path, libraries: dict[str, str], monkeypatch: Any, request: pytest.FixtureRequest
) -> None:
    libraries["reader-of-pages"] = "1"
    monkeypatch.setattr(parsers.find("text/html"), "LIBRARIES", ("lxml", "reader-of-pages"))
    built: Project = request.getfixturevalue("built")
    libraries["reader-of-pages"] = "2"
    assert HTML == reread(built)


def test_a_library_of_a_parser_that_reads_nothing_here_may_be_missing(built: Project, monkeypatch: Any) -> None:
    uninstall(monkeypatch, *parsers.find("application/pdf").LIBRARIES)
    assert set() == reread(built)
    assert built.run().built is False


def test_a_new_container_parser_rereads_containers_alone(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(parsers.find("application/zip"), "VERSION", "next")
    assert {path for path in HTML | OTHERS if path.endswith(".zip")} == reread(built)


def test_a_new_parser_reads_what_no_parser_read_and_nothing_else(built: Project, monkeypatch: Any) -> None:
    plain = parsers.find("text/plain").parse
    with registering(monkeypatch) as register:
        register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=lambda raw: replace(plain(raw), parser="org"))
        assert {"unknown.org"} == reread(built)
        assert set() == reread(built)


def test_a_type_for_a_new_extension_rereads_nothing_of_other_names(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setitem(media_types.extensions(), "wiki", "text/x-wiki")
    assert set() == reread(built)


def test_another_type_for_an_extension_rereads_documents_of_that_name(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setitem(media_types.extensions(), "md", "text/mdx")
    without_notes = {"page.html", "broken.html", "deep.zip", "unknown.org"}
    assert (HTML | OTHERS) - without_notes == reread(built)


def test_other_rules_of_media_types_reread_everything(built: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(media_types, "VERSION", "next")
    assert HTML | OTHERS == reread(built)


class Sources:
    """A project over two sources whose options can be changed."""

    def __init__(self, folder: Path) -> None:
        self.project = project(folder, documents=2)
        other = CountingSource("other", folder / "other")
        other.write("b.json", '{"body": "Only this is text.", "note": "And this is not."}')
        other.write("broken.md", BROKEN_NOTE)
        self.project.sources = (*self.project.sources, other)
        self.options = {"docs": ParserOptions(), "other": ParserOptions()}
        services = self.project.services
        self.project.services = lambda: with_bench(  # type: ignore[method-assign]
            services(), sandbox=InlineSandbox(self.options)
        )

    def reread(self) -> set[str]:
        return reread(self.project)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    found = Sources(tmp_path)
    assert {"d00.md", "d01.md", "b.json", "broken.md"} == found.reread()
    return found


@pytest.mark.parametrize("change", [{"text_fields": ("body",)}, {"ocr": True}])
def test_an_option_of_one_source_leaves_the_others_untouched(sources: Sources, change: dict[str, Any]) -> None:
    sources.options["other"] = ParserOptions(**change)
    assert {"b.json", "broken.md"} == sources.reread()
    assert set() == sources.reread()


def test_a_limit_of_a_source_rereads_what_was_refused_there_alone(sources: Sources) -> None:
    sources.options["other"] = ParserOptions(limits=ParseLimits(nesting=9))
    assert {"broken.md"} == sources.reread()


def test_a_document_that_moves_to_a_source_with_other_options_is_read_there(sources: Sources) -> None:
    sources.options["other"] = ParserOptions(ocr=True)
    sources.reread()
    p = sources.project
    p.sources = (CountingSource("other", p.source.folder),)
    assert {"d00.md", "d01.md"} == sources.reread()


def test_a_generation_that_another_parser_began_is_not_finished_with_its_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = new_project(tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        p.run(execute=PowerCut(p.services()))
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    assert HTML == reread(p)
    assert set() == reread(p)


class PowerCut:
    """An executor that dies once the documents are read."""

    workers = 1

    def __init__(self, services: Services) -> None:
        self.services = services

    def map(self, step: Any, items: Iterable[Any]) -> Iterator[Any]:
        if step.__name__ == "embed_shard":
            raise RuntimeError("power cut")
        yield from (step(self.services, item) for item in items)
