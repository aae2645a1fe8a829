"""`ingest doctor`: opens all that a run will need, and reports everything that is wrong at once."""

from dataclasses import asdict

from typer import Exit

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, command
from ingest.cli.output import printable


@command("Nothing was changed; start it again.")
def doctor(invocation: Invocation) -> None:
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
    invocation.output.result({"ready": not faults, "checks": [asdict(one) for one in found]}, *lines, last)
    if faults:
        raise Exit(ExitCode.FATAL)
