from collections import Counter

import pytest

from ingest.adapters.selection import Selection
from ingest.errors import SourceUnavailable
from ingest.records import DocumentRef


def test_refs_come_one_by_one_as_they_are_found_and_an_error_is_passed_on():
    def found():
        yield DocumentRef("s3://b/b", "docs", "b", "1", 0, "")
        yield DocumentRef("s3://b/a", "docs", "a", "1", 0, "")
        raise SourceUnavailable("broke off")

    refs = Selection().refs(found())
    assert ["s3://b/b", "s3://b/a"] == [next(refs).uri, next(refs).uri]
    with pytest.raises(SourceUnavailable, match="broke off"):
        next(refs)


def test_patterns_tell_case_and_cover_slashes():
    chosen = Selection(include=("*.md", "notes/?.txt"), exclude=("*/drafts/*",))
    paths = ["a.md", "a/b/c.md", "a.MD", "notes/1.txt", "notes/12.txt", "x/drafts/a.md"]
    assert [path for path in paths if not chosen.why_not(path)] == ["a.md", "a/b/c.md", "notes/1.txt"]


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".git/config", "a/.git/HEAD", ".ssh/id_rsa", "a/.hidden.md", "prod.env"),
        *("keys/server.pem", "SERVER.KEY", "id_ed25519", "id_rsa.pub", "vault.kdbx", "terraform.tfstate"),
        *("node_modules/x/README.md", "web/node_modules/", "__pycache__/a.pyc", "CVS/Entries", ".venv/"),
        *("draft.md~", "~$report.docx", ".#a.md", "#a.md#", "Thumbs.db", "__MACOSX/a.md"),
    ],
)
def test_what_nobody_means_to_publish_is_left_out_until_the_settings_say_otherwise(path):
    assert "default excludes" == Selection().why_not(path)
    assert "" == Selection(default_excludes=False).why_not(path)


@pytest.mark.parametrize(
    "path",
    ["environment.md", "a~b.md", "~.md", "monkey.md", "keys.md", "node_modules.md", "#1.md", "a.b/c.md", "git/", "key"],
)
def test_a_name_that_only_looks_like_one_counts(path):
    assert "" == Selection().why_not(path)


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("drafts/", "exclude drafts/*"),
        ("a/drafts/", ""),
        ("old/x/", "exclude old/*"),
        ("notes/", ""),
        ("lake/", "own"),
        ("lake/x/", "own"),
    ],
)
def test_a_folder_is_left_out_as_a_whole_only_if_everything_below_it_is(folder, reason):
    chosen = Selection(exclude=("drafts/*", "old/*", "notes/*.md"), include=("*.md",), own=("lake/",))
    assert reason.replace("own", "the lake and the state folder") == chosen.why_not(folder)


def test_what_is_left_out_is_counted_by_reason():
    paths = ["a.md", ".env", "b.txt", "old/a.md", "lake/x.md", "lake/y.md"]
    found = [DocumentRef(f"s3://b/{path}", "docs", path, "1", 0, "") for path in paths]
    left_out = Counter[str]()
    chosen = Selection(include=("*.md",), exclude=("old/*",), own=("lake/",))
    assert ["a.md"] == [ref.path for ref in chosen.refs(found, left_out)]
    reasons = {"default excludes": 1, "exclude old/*": 1, "not in include": 1, "the lake and the state folder": 2}
    assert reasons == left_out
