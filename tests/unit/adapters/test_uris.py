import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.uris import decode, encode, local_folder, split_uri
from ingest.errors import InvalidSettings
from ingest.phrases import shown


@given(st.binary())
def test_encoding_is_ascii_and_loses_nothing(raw):
    assert raw == decode(encode(raw))
    assert encode(raw).isascii()


@given(st.text(), st.text())
def test_two_keys_never_share_an_encoding(one, other):
    assert (one == other) == (encode(one) == encode(other))


def test_only_unreserved_letters_and_slashes_stay():
    assert encode("a/B-9._~ %#?+é") == "a/B-9._~%20%25%23%3F%2B%C3%A9"


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


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket/docs", ("bucket", "docs/")),
        ("s3://bucket/docs/", ("bucket", "docs/")),
        ("S3://bucket/a/b", ("bucket", "a/b/")),
        ("s3://bucket/my%20docs", ("bucket", "my docs/")),
        ("s3://bucket/my docs", ("bucket", "my docs/")),
        ("s3://bucket/100%25", ("bucket", "100%/")),
    ],
)
def test_a_uri_names_bucket_and_folder(uri, expected):
    assert expected == split_uri(uri)


@pytest.mark.parametrize(
    "uri", ["s3:/bucket", "http://bucket/x", "s3://", "s3://b", "s3://bucket/a?b", "s3://bucket/a#b", "s3://-x/y"]
)
def test_what_names_no_bucket_is_refused(uri):
    with pytest.raises(InvalidSettings):
        split_uri(uri)


def test_credentials_in_a_uri_are_refused_and_not_repeated():
    with pytest.raises(InvalidSettings) as caught:
        split_uri("s3://key:s3cr3t@bucket/docs")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/docs?X-Amz-Signature=hunter2",
        "s3://bucket/docs#hunter2",
        "file:///docs?token=hunter2",
        "file://me:hunter2@host/docs",
        "https://hunter2@host/docs",
    ],
)
def test_no_message_about_a_uri_repeats_its_user_or_its_query(uri):
    assert "hunter2" not in shown(uri)
    for opening in (local_folder, split_uri):
        with pytest.raises(InvalidSettings) as error:
            opening(uri)
        assert "hunter2" not in str(error.value)


def test_a_folder_whose_name_is_no_utf_8_can_be_named():
    assert os.fsdecode(b"/a\xff") == str(local_folder("file:///a%FF"))
