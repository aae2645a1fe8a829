"""What people hear of a retry: what, which attempt, why and how long."""

import logging
import re

from stamina import instrumentation

log = logging.getLogger("ingest.retries")
IN_ALL = re.compile(r", at each of up to \d+ attempts")  # of a message about the last attempt


def tell_retries() -> None:
    """Log a retry in words, unless the application has hooks of its own."""
    given = instrumentation.get_on_retry_hooks()
    if all(str(getattr(hook, "__module__", "")).startswith("stamina") for hook in given):
        instrumentation.set_on_retry_hooks([_told])


def _told(details: instrumentation.RetryDetails) -> None:
    why = IN_ALL.sub("", str(details.caused_by)) or "no reason given"
    kind, number = type(details.caused_by).__name__, details.retry_num
    log.warning("%s: %s; attempt %d failed, the next follows in %.1f s", kind, why, number, details.wait_for)
