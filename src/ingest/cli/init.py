"""`ingest init`: a settings file to start from."""

from typing import Annotated

import typer

from ingest.cli.command import Common, command
from ingest.cli.output import Output
from ingest.errors import InvalidSettings


@command("Look whether the file is there; `ingest init` never overwrites one.")
def init(
    common: Common,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented settings file (./ingest.yaml, or the one that --settings names)."""
    from ingest.settings import TEMPLATE

    path, output = common.settings_path, Output(common.json)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError as error:
        raise InvalidSettings(f"{path} exists; --force overwrites it") from error
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}") from error
    output.document({"written": str(path)})
    output.show(f"Wrote {path}. Set `lake` and the sources in it, then `ingest plan` shows what a run would do.")
