"""`ingest qdrant start | stop | status`: the embedded engine, which otherwise starts and ends by itself."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.invocation import Common, command
from ingest.cli.output import Output, plain
from ingest.errors import InvalidSettings

if TYPE_CHECKING:
    from ingest.adapters.vectors.edge.engine import EngineStatus
    from ingest.settings import Settings

SEE = "`ingest qdrant status` tells what runs."


@command(SEE)
def start(common: Common) -> None:
    """Start the embedded engine and keep it running until `ingest qdrant stop`."""
    from ingest.adapters.vectors.edge import engine

    _tell(Output(common.json), engine.start(_embedded(common).qdrant_folder, keep=True))


@command(SEE)
def stop(
    common: Common,
    force: Annotated[bool, typer.Option("--force", help="Even if processes are using it; they lose it.")] = False,
) -> None:
    """Stop the embedded engine; its data stay. One that is in use ends with its last user."""
    from ingest.adapters.vectors.edge import engine

    _tell(Output(common.json), engine.stop(_embedded(common).qdrant_folder, force=force))


@command()
def status(common: Common) -> None:
    """Show whether the embedded engine runs, where it answers and what it holds. Starts nothing."""
    from ingest.settings import load_settings

    settings = load_settings(common.settings_path)
    output = Output(common.json)
    if settings.qdrant.url:
        found = engine_status(settings)
        output.document(found)
        output.show(f"The settings name the server {found['url']}; the embedded engine is not used.")
        return
    from ingest.adapters.vectors.edge import engine

    _tell(output, engine.status(settings.qdrant_folder))


def engine_status(settings: "Settings") -> dict[str, Any]:
    """Return what serves the vectors, as JSON values: the server, or the state of the embedded engine."""
    if settings.qdrant.url:
        return {"kind": "server", "url": _without_secrets(settings.qdrant.url)}
    from ingest.adapters.vectors.edge import engine

    return {"kind": "embedded", **plain(engine.status(settings.qdrant_folder))}


def _embedded(common: Common) -> "Settings":
    from ingest.settings import load_settings

    settings = load_settings(common.settings_path)
    if settings.qdrant.url:
        server = _without_secrets(settings.qdrant.url)
        raise InvalidSettings(f"the settings name the server {server}; there is no embedded engine to start or stop")
    return settings


def _tell(output: Output, found: "EngineStatus") -> None:
    output.document({"kind": "embedded", **plain(found)})
    if not found.running:
        output.show(f"The engine of {found.folder} does not run; {len(found.collections)} collections.")
        return
    why = "kept by `ingest qdrant start`" if found.kept else "until its last user ends"
    use = "in use" if found.in_use else "not in use"
    output.show(f"The engine of {found.folder} runs at {found.url} (process {found.pid}), {use}, {why}.")
    output.show(f"Collections: {', '.join(found.collections) or 'none'}")


def _without_secrets(url: str) -> str:
    """Return a URL without user and password."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
