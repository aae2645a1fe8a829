from dataclasses import replace
from typing import Any

import pytest

from ingest.adapters.sandbox.pool_sandbox import PoolSandbox
from ingest.documents import media_types, parsers
from ingest.errors import InvalidSettings
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows
from ingest.pipeline.fingerprints import Fingerprints
from ingest.ports import Sandbox
from ingest.records import ParseLimits, ParserOptions, Quarantined
from tests.inline_sandbox import InlineSandbox
from tests.many_parsers import registering
from tests.records import document_row

PAGE = "s3://bucket/page.html"


def of(sandbox: Sandbox | None = None, **changes: Any) -> Fingerprints:
    prints = Fingerprints(sandbox or PoolSandbox(), ParseLimits(), "chunker", "model")
    return replace(prints, **changes)


def row(uri: str = PAGE, parser: str = "html", media_type: str = "text/html", **changes: Any) -> DocumentRow:
    """Return a row that has today's fingerprint."""
    bare = document_row(document_id=uri, uri=uri, path="page", media_type=media_type, parser=parser)
    return replace(bare, parser_fingerprint=of().text(bare, "docs"), **changes)


def failed(uri: str, parser: str, parent: str = "") -> Quarantined:
    """Return a failure that has today's fingerprint."""
    return Quarantined(uri, "docs", "1", "parse", "MalformedDocument", "", of().failure(parser, uri, "docs"), 1, parent)


def told(**options: Any) -> Sandbox:
    return PoolSandbox({"docs": ParserOptions(**options)})


def test_a_fingerprint_begins_with_the_name_of_the_parser() -> None:
    assert ["html", "pdf", ""] == [
        text.partition(":")[0]
        for text in (row().parser_fingerprint, failed(PAGE, "pdf").fingerprint, failed(PAGE, "").fingerprint)
    ]


def test_the_text_depends_on_options_and_the_failure_on_limits_too() -> None:
    before = row().parser_fingerprint, failed(PAGE, "html").fingerprint
    limited, special = of(told(limits=ParseLimits(nesting=9))), of(told(ocr=True))
    assert before[0] == limited.text(row(), "docs")
    assert before[1] != limited.failure("html", PAGE, "docs")
    assert before[0] != special.text(row(), "docs")
    assert before[1] != special.failure("html", PAGE, "docs")


def test_the_text_depends_on_the_policy_for_comments_once_a_source_drops_them() -> None:
    keep, drop = (of(told(comments=policy)).text(row(), "docs") for policy in ("keep", "drop"))
    assert row().parser_fingerprint == keep
    assert keep != drop


@pytest.mark.parametrize("change", [{"chunker": "next"}, {"limits": ParseLimits(archive_depth=1)}])
def test_a_failure_depends_on_the_chunker_and_on_the_limits_of_what_is_inside(change: dict[str, Any]) -> None:
    assert row().parser_fingerprint == of(**change).text(row(), "docs")
    assert failed(PAGE, "html").fingerprint != of(**change).failure("html", PAGE, "docs")


def test_both_sandboxes_give_one_text_and_differ_in_what_they_refuse() -> None:
    inline, pool = of(InlineSandbox()), of()
    assert pool.text(row(), "docs") == inline.text(row(), "docs")
    assert pool.failure("html", PAGE, "docs") != inline.failure("html", PAGE, "docs")


def test_a_sandbox_that_changes_texts_has_fingerprints_of_its_own() -> None:
    sandbox = PoolSandbox()
    sandbox.version = "forgetful"
    assert of().text(row(), "docs") != of(sandbox).text(row(), "docs")


def test_a_media_type_that_another_parser_reads_now_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    document = row("s3://bucket/a.log", "plain", "text/x-log")
    assert of().same_family(document, ShardRows(), "docs")
    monkeypatch.setattr(parsers.find("text/plain"), "MEDIA_TYPES", ("text/plain", "text/x-tex"))
    with registering(monkeypatch) as register:
        register("log", MEDIA_TYPES=("text/x-log",), VERSION="1", parse=print)
        assert not of().same_family(document, ShardRows(), "docs")
        assert of().same_family(row(), ShardRows(), "docs")


def test_a_parser_that_is_gone_leaves_its_documents_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    with registering(monkeypatch) as register:
        register("org", MEDIA_TYPES=("text/x-org",), VERSION="1", parse=print)
        document = row("s3://bucket/a.org", "org", "text/x-org")
        assert of().same_family(document, ShardRows(), "docs")
    assert not of().same_family(document, ShardRows(), "docs")


def test_an_extension_concerns_documents_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    page, other = row(), row("s3://bucket/a.zip#deep/page.xhtml")
    monkeypatch.setitem(media_types.extensions(), "html", "text/x-other")
    assert [False, True] == [of().same_family(document, ShardRows(), "docs") for document in (page, other)]


@pytest.mark.parametrize("inside", ["document", "failure"])
def test_a_document_is_read_again_for_what_is_inside_it(inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    box = row("s3://bucket/a.zip", "archive", "application/zip")
    page = row(f"{box.uri}#page.html", parent=box.document_id)
    failure = failed(f"{box.uri}#page.html", "html", parent=box.document_id)
    rows = (
        ShardRows(documents={box.uri: box, page.uri: page})
        if inside == "document"
        else ShardRows(documents={box.uri: box}, quarantine={failure.uri: failure})
    )
    assert of().same_family(box, rows, "docs")
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    assert not of().same_family(box, rows, "docs")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        ("ParserTimeout", True),
        ("ParserKilled", True),
        ("ArchivedDocument", True),
        ("UnreadableDocument", True),
        ("DeniedDocument", True),
        ("UnembeddableDocument", True),
        ("ParserCrashed", False),
        ("MalformedDocument", False),
        ("UnsupportedFormat", False),
        ("GoneClass", False),
    ],
)
def test_a_failure_that_may_pass_stands_only_after_a_few_tries(error: str, passes: bool) -> None:
    found = [of().same_failure(replace(failed(PAGE, "html"), error=error, attempts=n), "docs") for n in (1, 4, 5)]
    assert found == [not passes, not passes, True]


def test_a_container_is_read_again_for_a_failure_inside_it_that_may_pass() -> None:
    box = row("s3://bucket/a.zip", "archive", "application/zip")
    inside = replace(failed(f"{box.uri}#page.html", "html", parent=box.document_id), error="ParserTimeout")
    families = [ShardRows({box.uri: box}, quarantine={inside.uri: replace(inside, attempts=n)}) for n in (1, 5)]
    assert [False, True] == [of().same_family(box, rows, "docs") for rows in families]


def test_a_failure_to_embed_depends_on_the_model() -> None:
    prints = [of(model=name).failure("html", PAGE, "docs", stage) for stage in ("embed", "parse") for name in "ab"]
    assert len(set(prints)) == 3


def test_all_that_could_decide_about_a_text_is_in_the_digest_of_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [of().parsing(), of(told(ocr=True)).parsing()]
    monkeypatch.setattr(parsers.find("text/html"), "VERSION", "next")
    found.append(of().parsing())
    monkeypatch.setitem(media_types.extensions(), "wiki", "text/x-wiki")
    found.append(of().parsing())
    assert 4 == len(set(found))
    assert of().parsing() == of(told()).parsing() == of(told(limits=ParseLimits(nesting=9))).parsing()


def test_two_parsers_of_one_media_type_stop_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    with registering(monkeypatch) as register:
        register("other", MEDIA_TYPES=("text/html",), VERSION="1", parse=print)
        with pytest.raises(InvalidSettings, match="html and other both claim text/html"):
            of().parsing()
