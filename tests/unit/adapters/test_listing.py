import os
import subprocess
import sys
import tracemalloc
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


@given(st.lists(st.text(st.characters(codec="utf-8")), unique=True))
def test_refs_come_in_the_order_of_uris_whatever_the_order_found(keys):
    found = [Found(f"s3://b/{encode(key)}", key, "1", 0, "") for key in keys]
    refs = list(Selection().refs("docs", found))
    assert sorted(f.uri for f in found) == [ref.uri for ref in refs]
    assert sorted(keys) == sorted(ref.path for ref in refs)


def test_an_error_while_listing_is_passed_on_before_anything_was_yielded():
    def found():
        yield Found("s3://b/a", "a", "1", 0, "")
        raise SourceUnavailable("broke off")

    with pytest.raises(SourceUnavailable, match="broke off"):
        next(Selection().refs("docs", found()))


def test_memory_does_not_grow_with_the_listing():
    """Python's own part; SQLite's is bounded by its page cache."""

    def peak(documents):
        found = (Found(f"s3://b/{i * 7919 % documents:09}", "p", "v", i, "") for i in range(documents))
        tracemalloc.start()
        count = sum(1 for _ in Selection().refs("docs", found))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert documents == count
        return peak

    peak(100)  # what is loaded once
    assert peak(20_000) < peak(2_000) + 100_000


FULL_DISK = """
import resource, signal
from ingest.errors import SourceUnavailable
from ingest.adapters.listing import Found, Selection

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
found = (Found(f"s3://b/{i:0200}", "", "", 0, "") for i in range(5000, 0, -1))
try:
    next(Selection(sort_bytes=65536).refs("docs", found))
except SourceUnavailable as error:
    print(error)
"""


def test_a_full_temporary_space_is_said_so():
    answer = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("source docs: the listing cannot be sorted in temporary space, see SQLITE_TMPDIR: ")


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
