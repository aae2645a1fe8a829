"""What the house is made of: rooms, modules, functions, imports. `make house` prints the table.

    python -m tests.architecture.house [CHECKOUT]

A room is an entry of `src/ingest`: a package or a module.
"""

import ast
import statistics
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
FORMATTER_OFF = ("# fmt: " + "skip", "# fmt: " + "off")  # put together, so that this file has none
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def lines(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of a module, methods and inner functions too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Return how many lines a function has, decorators left out."""
    return (function.end_lineno or 0) - function.lineno + 1


def is_package(path: Path) -> bool:
    """Tell a package from a folder that is none."""
    return path.is_dir() and (path / "__init__.py").exists()


@dataclass(frozen=True)
class House:
    """One checkout of the project."""

    root: Path

    @property
    def package(self) -> Path:
        """The folder of the package."""
        return self.root / "src" / "ingest"

    @cached_property
    def modules(self) -> list[Path]:
        """Every module of the package, by path."""
        return sorted(self.package.rglob("*.py"))

    @cached_property
    def flows(self) -> list[Path]:
        """Every module of the flows, by path."""
        return sorted((self.root / "src" / "ingest_flows").rglob("*.py"))

    @cached_property
    def conformance(self) -> list[Path]:
        """Every module of the checks that tests and the command line call, by path."""
        return sorted((self.root / "src" / "ingest_conformance").rglob("*.py"))

    @cached_property
    def rooms(self) -> list[str]:
        """The names of the entries under `ingest`."""
        entries = self.package.iterdir()
        return sorted(p.stem for p in entries if is_package(p) or (p.suffix == ".py" and p.stem != "__init__"))

    @cached_property
    def without_parsers(self) -> list[Path]:
        """Every module but those that read one format."""
        return [p for p in self.modules if "parsers" not in p.relative_to(self.package).parts]

    def formatter_off(self) -> list[str]:
        """Return each place where the formatter is told to keep out, as `path:line`."""
        return [
            f"{path.relative_to(self.root)}:{number}"
            for path in (*self.modules, *self.flows, *self.conformance)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if any(mark in line for mark in FORMATTER_OFF)
        ]

    def mandatory_dependencies(self) -> list[str]:
        """Return the requirements that everybody installs."""
        found: list[str] = tomllib.loads((self.root / "pyproject.toml").read_text())["project"]["dependencies"]
        return found

    def arrows(self) -> set[tuple[str, str]]:
        """Return each pair of rooms of which the first imports the second, imports inside functions included."""
        sys.path.insert(0, str(self.package.parent))
        try:
            graph = grimp.build_graph("ingest", cache_dir=None)
        finally:
            sys.path.pop(0)
        pairs = (
            (_room(module), _room(target))
            for module in graph.modules
            for target in graph.find_modules_directly_imported_by(module)
        )
        return {(one, other) for one, other in pairs if one and other and one != other}

    def name_of(self, path: Path) -> str:
        """Return the dotted name of a module's file."""
        base = self.package.parent if path.is_relative_to(self.package) else self.root
        parts = path.relative_to(base).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def table(self) -> list[tuple[str, str]]:
        """Return the figures of the house, each with its name."""
        sizes = [lines(path) for path in self.modules if path.name != "__init__.py"]
        largest = max(self.modules, key=lines)
        found = [(length(f), f"{self.name_of(path)}.{f.name}") for path in self.modules for f in functions(path)]
        over = sum(size > 300 for size in sizes)
        return [
            ("entries under src/ingest", f"{len(self.rooms)}"),
            ("arrows between them", f"{len(self.arrows())}"),
            ("modules", f"{len(self.modules):,}"),
            ("lines", f"{sum(map(lines, self.modules)):,}"),
            ("lines without parsers", f"{sum(map(lines, self.without_parsers)):,}"),
            ("median module", f"{statistics.median(sizes):.0f} lines"),
            ("largest module", f"{lines(largest)} lines, {self.name_of(largest)}; {over} over 300"),
            ("largest function", "{} lines, {}".format(*max(found))),
            ("functions over 40 lines", f"{sum(size > 40 for size, _ in found)}"),
            ("fmt: skip or off", f"{len(self.formatter_off())}"),
            ("mandatory dependencies", f"{len(self.mandatory_dependencies())}"),
        ]


def _room(module: str) -> str:
    """Return the room of a module, "" of the package itself."""
    return [*module.split("."), ""][1]


def main() -> None:
    """Print the table of a checkout, of this one by default."""
    house = House(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    for name, figure in house.table():
        sys.stdout.write(f"{name:<28}{figure}\n")


if __name__ == "__main__":
    main()
