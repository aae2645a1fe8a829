"""`ingest init`: a settings file to start from."""

from importlib import resources
from typing import Annotated

from typer import Option

from ingest.cli.invocation import Invocation, command
from ingest.errors import InvalidSettings


def template() -> str:
    """Return the settings template that comes with this module."""
    return resources.files("ingest.cli").joinpath("ingest.yaml").read_text(encoding="utf-8")


@command("Check whether the file exists; without --force, none is overwritten.")
def init(
    invocation: Invocation, force: Annotated[bool, Option("--force", help="Overwrite an existing file.")] = False
) -> None:
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
    invocation.output.result({"written": path}, said)
