"""What the exit codes of the command line mean, and which one an error gets."""

from enum import IntEnum

from ingest.errors import FatalError, TransientError


class ExitCode(IntEnum):
    """What a script can learn from the exit code alone."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    FATAL = 4
    TRANSIENT = 5
    WAITING = 6
    STOPPED = 130


MEANING = {
    ExitCode.DONE: "done",
    ExitCode.UNEXPECTED: "unexpected error, with a traceback",
    ExitCode.USAGE: "wrong use of the command line",
    ExitCode.REFUSED: "refused by the gate, or a document by preview; nothing was promoted",
    ExitCode.FATAL: "fatal error: settings, guard, budget, hold, overtaken, ...",
    ExitCode.TRANSIENT: "a service did not answer, after all retries",
    ExitCode.WAITING: "a candidate waits for a person's decision",
    ExitCode.STOPPED: "stopped by Ctrl-C or SIGTERM; the message says what serves",
}
EPILOG = "\n".join(["\b", "Exit codes:", *(f"{code.value:>5}  {text}" for code, text in MEANING.items())])


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, FatalError):
        return ExitCode.FATAL
    return ExitCode.TRANSIENT if isinstance(error, TransientError) else ExitCode.UNEXPECTED
