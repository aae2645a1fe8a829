"""`ingest qdrant start | stop | status`: the embedded engine, which otherwise starts and stops by itself."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ingest.cli.invocation import Invocation, command
from ingest.errors import InvalidSettings
from ingest.phrases import shown

if TYPE_CHECKING:
    from ingest.adapters.vectors.edge.engine import EngineStatus
    from ingest.settings import Settings

SEE = "`ingest qdrant status` shows what is running."


@command(SEE)
def start(invocation: Invocation) -> None:
    """Start the embedded engine and keep it running until `ingest qdrant stop`."""
    _ask(invocation, "start")


@command(SEE)
def stop(
    invocation: Invocation,
    force: Annotated[bool, Option("--force", help="Stop it even if processes use it; they lose it.")] = False,
) -> None:
    """Stop the embedded engine; its data stays. If it is in use, it ends with its last user."""
    _ask(invocation, "stop", force=force)


@command()
def status(invocation: Invocation) -> None:
    """Show whether the embedded engine is running, its address and its collections. Starts nothing."""
    _tell(invocation, engine_status(invocation.load()))


def engine_status(settings: "Settings") -> dict[str, Any]:
    """Return what serves the vectors: the server, or the state of the embedded engine."""
    if settings.qdrant.url:
        return {"kind": "server", "url": shown(settings.qdrant.url)}
    from ingest.adapters.vectors.edge import engine

    return _embedded(engine.status(settings.qdrant_folder))


def _embedded(found: "EngineStatus") -> dict[str, Any]:
    return {"kind": "embedded", **asdict(found)}


def _ask(invocation: Invocation, act: str, **options: bool) -> None:
    from ingest.adapters.vectors.edge import engine

    settings = invocation.load()
    if url := settings.qdrant.url:
        told = f"the settings name the server {shown(url)}; there is no embedded engine to start or stop"
        raise InvalidSettings(told)
    _tell(invocation, _embedded(getattr(engine, act)(settings.qdrant_folder, **options)))


def _tell(invocation: Invocation, found: dict[str, Any]) -> None:
    if found["kind"] == "server":
        lines = [f"The settings name the server {found['url']}; the embedded engine is not used."]
    elif not found["running"]:
        lines = [f"The engine of {found['folder']} is not running; collections: {len(found['collections'])}."]
    else:
        why = "kept by `ingest qdrant start`" if found["kept"] else "until its last user ends"
        use = f"{'in use' if found['in_use'] else 'not in use'}, {why}"
        lines = [
            f"The engine of {found['folder']} is running at {found['url']} (process {found['pid']}), {use}.",
            f"Collections: {', '.join(found['collections']) or 'none'}",
        ]
    invocation.output.result(found, *lines)
