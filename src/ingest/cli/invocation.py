"""What all commands share: common options, and what happens on an error or Ctrl-C."""

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.cli.exit_codes import ExitCode, code_of
from ingest.cli.output import Output
from ingest.errors import IngestError

SETTINGS = Path("ingest.yaml")
NOTHING_CHANGED = "Nothing was changed; start it again."


SettingsOption = Annotated[
    Path | None, typer.Option("--settings", "-f", metavar="PATH", help="Settings file.", show_default="./ingest.yaml")
]
IndexOption = Annotated[
    str | None, typer.Option("--index", metavar="NAME", help="Index to work on.", show_default="the only one")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]


@dataclass(frozen=True)
class Common:
    """Options of every command, accepted before and after its name."""

    settings: SettingsOption = None
    index: IndexOption = None
    json: JsonOption = False

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.settings or SETTINGS

    def over(self, outer: "Common | None") -> "Common":
        """Return these options, completed with those given before the command's name."""
        if outer is None:
            return self
        return Common(self.settings or outer.settings, self.index or outer.index, self.json or outer.json)


def command(go_on: str = NOTHING_CHANGED) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function into a command: dataclass parameters become one option per field, errors become exit codes.

    Args:
        go_on: What somebody who stopped the command should know and do.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(function, eval_str=True).parameters
        groups: dict[str, Any] = {
            name: p.annotation for name, p in parameters.items() if dataclasses.is_dataclass(p.annotation)
        }

        def wrapped(ctx: typer.Context, **values: Any) -> None:
            for name, group in groups.items():
                values[name] = group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
            common = values["common"] = values["common"].over(ctx.find_root().obj)
            _translated(lambda: function(**values), Output(common.json), go_on)

        wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
        signature = inspect.Signature(_flat(parameters.values(), groups))
        wrapped.__signature__ = signature  # type: ignore[attr-defined]
        wrapped.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return wrapped

    return decorate


def _flat(parameters: Any, groups: dict[str, Any]) -> list[inspect.Parameter]:
    """Return the context and the parameters, each group replaced by its fields."""
    flat = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for parameter in parameters:
        group = groups.get(parameter.name)
        fields = inspect.signature(group).parameters.values() if group else [parameter]
        flat += [field.replace(kind=inspect.Parameter.KEYWORD_ONLY) for field in fields]
    return flat


def _translated(call: Callable[[], None], output: Output, go_on: str) -> None:
    try:
        call()
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        output.document({"error": {"class": "Stopped", "message": go_on, "exit_code": int(ExitCode.STOPPED)}})
        output.note(f"Stopped. {go_on}")
        raise typer.Exit(ExitCode.STOPPED) from None
    except IngestError as error:
        output.failed(error, code_of(error))
        raise typer.Exit(code_of(error)) from error
    except Exception as error:
        output.failed(error, ExitCode.UNEXPECTED)
        raise
