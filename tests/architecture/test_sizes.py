"""The house stays small: modules, functions, and the whole of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from ingest.cli.main import app
from tests.architecture.house import ROOT, Function, House, functions, length, lines, tree

HOUSE = House(ROOT)
MODULES = [*HOUSE.modules, *HOUSE.flows, *HOUSE.conformance]
MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6
LINES_WITHOUT_PARSERS = 26_000
COMMANDS = 30
FORMATTER_OFF = 5


def is_face(path: Path) -> bool:
    """Tell a module of commands or flows, whose parameters are options."""
    return path.is_relative_to(HOUSE.package / "cli") or path in HOUSE.flows


def test_the_house_stays_below_its_ceiling() -> None:
    """Whoever adds must simplify: the number is not the thing to change."""
    assert sum(map(lines, HOUSE.without_parsers)) <= LINES_WITHOUT_PARSERS


def test_the_command_line_stays_below_its_ceiling() -> None:
    assert 0 < len(list(commands(typer.main.get_command(app)))) <= COMMANDS


def commands(command: TyperGroup | TyperCommand) -> Iterator[TyperCommand]:
    """Yield a command, or the commands of a group and of the groups in it."""
    if not isinstance(command, TyperGroup):
        yield command
        return
    for inner in command.commands.values():
        yield from commands(inner)


def test_the_style_is_what_the_formatter_makes() -> None:
    places = HOUSE.formatter_off()
    assert len(places) <= FORMATTER_OFF, places


@pytest.mark.parametrize("path", MODULES, ids=HOUSE.name_of)
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    assert lines(path) <= MODULE_LINES
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", MODULES, ids=HOUSE.name_of)
def test_functions_are_small(path: Path) -> None:
    assert [(f.name, length(f)) for f in functions(path) if length(f) > FUNCTION_LINES] == []


@pytest.mark.parametrize("path", [path for path in MODULES if not is_face(path)], ids=HOUSE.name_of)
def test_functions_have_few_parameters(path: Path) -> None:
    assert [(f.name, parameters(f)) for f in functions(path) if parameters(f) > PARAMETERS] == []


def parameters(function: Function) -> int:
    """Return how many parameters a caller gives."""
    arguments = function.args.args
    bound = bool(arguments) and arguments[0].arg in ("self", "cls")
    return len(arguments) + len(function.args.kwonlyargs) - bound
