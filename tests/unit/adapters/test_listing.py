import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.listing import Found, Selection, decode, encode, local_folder
from ingest.errors import InvalidSettings, SourceUnavailable


@given(st.binary())
def test_encoding_is_ascii_and_loses_nothing(raw):
    assert raw == decode(encode(raw))
    assert encode(raw).isascii()


@given(st.text(), st.text())
def test_two_keys_never_share_an_encoding(one, other):
    assert (one == other) == (encode(one) == encode(other))


def test_only_unreserved_letters_and_slashes_stay():
    assert encode("a/B-9._~ %#?+é") == "a/B-9._~%20%25%23%3F%2B%C3%A9"


def test_refs_come_one_by_one_as_they_are_found_and_an_error_is_passed_on():
    def found():
        yield Found("s3://b/b", "b", "1", 0, "")
        yield Found("s3://b/a", "a", "1", 0, "")
        raise SourceUnavailable("broke off")

    refs = Selection().refs("docs", found())
    assert ["s3://b/b", "s3://b/a"] == [next(refs).uri, next(refs).uri]
    with pytest.raises(SourceUnavailable, match="broke off"):
        next(refs)


def test_patterns_tell_case_and_cover_slashes():
    chosen = Selection(include=("*.md", "notes/?.txt"), exclude=("*/drafts/*",))
    paths = ["a.md", "a/b/c.md", "a.MD", "notes/1.txt", "notes/12.txt", "x/drafts/a.md"]
    assert [path for path in paths if chosen.wants(path)] == ["a.md", "a/b/c.md", "notes/1.txt"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///a/b", "/a/b"),
        ("file:///a/b/", "/a/b"),
        ("FILE://localhost/a/my%20docs", "/a/my docs"),
        ("file:///a/../b", "/b"),
        ("/a/my%20docs", "/a/my%20docs"),
        ("/a/b/../c/", "/a/c"),
        ("a/b", f"{Path.cwd()}/a/b"),
        ("~/docs", f"{Path.home()}/docs"),
    ],
)
def test_a_folder_is_named_by_uri_or_path(uri, expected):
    assert expected == str(local_folder(uri))


def test_a_link_to_the_folder_is_kept_so_that_uris_do_not_move(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "current").symlink_to("v1")
    assert tmp_path / "current" == local_folder(str(tmp_path / "current"))


@pytest.mark.parametrize("uri", ["file://server/share", "file://a", "http:///a", "file:///a?b", "file:///a#b"])
def test_what_names_no_local_folder_is_refused(uri):
    with pytest.raises(InvalidSettings):
        local_folder(uri)


def test_a_folder_whose_name_is_no_utf_8_can_be_named():
    assert os.fsdecode(b"/a\xff") == str(local_folder("file:///a%FF"))
