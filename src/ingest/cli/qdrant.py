"""`ingest qdrant start | stop | status`: the embedded engine; `check`: whether a server can be used."""

import secrets
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from typer import BadParameter, Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, Repeated, Reply, command, several
from ingest.cli.output import printable
from ingest.cli.tables import record
from ingest.errors import InvalidSettings
from ingest.phrases import shown

if TYPE_CHECKING:
    from ingest.settings import Settings

SEE = "`ingest qdrant status` shows what is running."


@command(SEE)
def start(invocation: Invocation) -> Reply:
    """Start the embedded engine and keep it running until `ingest qdrant stop`."""
    return _ask(invocation, "start")


@command(SEE)
def stop(
    invocation: Invocation,
    force: Annotated[bool, Option("--force", help="Stop it even if processes use it; they lose it.")] = False,
) -> Reply:
    """Stop the embedded engine; its data stays. If it is in use, it ends with its last user."""
    return _ask(invocation, "stop", force=force)


@command("What was made on the server is removed again.")
def check(
    invocation: Invocation,
    url: Annotated[str | None, Option(metavar="URL", help="The server; by default that of the settings.")] = None,
    node: Annotated[Repeated, several("--node", "URL", "Another node of the same cluster")] = None,
    kill_node: Annotated[str, Option(metavar="COMMAND", help="Loses a node of the cluster; run in a shell.")] = "",
    restore_node: Annotated[str, Option(metavar="COMMAND", help="Brings that node back.")] = "",
    wait: Annotated[float, Option(min=1, max=3600, help="Seconds until everything must answer after that.")] = 60.0,
) -> Reply:
    """Check what a server or cluster does: points, filters, aliases, promotion under concurrency, the loss of a node.

    Everything is made under names of its own and removed, also after a fault. Exit code 4 if a promise is not kept.
    """
    from ingest.settings import default_settings
    from ingest.wiring.service_opening import open_vectors
    from ingest_conformance.cluster_checks import NodeLoss
    from ingest_conformance.conformance import LIMITS, check_index

    if restore_node and not kill_node:
        raise BadParameter("needs --kill-node", param_hint="--restore-node")
    output, loss = invocation.output, NodeLoss(kill_node, restore_node, wait) if kill_node else None
    settings = invocation.load() if url is None or invocation.settings_path.exists() else default_settings()
    found = []
    with ExitStack() as opened, output.logged():
        index, *nodes = (open_vectors(settings, one, **LIMITS) for one in (url, *(node or ())))
        for server in (index, *nodes):
            opened.callback(server.close)
        named = f"ingest-check-{secrets.token_hex(8)}"
        for one in opened.enter_context(closing(check_index(index, named, nodes, loss, wait))):
            found.append(one)
            output.show(f"{'FAULT' if one.fault else 'ok':<6} {one.promise} {printable(one.fault)}".rstrip())
    faults = sum(bool(one.fault) for one in found)
    told = f"{len(found)} promises were checked, {faults} are not kept by {index}."
    document = {"index": str(index), "kept": not faults, "checks": found}
    return Reply(document, [told], ExitCode.FATAL if faults else ExitCode.DONE)


@command()
def status(invocation: Invocation) -> Reply:
    """Show whether the embedded engine is running, its address and its collections. Starts nothing."""
    found = engine_status(invocation.load())
    return Reply(found, record(found))


def engine_status(settings: "Settings") -> dict[str, Any]:
    """Return what serves the vectors: the server, or the state of the embedded engine."""
    if settings.qdrant.url:
        return {"kind": "server", "url": shown(settings.qdrant.url)}
    from ingest.adapters.vectors.edge import engine

    return {"kind": "embedded", **asdict(engine.status(settings.qdrant_folder))}


def _ask(invocation: Invocation, act: str, **options: bool) -> Reply:
    from ingest.adapters.vectors.edge import engine

    settings = invocation.load()
    if url := settings.qdrant.url:
        told = f"the settings name the server {shown(url)}; there is no embedded engine to start or stop"
        raise InvalidSettings(told)
    getattr(engine, act)(settings.qdrant_folder, **options)
    found = engine_status(settings)
    return Reply(found, record(found))
