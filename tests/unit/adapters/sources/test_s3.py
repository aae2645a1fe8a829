import gzip
import re
import threading
from contextlib import closing

import pytest

from ingest.adapters.s3_client import open_client
from ingest.adapters.selection import Selection
from ingest.adapters.sources.s3 import S3Source, open_source
from ingest.errors import (
    AccessDenied,
    ArchivedDocument,
    DocumentError,
    InvalidSettings,
    OversizedDocument,
    SourceUnavailable,
)
from tests.inline_sandbox import InlineSandbox
from tests.s3_server import cut_body, lose_request, refuse, rewrite_body, without_headers


@pytest.fixture
def opened(s3_server, make_bucket):
    """(source, client, bucket) of a new bucket."""

    def open_(versioned=False, default_excludes=True, page_size=0, **options):
        s3_server.page_size = page_size
        bucket = make_bucket(versioned)
        client, chosen = open_client(s3_server.options()), Selection(default_excludes=default_excludes)
        return S3Source("docs", f"s3://{bucket}", chosen, s3_server.options(**options)), client, bucket

    return open_


def paths(source):
    return [ref.path for ref in source.list()]


def lists(server):
    return sum("list-type=2" in r.target or "versions" in r.target for r in server.requests)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_listing_of_more_than_one_page_is_whole(opened, s3_server, versioned):
    source, client, bucket = opened(versioned, page_size=20)
    keys = [f"{number:03}.md" for number in range(105)]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    assert keys == paths(source)
    assert lists(s3_server) == 6


@pytest.mark.parametrize("versioned", [False, True])
def test_a_page_that_fails_is_asked_for_again(opened, s3_server, versioned):
    source, client, bucket = opened(versioned, page_size=2)
    for key in "abcde":
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    s3_server.plan(cut_body, text="marker" if versioned else "continuation-token")
    s3_server.plan(lose_request, text="marker" if versioned else "continuation-token")
    assert list("abcde") == paths(source)


@pytest.mark.parametrize("versioned", [False, True])
def test_a_listing_that_fails_at_a_later_page_raises(opened, s3_server, versioned):
    source, client, bucket = opened(versioned, page_size=2)
    for key in "abcde":
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    text = "marker" if versioned else "continuation-token"
    s3_server.plan(refuse("503 Slow Down", "SlowDown"), text=text, times=9)
    with pytest.raises(SourceUnavailable, match="SlowDown"):
        list(source.list())


def test_a_listing_of_versions_that_goes_in_circles_is_an_error(opened, s3_server):
    source, client, bucket = opened(True, page_size=1)
    for key in "ab":
        client.put_object(Bucket=bucket, Key=key, Body=b"")
    s3_server.plan(
        rewrite_body(lambda body: body.replace(b"NextKeyMarker", b"Other").replace(b"NextVersionIdMarker", b"Another")),
        text="versions",
        times=9,
    )
    with pytest.raises(SourceUnavailable, match="does not advance"):
        paths(source)


def test_folder_marks_are_no_documents_but_other_keys_with_a_slash_are(opened):
    source, client, bucket = opened()
    for key, body in {"docs/": b"", "docs/a.md": b"", "docs//b.md": b"", "full/": b"x"}.items():
        client.put_object(Bucket=bucket, Key=key, Body=body)
    assert paths(source) == ["docs//b.md", "docs/a.md", "full/"]


def test_keys_that_look_like_ways_up_are_only_keys(opened):
    source, client, bucket = opened(default_excludes=False)
    keys = ["../x", "./x", "a/../x", "a/./x", "x"]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert {ref.path: source.read(ref).data for ref in source.list()} == {key: key.encode() for key in keys}


def test_the_newest_version_counts_and_a_delete_mark_hides(opened):
    source, client, bucket = opened(versioned=True)
    for body in (b"1", b"22", b"333"):
        client.put_object(Bucket=bucket, Key="a.md", Body=body)
    client.put_object(Bucket=bucket, Key="b.md", Body=b"")
    client.delete_object(Bucket=bucket, Key="b.md")
    (ref,) = source.list()
    assert (ref.path, ref.size, ref.version[:3]) == ("a.md", 3, "id:")


def test_a_source_that_lost_its_bucket_is_unavailable(opened):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"a")
    (ref,) = source.list()
    client.delete_object(Bucket=bucket, Key="a.md")
    assert source.read(ref) is None
    client.delete_bucket(Bucket=bucket)
    with pytest.raises(SourceUnavailable, match="gone since it was listed"):
        source.read(ref)


def test_a_purged_version_is_gone(opened):
    source, client, bucket = opened(versioned=True)
    client.put_object(Bucket=bucket, Key="a.md", Body=b"1")
    (ref,) = source.list()
    client.delete_object(Bucket=bucket, Key="a.md", VersionId=ref.version.removeprefix("id:"))
    assert source.read(ref) is None


def test_an_object_older_than_versioning_is_pinned_by_its_etag(opened):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"old")
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    (ref,) = source.list()
    assert (ref.version[:5], source.read(ref).data) == ("etag:", b"old")
    client.put_object(Bucket=bucket, Key="a.md", Body=b"new")
    assert source.read(ref) is None


@pytest.mark.parametrize(
    "fault", [refuse("403 Forbidden", "AccessDenied"), refuse("501 Not Implemented", "NotImplemented")]
)
def test_without_a_word_on_versioning_etags_pin(opened, s3_server, fault, caplog):
    source, client, bucket = opened(versioned=True)
    client.put_object(Bucket=bucket, Key="a.md", Body=b"1")
    s3_server.plan(fault, text="?versioning")
    (ref,) = source.list()
    assert (ref.version[:5], source.read(ref).data) == ("etag:", b"1")
    assert "documents are pinned by ETag" in caplog.text


def test_versions_that_may_not_be_listed_are_denied_by_the_name_of_the_right(opened, s3_server):
    source, _, _ = opened(versioned=True)
    s3_server.plan(refuse("403 Forbidden", "AccessDenied"), text="?versions")
    with pytest.raises(AccessDenied, match="needs s3:ListBucketVersions"):
        paths(source)


def test_an_archived_object_goes_to_quarantine_and_does_not_stop_the_run(opened, s3_server):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"1")
    (ref,) = source.list()
    s3_server.plan(refuse("403 Forbidden", "InvalidObjectState"), text="a.md")
    with pytest.raises(ArchivedDocument, match=f"{ref.uri}: archived by S3; restore it in S3: one of"):
        source.read(ref)


@pytest.mark.parametrize(("options", "whole"), [({}, False), ({"check_md5": False}, True)])
def test_a_source_may_do_without_the_comparison_with_etags_and_the_message_says_how(
    s3_server, make_bucket, options, whole
):
    bucket = make_bucket()
    with closing(open_client(s3_server.options())) as client:
        client.put_object(Bucket=bucket, Key="a.md", Body=b"content")
    source = open_source("docs", f"s3://{bucket}", options, ("public",), "public", s3_server.options(attempts=1))
    other = "0" * 32
    s3_server.plan(rewrite_body(lambda body: re.sub(b"[0-9a-f]{32}", other.encode(), body)), text="list-type=2")
    (ref,) = source.list()
    s3_server.plan(without_headers("x-amz-checksum-crc32", "etag", ETag=f'"{other}"'), text="a.md")
    if whole:
        assert source.read(ref).data == b"content"
    else:
        with pytest.raises(SourceUnavailable, match=r"is not the ETag.*check_md5: false in the source's options"):
            source.read(ref)


def test_an_option_of_another_type_is_refused(s3_server):
    with pytest.raises(InvalidSettings, match="source docs: check_md5"):
        open_source("docs", "s3://bucket", {"check_md5": "never"}, ("public",), "public", s3_server.options())


def test_a_denied_read_is_no_missing_document(opened, s3_server):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"1")
    (ref,) = source.list()
    s3_server.plan(refuse("403 Forbidden", "AccessDenied"), text="a.md")
    with pytest.raises(AccessDenied, match=f"s3://{bucket}/a.md: cannot read"):
        source.read(ref)


def test_a_broken_body_is_fetched_again(opened, s3_server):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"0123456789")
    (ref,) = source.list()
    s3_server.plan(cut_body, text="a.md", times=2)
    assert source.read(ref).data == b"0123456789"


def test_a_changed_document_is_noticed_between_two_attempts(opened, s3_server):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=b"old text")
    (ref,) = source.list()
    changed = threading.Event()

    def change_then_cut(app, environ, start_response):
        answer = cut_body(app, environ, start_response)
        client.put_object(Bucket=bucket, Key="a.md", Body=b"new text")
        changed.set()
        return answer

    s3_server.plan(change_then_cut, text="a.md")
    assert (source.read(ref), changed.is_set()) == (None, True)


def test_an_endpoint_that_sends_more_than_it_listed_is_stopped_by_the_limit(s3_server, make_bucket):
    bucket = make_bucket()
    source = S3Source("docs", f"s3://{bucket}", Selection(max_document_bytes=4), s3_server.options())
    with closing(open_client(s3_server.options())) as client:
        client.put_object(Bucket=bucket, Key="a.md", Body=b"1234567")
    s3_server.plan(rewrite_body(lambda body: body.replace(b"<Size>7</Size>", b"<Size>3</Size>")), text="list-type=2")
    (ref,) = source.list()
    with pytest.raises(DocumentError, match="7 bytes, over the limit of 4"):
        source.read(ref)


def test_a_uri_without_bucket_is_refused_when_opened(s3_server):
    with pytest.raises(InvalidSettings, match="not of the form s3://bucket/prefix"):
        S3Source("docs", "s3://", Selection(), s3_server.options())


def test_what_s3_says_of_an_object_is_heard(opened):
    source, client, bucket = opened()
    told = {"page": "text/html; charset=utf-8", "plain": "binary/octet-stream", "none.md": ""}
    for key, content_type in told.items():
        more = {"ContentType": content_type} if content_type else {}
        client.put_object(Bucket=bucket, Key=key, Body=b"<p>words</p>", **more)
    found = {ref.path: source.read(ref).media_type for ref in source.list()}
    assert {"page": "text/html", "plain": "", "none.md": ""} == found


def test_the_charset_that_s3_tells_of_an_object_is_that_of_its_text(opened):
    source, client, bucket = opened()
    text = "Сеть недоступна"
    client.put_object(Bucket=bucket, Key="a", Body=text.encode("cp1251"), ContentType="text/plain; charset=cp-1251")
    (ref,) = source.list()
    assert text == InlineSandbox().parse(source.read(ref)).text


def test_an_encoded_object_is_read_as_what_it_was(opened):
    source, client, bucket = opened()
    client.put_object(Bucket=bucket, Key="a.md", Body=gzip.compress(b"# Title"), ContentEncoding="gzip")
    (ref,) = source.list()
    assert b"# Title" == source.read(ref).data


def test_an_encoded_object_that_unpacks_to_too_much_is_oversized(opened):
    source, client, bucket = opened()
    source.selection = source.selection.model_copy(update={"max_document_bytes": 1000})
    client.put_object(Bucket=bucket, Key="a.md", Body=gzip.compress(b"x" * 10**5), ContentEncoding="gzip")
    (ref,) = source.list()
    with pytest.raises(OversizedDocument, match="max_document_bytes"):
        source.read(ref)
