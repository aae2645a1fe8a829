"""Opens the services of one command and lets go of them, whatever happens."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.cli.invocation import Common
from ingest.cli.output import Output
from ingest.cli.progress import Tables, Watcher

if TYPE_CHECKING:
    from ingest.services import Services
    from ingest.settings import Settings


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    settings: "Settings"
    services: "Services"
    output: Output


@contextmanager
def opened(common: Common) -> Iterator[Session]:
    """Yield settings, services and output. Raises: InvalidSettings, UnknownSource, IndexUnavailable."""
    from ingest.settings import load_settings
    from ingest.wiring import services as wiring

    output = Output(common.json)
    settings = load_settings(common.settings_path)
    observer = Watcher(output) if common.json else Tables(output)
    with logged(output):
        services = wiring.open_services(settings, common.index, observer)
        try:
            yield Session(settings, services, output)
        finally:
            observer.close()
            services.close()


@contextmanager
def logged(output: Output) -> Iterator[None]:
    """Send warnings to stderr meanwhile: above the progress bar on a terminal, with time stamps elsewhere."""
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
