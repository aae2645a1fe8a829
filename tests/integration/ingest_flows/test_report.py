"""What people read in the log of a flow run while a step goes on."""

import logging

import pytest

from ingest_flows.report import LOG_SECONDS, LoggingObserver


def test_a_long_step_is_told_once_a_minute_in_units_with_rate_and_what_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "flow")
    now = [0.0]
    observer = LoggingObserver(logging.getLogger("flow"), lambda: now[0])
    with observer.step("embed", 600, "chunks"):
        for done in range(2, int(2.5 * LOG_SECONDS), 2):
            now[0] += 2
            observer.reached("embed", "0", done)
        observer.reached("embed", "0", 600, {"chunks": 600, "embedded": 600})
    assert [
        "embed: 600 chunks to do",
        "embed: 60/600 chunks, 1.0/s, 0:09:00 left",
        "embed: 120/600 chunks, 1.0/s, 0:08:00 left",
        "embed: done chunks 600, embedded 600",
    ] == caplog.messages


def test_a_step_without_a_size_tells_its_start_and_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flow")
    with LoggingObserver(logging.getLogger("flow"), lambda: 0.0).step("seal"):
        pass
    assert ["seal: started", "seal: done nothing"] == caplog.messages
