"""How often a request to S3 is tried: `S3Options.attempts` times in all, the body included, and nowhere else.

botocore's own retries are off, except for the many requests of one upload, which are tried by botocore as often.
"""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
WAIT_SECONDS = 5.0  # longest pause between two attempts; the pauses grow


def tried(attempts: int, passing: type[Exception], request: Callable[[], T]) -> T:
    """Return what `request` returns, tried again after a `passing` error. Raises: what the last attempt raises."""
    import stamina

    return stamina.RetryingCaller(attempts=attempts, timeout=None, wait_max=WAIT_SECONDS)(passing, request)
