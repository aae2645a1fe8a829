import pytest
from pydantic import ValidationError

from ingest.adapters.s3_client import open_client
from ingest.errors import InvalidSettings
from ingest.records import S3Options


def test_credentials_in_an_endpoint_are_refused_and_not_repeated():
    with pytest.raises(ValidationError) as caught:
        S3Options(endpoint_url="https://key:s3cr3t@s3.example.com")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint_url": "s3.example.com"},
        {"endpoint_url": "ftp://s3.example.com"},
        {"attempts": 0},
        {"read_timeout": 0},
        {"max_connections": 0},
    ],
)
def test_options_without_sense_are_refused(options):
    with pytest.raises(ValidationError):
        S3Options(**options)


def test_a_region_that_is_no_name_is_refused(aws_environment):
    with pytest.raises(InvalidSettings, match="no S3 client for endpoint AWS"):
        open_client(S3Options(region="not a region"))


def test_botocore_tries_once_because_we_try_again(aws_environment):
    assert open_client(S3Options()).meta.config.retries["total_max_attempts"] == 1
