"""Opens the index of one command and closes it, whatever happens."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.cli.invocation import Common
from ingest.cli.output import Output

if TYPE_CHECKING:
    from ingest.index import Index


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    index: "Index"
    output: Output


@contextmanager
def opened(common: Common) -> Iterator[Session]:
    """Yield the index and the output. Raises: InvalidSettings, UnknownSource, IndexUnavailable."""
    import ingest
    from ingest.cli.progress import Tables, Watcher

    output = Output(common.json)
    observer = Watcher(output) if common.json else Tables(output)
    with logged(output):
        try:
            with ingest.open(common.settings_path, common.index, observer=observer) as index:
                yield Session(index, output)
        finally:
            observer.close()


@contextmanager
def logged(output: Output) -> Iterator[None]:
    """Send warnings to stderr: above the progress bar on a terminal, with time stamps elsewhere."""
    handler: logging.Handler
    if output.messages.is_terminal:
        from rich.logging import RichHandler

        handler = RichHandler(console=output.messages, show_time=False, show_path=False, markup=False)
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
