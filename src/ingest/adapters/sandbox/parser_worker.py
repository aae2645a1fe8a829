"""A parser process: answers questions until the pipe is closed, see `pool_sandbox`. It imports only parsers."""

import faulthandler
import gc
import logging
import os
import sys
import warnings

from pydantic_core import to_json

from ingest.adapters.child_pipe import ChildPipe, Frame, end_with
from ingest.adapters.sandbox import messages as _wire
from ingest.adapters.sandbox import parsing as _parse
from ingest.adapters.sandbox import process_limits as _walls
from ingest.documents import parsers
from ingest.errors import DocumentError, InvalidSettings
from ingest.records import RawDocument


def main() -> None:
    """Serve until the other end is closed.

    Arguments: the pipe's descriptor, the parent's process id, 1 if parsers may start programs, else 0.
    The first message states which of the kernel's limits are in force.
    """
    pipe, parent, programs = ChildPipe(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3] == "1"
    end_with(parent)
    notes = _silence()
    parsers.media_types()  # imports every parser
    walls = _walls.raise_walls(programs)
    gc.collect()
    gc.freeze()
    pipe.send(Frame(to_json(walls)))
    while (frame := pipe.receive()) is not None:
        reply, last = _reply(_wire.asked(frame), programs, notes)
        del frame
        _walls.relax()
        pipe.send(reply)
        del reply
        if last:
            break


def _reply(raw: RawDocument, programs: bool, notes: "_Notes") -> tuple[Frame, bool]:
    """Return the answer for a document, and whether this process should end after it.

    It ends after running out of memory, and if a program left something running.
    """
    notes.kept = []
    try:
        _walls.allow(raw.options.limits, programs)
        with _parse.as_document_errors(raw):
            document = _parse.parse(raw, programs)
            last = programs and _walls.left_running()
            return _wire.answer(document, notes.kept, last), last
    except (DocumentError, _parse.ProgramNeeded) as error:
        last = isinstance(error.__cause__, MemoryError) or (programs and _walls.left_running())
        return _wire.answer(error, notes.kept, last), last
    except InvalidSettings:
        return _wire.answer(_wire.Lacking()), False


def _silence() -> "_Notes":
    """Keep libraries out of the logs, and return what collects the warnings of our own parsers."""
    os.set_blocking(2, False)  # a full pipe must not stop a parser
    faulthandler.enable()
    warnings.simplefilter("ignore")
    sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115  for good
    logging.lastResort = None
    logging.getLogger().addHandler(logging.NullHandler())
    notes, ours = _Notes(logging.WARNING), logging.getLogger("ingest")
    ours.addHandler(notes)
    ours.propagate = False
    return notes


class _Notes(logging.Handler):
    """Collects the first warnings about one document."""

    kept: list[str]  # anew for each document

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.kept) < _wire.MAX_NOTES:
            self.kept.append(record.getMessage()[: _wire.MAX_NOTE].encode(errors="replace").decode())


if __name__ == "__main__":
    # The one line that the parent reads when a worker cannot start.
    sys.excepthook = lambda kind, error, _: os.write(2, f"{kind.__name__}: {error}"[:1000].encode(errors="replace"))
    main()
