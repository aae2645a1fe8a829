"""A person can read what is tried again: what, which attempt, why, how long."""

import pytest
import stamina
from stamina import instrumentation

from ingest.errors import SourceUnavailable
from ingest.wiring.service_opening import tell_retries


@pytest.fixture(autouse=True)
def told():
    before = instrumentation.get_on_retry_hooks()
    instrumentation.set_on_retry_hooks(None)
    yield
    instrumentation.set_on_retry_hooks(before)


def fail_once(error: Exception) -> None:
    attempts = iter([error])

    @stamina.retry(on=type(error), attempts=2, wait_initial=0.0, wait_jitter=0.0)
    def act() -> None:
        for first in attempts:
            raise first

    act()


def test_a_retry_is_told_in_words(caplog: pytest.LogCaptureFixture) -> None:
    tell_retries()
    fail_once(SourceUnavailable("s3://b/a.md: cannot read: AWS answered SlowDown, at each of up to 3 attempts"))
    (record,) = caplog.records
    told = "SourceUnavailable: s3://b/a.md: cannot read: AWS answered SlowDown; attempt 1 failed, the next follows in "
    assert f"{told}0.0 s" == record.getMessage()
    assert ("ingest.retries", "WARNING") == (record.name, record.levelname)


def test_hooks_of_the_application_stay(caplog: pytest.LogCaptureFixture) -> None:
    heard = []
    instrumentation.set_on_retry_hooks([heard.append])
    tell_retries()
    fail_once(SourceUnavailable("x"))
    assert (1, []) == (len(heard), caplog.records)
