"""What the exit codes of the command line mean, and which one an error gets."""

from enum import IntEnum
from typing import Self

from ingest.errors import FatalError, TransientError


class ExitCode(IntEnum):
    """What a script can learn from the exit code alone."""

    meaning: str

    DONE = 0, "done"
    UNEXPECTED = 1, "unexpected error, with a traceback"
    USAGE = 2, "wrong use of the command line"
    REFUSED = 3, "refused by the gate, or a document by preview; nothing was promoted"
    FATAL = 4, "fatal error: settings, guard, budget, hold, overtaken, ..."
    TRANSIENT = 5, "a service did not answer, after all retries"
    WAITING = 6, "a candidate waits for a person's decision"
    STOPPED = 130, "stopped by Ctrl-C or SIGTERM; the message says what serves"

    def __new__(cls, value: int, meaning: str) -> Self:
        """Return a code that knows its meaning."""
        made = int.__new__(cls, value)
        made._value_, made.meaning = value, meaning
        return made


EPILOG = "\n".join(["\b", "Exit codes:", *(f"{code.value:>5}  {code.meaning}" for code in ExitCode)])


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, FatalError):
        return ExitCode.FATAL
    return ExitCode.TRANSIENT if isinstance(error, TransientError) else ExitCode.UNEXPECTED
