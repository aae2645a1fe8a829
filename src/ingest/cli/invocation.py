"""What all commands share: common options, opening an index, and handling errors and Ctrl-C."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from rich.console import RenderableType
from typer import Abort, BadParameter, Context, Exit, Option

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode, code_of
from ingest.cli.output import Output
from ingest.errors import IngestError, LocalUnavailable

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.settings import Settings

SETTINGS = Path("ingest.yaml")
Repeated = list[str] | None


def several(flag: str, metavar: str, help: str) -> Any:
    """Return an option of `Repeated`, which may be repeated."""
    return Option(flag, metavar=metavar, help=f"{help}; may be repeated.")


SourcesOption = Annotated[Repeated, several("--source", "NAME", "Only this source")]
SettingsOption = Annotated[
    Path | None, Option("--settings", "-f", metavar="PATH", help="Settings file.", show_default="./ingest.yaml")
]
IndexOption = Annotated[
    str | None, Option("--index", metavar="NAME", help="Index to work on.", show_default="the only one")
]
JsonOption = Annotated[bool, Option("--json", help="Print exactly one JSON document on stdout.")]


@dataclass(frozen=True)
class Invocation:
    """Options of every command, accepted before and after its name."""

    settings: SettingsOption = None
    index: IndexOption = None
    json: JsonOption = False

    @property
    def settings_path(self) -> Path:
        """The settings file."""
        return self.settings or SETTINGS

    @cached_property
    def output(self) -> Output:
        """Where the command's results go."""
        return Output(self.json)

    def over(self, outer: "Invocation") -> "Invocation":
        """Return these options, completed with those given before the command's name."""
        return Invocation(self.settings or outer.settings, self.index or outer.index, self.json or outer.json)

    def load(self) -> "Settings":
        """Return the settings. Raises: InvalidSettings."""
        from ingest.settings import load_settings

        return load_settings(self.settings_path)

    @contextmanager
    def opened(self) -> Iterator["Index"]:
        """Yield the index and close it, whatever happens. Raises: InvalidSettings, UnknownSource, IndexUnavailable."""
        import ingest
        from ingest.cli.progress_observer import ProgressObserver

        with (
            self.output.logged(),
            closing(ProgressObserver(self.output)) as observer,
            ingest.open(self.settings_path, self.index, observer=observer) as index,
        ):
            yield index

    @contextmanager
    def publishing(self) -> Iterator["Index"]:
        """Yield the index as `opened` does; an error or a stop then says what serves at that moment, read back."""
        with self.opened() as index:
            try:
                yield index
            except (Exception, KeyboardInterrupt) as error:
                error.add_note(tables.read_back(index)[1])
                raise


Opened = Annotated["Index", Invocation.opened]
Publishing = Annotated["Index", Invocation.publishing]


class Reply(NamedTuple):
    """What a command came to: the document of `--json`, what people see, the exit code, and lines for stderr."""

    document: Any
    shown: Iterable[RenderableType] = ()
    code: ExitCode = ExitCode.DONE
    notes: Iterable[str] = ()


def command(
    go_on: str = "Nothing was changed; run it again.",
) -> Callable[[Callable[..., Reply]], Callable[..., None]]:
    """Turn a function into a command: dataclass parameters become one option per field, errors become exit codes.

    Its first parameter is the invocation, or the index that is then open until its reply is printed. `go_on` is what a
    user who stops the command should know and do.
    """

    def decorate(function: Callable[..., Reply]) -> Callable[..., None]:
        acts_on, *others = inspect.signature(function).parameters.values()
        opens = getattr(acts_on.annotation, "__metadata__", [nullcontext])[0]
        parameters = [acts_on.replace(name="invocation", annotation=Invocation), *others]
        groups: dict[str, Any] = {p.name: p.annotation for p in parameters if dataclasses.is_dataclass(p.annotation)}

        def wrapped(ctx: Context, **values: Any) -> None:
            for name, group in groups.items():
                values[name] = group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
            invocation = values.pop("invocation").over(ctx.find_root().obj)
            with _translated(output := invocation.output, go_on):
                with opens(invocation) as opened:
                    reply = function(opened, **values)
                    output.result(reply.document, *reply.shown)
                    for note in reply.notes:
                        output.note(note)
                raise Exit(reply.code)

        wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
        flat = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Context)]
        for parameter in parameters:
            group = groups.get(parameter.name)
            fields = inspect.signature(group).parameters.values() if group else [parameter]
            flat += [field.replace(kind=inspect.Parameter.KEYWORD_ONLY) for field in fields]
        wrapped.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {p.name: p.annotation for p in flat}
        return wrapped

    return decorate


@contextmanager
def _translated(output: Output, go_on: str) -> Iterator[None]:
    try:
        yield
    except (Exit, Abort, BadParameter, BrokenPipeError):
        raise
    except KeyboardInterrupt as stop:
        words = " ".join([*getattr(stop, "__notes__", []), go_on])
        output.result({"error": {"class": "Stopped", "message": words, "exit_code": ExitCode.STOPPED}})
        output.note(f"Stopped. {words}")
        raise Exit(ExitCode.STOPPED) from None
    except Exception as error:
        told = error
        if isinstance(error, OSError):  # of this machine's own files: others are translated where they are used
            told = LocalUnavailable(f"{error.filename or 'a file of this machine'}: {error.strerror or error}")
            for note in getattr(error, "__notes__", ()):
                told.add_note(note)
        output.failed(told, code_of(told))
        if not isinstance(told, IngestError):
            raise
        raise Exit(code_of(told)) from error
