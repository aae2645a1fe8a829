from collections.abc import Iterator

import pytest
import stamina

from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries as many times as the options say, without pauses."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
