"""The proxy breaks what it is told to break, and passes everything else on as it is."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError, ResponseStreamingError

from ingest.adapters.s3_client import open_client
from tests.faults.s3_proxy import KINDS, Breaks, proxied
from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]

KIND = {kind.name: kind for kind in KINDS}


def client(s3_server, url, **options):
    return open_client(s3_server.options(endpoint_url=url, **options))


def test_what_is_not_broken_passes_as_it_is(s3_server, make_bucket) -> None:
    bucket, data = make_bucket(), bytes(range(256)) * 9
    with proxied(s3_server.url, Breaks()) as (url, proxy):
        through, direct = client(s3_server, url), client(s3_server, s3_server.url)
        through.put_object(Bucket=bucket, Key="a b/ü?", Body=data, ContentType="text/x-test", IfNoneMatch="*")
        found = direct.get_object(Bucket=bucket, Key="a b/ü?")
        assert (data, "text/x-test") == (found["Body"].read(), found["ContentType"])
        again = through.get_object(Bucket=bucket, Key="a b/ü?", Range="bytes=3-9")
        assert (data[3:10], f"bytes 3-9/{len(data)}") == (again["Body"].read(), again["ContentRange"])
        assert len(data) == through.head_object(Bucket=bucket, Key="a b/ü?")["ContentLength"]
        assert ["a b/ü?"] == [o["Key"] for o in through.list_objects_v2(Bucket=bucket)["Contents"]]
        with pytest.raises(ClientError, match="PreconditionFailed"):
            through.put_object(Bucket=bucket, Key="a b/ü?", Body=b"", IfNoneMatch="*")
        assert 0 == proxy.broken.total()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("503", ClientError),
        ("reset", ConnectionClosedError),
        ("answer lost after the write", ConnectionClosedError),
        ("false 412", ClientError),
        ("stall", ReadTimeoutError),
    ],
)
def test_a_write_is_broken_as_its_kind_says(s3_server, make_bucket, name: str, error: type[Exception]) -> None:
    bucket = make_bucket()
    breaks = Breaks(nth={2: KIND[name]}, stall_seconds=30)
    with proxied(s3_server.url, breaks) as (url, proxy):
        through = client(s3_server, url, read_timeout=0.3)
        through.put_object(Bucket=bucket, Key="first", Body=b"1")
        with pytest.raises(error):
            through.put_object(Bucket=bucket, Key="second", Body=b"2")
        through.put_object(Bucket=bucket, Key="third", Body=b"3")
        assert {name: 1} == proxy.broken
    there = [o["Key"] for o in client(s3_server, s3_server.url).list_objects_v2(Bucket=bucket)["Contents"]]
    arrives = name in ("answer lost after the write", "stall")
    assert ["first", *(["second"] if arrives else []), "third"] == there


def test_a_read_is_truncated_or_answered_with_nothing(s3_server, make_bucket) -> None:
    bucket = make_bucket()
    with proxied(s3_server.url, Breaks(nth={2: KIND["truncated body"], 3: KIND["empty 200"]})) as (url, _):
        through = client(s3_server, url)
        through.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
        with pytest.raises(ResponseStreamingError):
            through.get_object(Bucket=bucket, Key="a")["Body"].read()
        found = through.get_object(Bucket=bucket, Key="a")
        assert (b"", False) == (found["Body"].read(), "ETag" in found)


def test_only_the_second_page_of_a_listing_fails(s3_server, make_bucket) -> None:
    bucket = make_bucket()
    with proxied(s3_server.url, Breaks(chance=1e-12, kinds=(KIND["second LIST page"],))) as (url, _):
        through = client(s3_server, url)
        for key in "abc":
            through.put_object(Bucket=bucket, Key=key, Body=b"1")
        page = through.list_objects_v2(Bucket=bucket, MaxKeys=2)
        assert 2 == len(page["Contents"])
        with pytest.raises(ClientError, match="InternalError"):
            through.list_objects_v2(Bucket=bucket, MaxKeys=2, ContinuationToken=page["NextContinuationToken"])


def test_one_seed_breaks_the_same_requests_each_time(s3_server, make_bucket) -> None:
    def broken(seed: int) -> list[bool]:
        found = []
        with proxied(s3_server.url, Breaks(seed, 0.5, (KIND["503"],))) as (url, _):
            through = client(s3_server, url)
            for _ in range(12):
                try:
                    through.list_objects_v2(Bucket=bucket)
                    found.append(False)
                except ClientError:
                    found.append(True)
        return found

    bucket = make_bucket()
    assert broken(3) == broken(3) != broken(4)
