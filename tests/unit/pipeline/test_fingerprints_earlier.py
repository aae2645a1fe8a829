"""The values were computed by the code that wrote such fingerprints, with the libraries of its lock."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ingest import extras
from ingest.adapters.sandbox.inline_sandbox import InlineSandbox
from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents import media_types, parsers
from ingest.pipeline.fingerprints import Fingerprints, earlier_texts
from ingest.ports import Sandbox
from ingest.records import ParseLimits, ParserOptions, Quarantined
from tests.many_parsers import registering

OPTIONS = {
    "docs": ParserOptions(),
    "scans": ParserOptions(ocr=True, ocr_languages=("deu", "eng"), limits=ParseLimits(nesting=9)),
}
SMALL = {
    name: options.model_copy(update={"limits": options.limits.model_copy(update={"document_bytes": 2**20})})
    for name, options in OPTIONS.items()
}
PLAIN = "1cc1711fa760fe5260b702250d3ac33d30840d371f7dfc7ca213f0921acc7eb5"
SPECIAL = "e6d8d9a733a16a2d7f5e6104fa53c3ed6d88d8544f1daaf684fbdc1d0a33ee6d"
RECORDED = [(InlineSandbox(SMALL), SPECIAL), (PoolSandbox(), PLAIN), (PoolSandbox(OPTIONS), SPECIAL)]


@pytest.mark.parametrize(("sandbox", "text"), RECORDED)
def test_what_that_code_recorded_is_known(sandbox: Sandbox, text: str) -> None:
    assert text in earlier_texts(sandbox)


def test_what_failed_then_is_tried_again() -> None:
    failure = Quarantined("docs/broken.html", "docs", "1", "parse", "MalformedDocument", "", "f510fd9d520d059f")
    prints = Fingerprints(PoolSandbox(), ParseLimits(blocks=7), "chunker", "model")
    assert not prints.same_failure(failure, "docs")


def test_other_options_of_a_source_are_another_fingerprint() -> None:
    assert SPECIAL not in earlier_texts(PoolSandbox(OPTIONS | {"scans": ParserOptions(ocr=True)}))


def test_a_parser_that_changed_since_leaves_the_others_known(monkeypatch: pytest.MonkeyPatch) -> None:
    before = earlier_texts(PoolSandbox())[PLAIN]
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    assert before - {"html"} == earlier_texts(PoolSandbox())[PLAIN]


@pytest.mark.parametrize("number", ["0", ""])
def test_a_library_that_changed_or_went_since_leaves_other_parsers_known(number: str, monkeypatch: Any) -> None:
    before = earlier_texts(PoolSandbox())[PLAIN]
    users = {name for name in parsers.names() if "pyyaml" in parsers.state(name)[2]}
    installed = parsers.installed_version
    monkeypatch.setattr(parsers, "installed_version", lambda name: number if name == "pyyaml" else installed(name))
    assert before - users == earlier_texts(PoolSandbox())[PLAIN]
    assert {"markdown", "notebook"} == users


def test_installed_libraries_that_are_not_those_of_the_lock_are_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "version", lambda library: "0")
    assert "json_text" not in earlier_texts(PoolSandbox())[PLAIN]
    assert any("json_text" in same for same in earlier_texts(PoolSandbox()).values())


@pytest.fixture
def new_parser(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with registering(monkeypatch) as register:
        yield register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=print)


def test_a_new_parser_leaves_what_others_read_known(new_parser: ModuleType) -> None:
    assert "json_text" in earlier_texts(PoolSandbox())[PLAIN]


@pytest.mark.parametrize("change", ["rules", "sandbox"])
def test_nothing_is_known_under_other_rules_or_in_another_sandbox(change: str, monkeypatch: Any) -> None:
    sandbox = PoolSandbox()
    monkeypatch.setattr(*(media_types, "VERSION") if change == "rules" else (sandbox, "version"), "next")
    assert {} == earlier_texts(sandbox)
