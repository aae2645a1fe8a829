"""`ingest init` and `ingest doctor`: a settings file to start from, and whether all is there that a run will need."""

from dataclasses import asdict
from importlib import resources
from importlib.metadata import entry_points
from typing import Annotated

from typer import Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, Reply, command
from ingest.cli.output import printable
from ingest.errors import InvalidSettings
from ingest.extras import require


def template() -> str:
    """Return the settings template that comes with this module."""
    return resources.files("ingest.cli").joinpath("ingest.yaml").read_text(encoding="utf-8")


@command("Check whether the file exists; without --force, none is overwritten.")
def init(
    invocation: Invocation, force: Annotated[bool, Option("--force", help="Overwrite an existing file.")] = False
) -> Reply:
    """Write a commented settings file (./ingest.yaml, or the path given by --settings)."""
    path = invocation.settings_path
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        raise InvalidSettings(f"{path} exists; --force overwrites it") from error
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}") from error
    said = f"Wrote {path}. Set `lake` and the sources in it, then `ingest plan` shows what a run would do."
    return Reply({"written": path}, [said])


@command("Nothing was changed; start it again.")
def doctor(invocation: Invocation) -> Reply:
    """Open all that a run will need and report every fault: sources, lake, model, vector index, gate, disk.

    Lists a few documents of each source, reads and parses one, writes and deletes one value in the lake, and encodes
    one question. Builds and changes nothing. Exit code 4 if anything is wrong.
    """
    from ingest.wiring.readiness import readiness

    with invocation.output.logged():
        found = list(readiness(invocation.load(), invocation.index))
    faults = sum(bool(one.fault) for one in found)
    lines = [f"{'FAULT' if one.fault else 'ok':<6} {one.check}: {printable(one.fault or one.found)}" for one in found]
    last = f"{faults} of {len(found)} checks found a fault." if faults else "All is there that a run will need."
    told = {"ready": not faults, "checks": [asdict(one) for one in found]}
    return Reply(told, [*lines, last], ExitCode.FATAL if faults else ExitCode.DONE)


@command("What was made stays; run it again.")
def deploy(
    invocation: Invocation,
    people: Annotated[str | None, Option(metavar="TYPE/NAME", help="Notification block that people read.")] = None,
    pager: Annotated[str | None, Option(metavar="TYPE/NAME", help="Notification block that wakes somebody.")] = None,
    refusals: Annotated[int, Option(min=1, help="In a week; then an index's schedule is paused.")] = 3,
) -> Reply:
    """Make or update what runs need on the Prefect server of PREFECT_API_URL, for all indexes or for --index.

    Work pools; a queue and deployments for each; automations. Says how to start workers. Twice is as good as once.
    """
    require("ingest deploy", "ingest[flows]", "prefect")
    deploying = entry_points(group="ingest.deploy")["prefect"].load()
    made = deploying(invocation.settings_path, invocation.index, {"people": people, "pager": pager}, refusals)
    return Reply(made, made.lines())
