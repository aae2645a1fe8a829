import hashlib
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.adapters.s3_client import Archived, Bucket, Unmet
from ingest.adapters.s3_client.bucket import PART
from ingest.errors import AccessDenied, InvalidSettings, SourceUnavailable, StoreUnavailable, UnknownSource
from ingest.records import S3Options
from tests.s3_server import (
    cut_body,
    damage_body,
    lose_answer,
    lose_request,
    refuse,
    rewrite_body,
    wait_for,
    without_headers,
)

REPEATED = "at each of up to 3 attempts"


@pytest.fixture
def bucket(s3_server, make_bucket):
    return Bucket(make_bucket(), s3_server.options(), SourceUnavailable)


def download(bucket: Bucket, path: Path) -> bool:
    with path.open("wb") as file:
        return bucket.copy("key", file) is not None


def sent(server, method):
    return sum(request.method == method for request in server.requests)


# Whole answers


@pytest.mark.parametrize("fault", [cut_body, damage_body, lose_request, refuse("503 Slow Down", "SlowDown")])
def test_a_read_that_fails_twice_succeeds_at_the_third_attempt(bucket, s3_server, fault):
    bucket.put("key", b"content" * 1000)
    s3_server.plan(fault, times=2)
    assert bucket.get("key") == b"content" * 1000
    assert sent(s3_server, "GET") == 3


@pytest.mark.parametrize("fault", [cut_body, damage_body])
def test_a_body_that_stays_broken_is_an_error_after_three_attempts(bucket, s3_server, fault):
    bucket.put("key", b"content")
    s3_server.plan(fault, times=9)
    with pytest.raises(SourceUnavailable, match=REPEATED):
        bucket.get("key")
    assert sent(s3_server, "GET") == 3


def test_a_damaged_body_without_checksum_is_found_by_its_etag(bucket, s3_server):
    bucket.put("key", b"content")

    def damage_without_checksum(app, environ, start_response):
        return damage_body(lambda e, s: without_headers("x-amz-checksum-crc32")(app, e, s), environ, start_response)

    s3_server.plan(damage_without_checksum, times=3)
    digest = hashlib.md5(b"bontent").hexdigest()
    with pytest.raises(SourceUnavailable, match=f"MD5 {digest} is not the ETag"):
        bucket.get("key")


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": f'"{"0" * 32}"', "x_amz_server_side_encryption": "aws:kms"},
        {"ETag": f'"{"0" * 32}"', "x_amz_server_side_encryption_customer_algorithm": "AES256"},
        {"ETag": f'"{"0" * 32}-2"'},
        {"ETag": '"not-a-digest"'},
    ],
)
def test_an_etag_that_is_no_digest_is_not_taken_for_one(bucket, s3_server, headers):
    bucket.put("key", b"content")
    s3_server.plan(without_headers("etag", **headers))
    assert bucket.get("key") == b"content"


def test_bytes_that_another_checksum_vouches_for_are_not_compared_with_the_etag(bucket, s3_server):
    bucket.put("key", b"content")
    s3_server.plan(without_headers("etag", ETag=f'"{"0" * 32}"'))
    assert bucket.get("key") == b"content"


def test_a_broken_download_is_repeated_from_the_start(bucket, s3_server, tmp_path):
    bucket.put("key", b"0123456789")
    s3_server.plan(cut_body)
    assert download(bucket, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"0123456789"


def test_a_listing_that_breaks_off_is_repeated(bucket, s3_server):
    bucket.put("key", b"")
    s3_server.plan(cut_body, text="list-type=2", times=2)
    assert [item["Key"] for item in bucket.objects("")] == ["key"]


def test_a_listing_that_is_no_xml_is_an_error(bucket, s3_server):
    s3_server.plan(rewrite_body(lambda body: b"<html>a proxy's page"), text="list-type=2", times=3)
    with pytest.raises(SourceUnavailable, match=f"answered 500.*{REPEATED}"):  # botocore's word for it
        list(bucket.objects(""))


def test_a_listing_that_does_not_say_where_it_goes_on_is_an_error(s3_server, make_bucket):
    s3_server.page_size = 1
    bucket = Bucket(make_bucket(), s3_server.options(), SourceUnavailable)
    bucket.put("a", b"")
    bucket.put("b", b"")

    def drop_token(body):
        return body.replace(b"NextContinuationToken", b"Other")

    s3_server.plan(rewrite_body(drop_token), text="list-type=2")
    with pytest.raises(SourceUnavailable, match="does not advance"):
        list(bucket.objects(""))


def test_a_listing_tells_size_etag_and_time(bucket):
    before = datetime.now(UTC).replace(microsecond=0)
    bucket.put("key", b"content")
    (item,) = bucket.objects("")
    after = datetime.now(UTC)
    assert (item["Size"], item["ETag"]) == (7, f'"{hashlib.md5(b"content").hexdigest()}"')
    assert before <= item["LastModified"] <= after


# Missing


def test_what_is_missing_is_none_and_not_tried_again(bucket, s3_server, tmp_path):
    assert bucket.get("key") is None
    assert not download(bucket, tmp_path / "copy")
    bucket.delete("key")
    assert sent(s3_server, "GET") == 2


def test_a_condition_that_does_not_hold_is_unmet(bucket):
    bucket.put("key", b"1")
    with pytest.raises(Unmet):
        bucket.put("key", b"2", IfNoneMatch="*")


@pytest.mark.parametrize("act", [lambda b: b.get("k"), lambda b: b.put("k", b"")])
def test_a_missing_bucket_is_an_unknown_source(s3_server, act):
    bucket = Bucket("missing-bucket", s3_server.options(), SourceUnavailable)
    with pytest.raises(UnknownSource, match=f"s3://missing-bucket: no such bucket at {s3_server.url}"):
        act(bucket)


# Refusals


@pytest.mark.parametrize(
    ("status", "code", "error", "message"),
    [
        ("403 Forbidden", "AccessDenied", AccessDenied, "AccessDenied .HTTP 403.: the credentials do not allow it"),
        ("403 Forbidden", "InvalidAccessKeyId", AccessDenied, "access key id is not known"),
        ("403 Forbidden", "SignatureDoesNotMatch", AccessDenied, "does not belong to the access key id"),
        ("400 Bad Request", "ExpiredToken", AccessDenied, "session token has expired"),
        ("403 Forbidden", "RequestTimeTooSkewed", AccessDenied, "clock of this machine is wrong"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", AccessDenied, "do not have the form"),
        ("403 Forbidden", "InvalidObjectState", Archived, "must be restored first"),
        ("501 Not Implemented", "NotImplemented", InvalidSettings, "does not know or accept such a request"),
        ("405 Method Not Allowed", "MethodNotAllowed", InvalidSettings, "HTTP 405"),
    ],
)
def test_a_refusal_for_good_is_not_tried_again(bucket, s3_server, status, code, error, message):
    s3_server.plan(refuse(status, code), times=9)
    with pytest.raises(error, match=message) as caught:
        bucket.get("docs/key")
    assert str(caught.value).startswith(f"s3://{bucket.name}/docs/key: cannot read: {s3_server.url} answered {code}")
    assert "s3cr3t" not in str(caught.value)
    assert sent(s3_server, "GET") == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("500 Internal Server Error", "InternalError"),
        ("503 Slow Down", "SlowDown"),
        ("400 Bad Request", "RequestTimeout"),
        ("429 Too Many Requests", "TooMany"),
        ("409 Conflict", "OperationAborted"),
        ("502 Bad Gateway", ""),
    ],
)
def test_a_refusal_that_may_pass_is_tried_three_times(bucket, s3_server, status, code):
    s3_server.plan(refuse(status, code), times=9)
    with pytest.raises(SourceUnavailable, match=f"HTTP {status[:3]}.*{REPEATED}"):
        bucket.get("key")
    assert sent(s3_server, "GET") == 3


def test_the_number_of_attempts_is_a_setting(s3_server, make_bucket):
    bucket = Bucket(make_bucket(), s3_server.options(attempts=1), StoreUnavailable)
    s3_server.plan(refuse("503 Slow Down", "SlowDown"), times=9)
    with pytest.raises(StoreUnavailable):
        bucket.get("key")
    assert sent(s3_server, "GET") == 1


@pytest.mark.parametrize(
    "fault",
    [
        refuse("301 Moved Permanently", "PermanentRedirect", {"x-amz-bucket-region": "eu-west-1"}),
        refuse("400 Bad Request", "AuthorizationHeaderMalformed", details="<Region>eu-west-1</Region>"),
        refuse("400 Bad Request", "IllegalLocationConstraintException", {"x-amz-bucket-region": "eu-west-1"}),
    ],
)
def test_another_region_is_named_beside_ours_and_not_followed(bucket, s3_server, fault):
    s3_server.plan(fault, times=9)
    with pytest.raises(InvalidSettings, match="in region eu-west-1, the settings say us-east-1"):
        bucket.get("key")
    assert len(s3_server.requests) == 1


# Silence


def test_an_endpoint_that_is_not_there_is_unavailable(aws_environment):
    with socket.socket() as taken:  # bound, not listening: the port refuses
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        bucket = Bucket("bucket", S3Options(endpoint_url=url, region="us-east-1"), SourceUnavailable)
        expected = f"s3://bucket/key: cannot read: no complete answer from {url} (EndpointConnectionError), {REPEATED}"
        with pytest.raises(SourceUnavailable) as caught:
            bucket.get("key")
    assert str(caught.value) == expected


def test_an_endpoint_that_says_nothing_is_unavailable(s3_server, make_bucket):
    bucket = Bucket(make_bucket(), s3_server.options(read_timeout=0.1, attempts=2), StoreUnavailable)
    enough = threading.Event()
    s3_server.plan(wait_for(enough), times=2)
    try:
        with pytest.raises(StoreUnavailable, match="ReadTimeoutError"):
            bucket.get("key")
    finally:
        enough.set()


def test_missing_credentials_are_said_so(s3_server, make_bucket, monkeypatch):
    name = make_bucket()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDenied, match=r"no usable AWS credentials .NoCredentialsError.: set AWS_ACCESS_KEY_ID"):
        Bucket(name, s3_server.options(), SourceUnavailable).get("key")


def test_half_of_the_credentials_are_said_so(s3_server, make_bucket, monkeypatch):
    name = make_bucket()
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessDenied, match=r"no usable AWS credentials .PartialCredentialsError."):
        Bucket(name, s3_server.options(), SourceUnavailable).get("key")


# Files


@pytest.mark.parametrize("size", [0, 10, PART + 1])
def test_a_file_goes_up_and_comes_down(bucket, tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    bucket.upload("key", tmp_path / "file")
    assert [item["Size"] for item in bucket.objects("")] == [size]
    assert download(bucket, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size == size


def test_one_failing_part_does_not_repeat_the_others(bucket, s3_server, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (2 * PART))
    s3_server.plan(refuse("503 Slow Down", "SlowDown"), method="PUT", text="partNumber=2")
    bucket.upload("key", tmp_path / "file")
    assert [item["Size"] for item in bucket.objects("")] == [2 * PART]
    assert sum("partNumber=1" in request.target for request in s3_server.requests) == 1


def test_the_lost_answer_to_a_completed_upload_is_no_failure(bucket, s3_server, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (PART + 1))
    s3_server.plan(lose_answer, method="POST", text="uploadId=")
    s3_server.plan(refuse("404 Not Found", "NoSuchUpload"), method="POST", text="uploadId=")
    bucket.upload("key", tmp_path / "file")
    assert [item["Size"] for item in bucket.objects("")] == [PART + 1]


def test_an_upload_that_was_aborted_is_unavailable(bucket, s3_server, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * (PART + 1))
    s3_server.plan(refuse("404 Not Found", "NoSuchUpload"), method="POST", text="uploadId=")
    with pytest.raises(SourceUnavailable, match="aborted midway"):
        bucket.upload("key", tmp_path / "file")


def test_an_upload_without_rights_is_denied(bucket, s3_server, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    s3_server.plan(refuse("403 Forbidden", "AccessDenied"), method="PUT")
    with pytest.raises(AccessDenied, match="cannot write"):
        bucket.upload("key", tmp_path / "file")


def answer_nothing(app, environ, start_response):
    """Answer 200 with no body and no header that says anything."""
    start_response("200 OK", [("Content-Length", "0")])
    return []


CALLS = {
    "list": lambda bucket: list(bucket.objects("")),
    "versions": lambda bucket: list(bucket.versions("")),
    "get": lambda bucket: bucket.get("key"),
    "get_object": lambda bucket: bucket.get("key", lambda answer: None),
    "range": lambda bucket: bucket.get_range("key", 0, 1, 7),
    "download": lambda bucket: download(bucket, bucket.folder / "copy"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_empty_answer_is_none_and_is_asked_for_again(bucket, s3_server, call, tmp_path):
    bucket.folder = tmp_path
    bucket.put("key", b"content")
    whole = call(bucket)
    s3_server.plan(answer_nothing, times=2)
    again = call(bucket)
    if isinstance(whole, list):
        whole, again = [row["Key"] for row in whole], [row["Key"] for row in again]
    assert whole == again
    s3_server.plan(answer_nothing, times=9)
    with pytest.raises(SourceUnavailable, match="answered without"):
        call(bucket)


CALLS_FOR_SURE = {
    "list": lambda bucket: list(bucket.objects("")),
    "versions": lambda bucket: list(bucket.versions("")),
    "put": lambda bucket: bucket.put("key", b"content"),
}


@pytest.mark.parametrize("call", CALLS_FOR_SURE.values(), ids=CALLS_FOR_SURE)
@pytest.mark.parametrize("code", [("412 Precondition Failed", "PreconditionFailed"), ("404 Not Found", "NoSuchKey")])
def test_an_answer_about_a_condition_that_nobody_set_is_asked_for_again(bucket, s3_server, call, code):
    for method in ("GET", "PUT"):
        s3_server.plan(refuse(*code), method, times=2)
    call(bucket)
    for method in ("GET", "PUT"):
        s3_server.plan(refuse(*code), method, times=9)
    with pytest.raises(SourceUnavailable, match="which is no answer to this request"):
        call(bucket)


def test_deleting_what_an_endpoint_does_not_know_is_no_fault(bucket, s3_server):
    s3_server.plan(refuse("404 Not Found", "NoSuchKey"))
    bucket.delete("key")


def test_times_of_listings_and_of_objects_are_the_same_moment(bucket):
    bucket.put("one", b"1")
    (listed,) = bucket.objects("")
    head = bucket.client.head_object(Bucket=bucket.name, Key="one")
    assert head["LastModified"] == listed["LastModified"].replace(microsecond=0)
    assert "+00:00" == listed["LastModified"].isoformat()[-6:]
