"""The floors hold: imports go down, modules are small, nothing happens on import, the README's map is right."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ingest"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "flows").rglob("*.py")])
MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6

WORLD = {
    "boto3",
    "botocore",
    "fastapi",
    "httpx",
    "prefect",
    "qdrant_client",
    "qdrant_edge",
    "rich",
    "sentence_transformers",
    "starlette",
    "torch",
    "transformers",
    "typer",
    "unstructured",
    "uvicorn",
}
"""Libraries that touch the world or weigh seconds: nothing below the adapters imports them, and nobody on import."""

STORY = ("pipeline", "release", "quality", "search", "keyword", "payloads", "lake", "ports", "records", "ids", "errors")


def name_of(path: Path) -> str:
    """Return the dotted name of a module's file."""
    base = PACKAGE.parent if path.is_relative_to(PACKAGE) else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(path: Path) -> str:
    """Return the name under `ingest` that a module belongs to, "" elsewhere."""
    parts = name_of(path).split(".")
    return parts[1] if parts[0] == "ingest" and len(parts) > 1 else ""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Yield the top names of everything that a module imports, inside functions too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_imports_only_go_down_the_floors() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert " 0 broken" in result.stdout


def test_every_module_stands_on_a_floor() -> None:
    floors = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2]
    known = set(re.findall(r"ingest\.(\w+)", floors))
    there = {p.stem if p.suffix == ".py" else p.name for p in PACKAGE.iterdir() if p.suffix == ".py" or is_package(p)}
    assert there - {"__init__"} - known == set()


def is_package(path: Path) -> bool:
    return path.is_dir() and (path / "__init__.py").exists()


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("ingest", "flows", cache_dir=None)
    below = {m: {i for i in graph.find_modules_directly_imported_by(m) if i in graph.modules} for m in graph.modules}
    while leaves := [m for m, imports in below.items() if not imports]:
        for leaf in leaves:
            del below[leaf]
        for imports in below.values():
            imports.difference_update(leaves)
    assert sorted(below) == []


@pytest.mark.parametrize("path", [path for path in MODULES if floor_of(path) in STORY], ids=name_of)
def test_the_story_needs_nothing_of_the_world(path: Path) -> None:
    assert set(imported(path)) & WORLD == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_small_and_says_what_it_is_for(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES
    assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_small(path: Path) -> None:
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
    counts = {f.name: len(f.args.args) + len(f.args.kwonlyargs) - is_method(f) for f in functions(path)}
    commands = path.is_relative_to(PACKAGE / "cli") or path.parts[len(ROOT.parts)] == "flows"  # a parameter an option
    assert commands or {name: n for name, n in counts.items() if n > PARAMETERS} == {}


def is_method(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return bool(function.args.args) and function.args.args[0].arg in ("self", "cls")


LOOK = """
import importlib, json, os, sys, threading
before = set(os.environ.items())
slow = {}
for name in sys.argv[1:]:
    importlib.import_module(name)
    for library in LIBRARIES:
        if library in sys.modules:
            slow.setdefault(library, name)
changed = sorted(dict(set(os.environ.items()) - before))
print(json.dumps([slow, changed, threading.active_count(), sorted(os.listdir("."))]))
"""


def test_imports_are_light_and_do_no_work(tmp_path: Path) -> None:
    import json

    faces = ("ingest.cli.", "ingest.adapters.vectors.edge.")  # made of typer, rich and the front's server
    compiled = {
        "ingest.keyword.max_score",
        "ingest.keyword.compiled_loops",
    }  # imported by the opening of an index: numba takes a second
    names = [name for name in map(name_of, MODULES) if name.startswith("ingest") and not name.startswith(faces)]
    names = [name for name in names if name not in compiled]
    script = LOOK.replace("LIBRARIES", repr(sorted(WORLD | {"scipy", "docutils", "tokenizers", "numba"})))
    result = subprocess.run(
        [sys.executable, "-c", script, *names], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert json.loads(result.stdout) == [{}, [], 1, []]


def test_every_module_can_be_imported_alone() -> None:
    ground = ["ingest.errors", "ingest.ids", "ingest.ports", "ingest.pipeline", "ingest.search", "ingest.settings"]
    for name in ground:
        result = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr[-1000:]


def map_of_readme() -> list[str]:
    """Return the paths that the README's map names, from the repository's root."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = text.partition("## Map")[2].partition("```")[2].partition("```")[0]
    paths, folder = [], ""
    for line in filter(None, block.splitlines()):
        indented = line.startswith("  ")
        named = re.split(r"\s{3,}|\t", line.strip())[0]
        for name in named.split():
            paths.append((folder if indented else "") + name)
        if not indented:
            folder = named.split()[0]
    return paths


def test_the_map_of_the_readme_names_what_is_there() -> None:
    paths = map_of_readme()
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_map_of_the_readme_leaves_no_package_out() -> None:
    named = {
        Path(path).parts[2] for path in map_of_readme() if path.startswith("src/ingest/") and path != "src/ingest/"
    }
    there = {p.name for p in PACKAGE.iterdir() if is_package(p) and len(list(p.glob("*.py"))) > 1}
    assert there - named == set()
