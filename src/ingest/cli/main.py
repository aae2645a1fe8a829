"""`ingest`: the application. Heavy imports stay inside the commands: `ingest --help` must answer in a second."""

import signal
from typing import Annotated

from typer import Context, Exit, Option, Typer, echo

from ingest.cli import fitting, qdrant, quarantine, release, run, search, setup
from ingest.cli.exit_codes import EPILOG
from ingest.cli.invocation import IndexOption, Invocation, JsonOption, SettingsOption
from ingest.cli.preview.command import preview
from ingest.extras import version

app = Typer(
    name="ingest",
    help="Write, audit, publish for search indexes: build beside the serving index, judge, then move one pointer.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames show values, and a value may be a secret
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
engine = Typer(help="The embedded engine, and the check of a server.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(engine, name="qdrant")
left_out = Typer(help="Documents that are left out, and why.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(left_out, name="quarantine")

functions = [setup.init, setup.doctor, preview, run.plan, run.run, run.sync, release.status, search.search, search.why]
functions += [release.evaluate, release.promote, release.rollback, release.reconcile, release.generations, release.log]
functions += [release.revoke, release.retire, release.pin, fitting.calibrate, setup.deploy]
left_out.command("list", epilog=EPILOG)(quarantine.listing)
left_out.command("show", epilog=EPILOG)(search.why)
groups = ((app, functions), (engine, [qdrant.start, qdrant.stop, qdrant.status, qdrant.check]))
for group, members in (*groups, (left_out, [quarantine.replay, quarantine.accept])):
    for function in members:
        group.command(function.__name__.replace("_", "-"), epilog=EPILOG)(function)


def _show_version(wanted: bool) -> None:
    if wanted:
        echo(version("ingest"))
        raise Exit


@app.callback()
def options(
    ctx: Context,
    settings: SettingsOption = None,
    index: IndexOption = None,
    json: JsonOption = False,
    version: Annotated[
        bool, Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Keep the global options for the command."""
    ctx.obj = Invocation(settings, index, json)


def main() -> None:
    """Run the command line and exit with its code. SIGTERM stops as cleanly as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
