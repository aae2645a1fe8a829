"""The floors hold: imports go down and never in a circle, and nothing happens on import."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from tests.architecture.house import ROOT, House, tree

HOUSE = House(ROOT)
MODULES = [*HOUSE.modules, *HOUSE.flows]

WORLD = {
    "boto3",
    "botocore",
    "fastapi",
    "httpx",
    "prefect",
    "qdrant_client",
    "qdrant_edge",
    "ray",
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


def room_of(path: Path) -> str:
    """Return the name under `ingest` that a module belongs to, "" elsewhere."""
    parts = HOUSE.name_of(path).split(".")
    return parts[1] if parts[0] == "ingest" and len(parts) > 1 else ""


def imported(path: Path) -> Iterator[str]:
    """Yield the top names of everything that a module imports, inside functions too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_imports_only_go_down_the_floors() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
    assert " 0 broken" in result.stdout


def test_every_module_stands_on_a_floor() -> None:
    floors = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2]
    known = set(re.findall(r"ingest\.(\w+)", floors))
    assert set(HOUSE.rooms) - known == set()


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = grimp.build_graph("ingest", "ingest_conformance", "ingest_flows", cache_dir=None)
    below = {m: {i for i in graph.find_modules_directly_imported_by(m) if i in graph.modules} for m in graph.modules}
    while leaves := [m for m, imports in below.items() if not imports]:
        for leaf in leaves:
            del below[leaf]
        for imports in below.values():
            imports.difference_update(leaves)
    assert sorted(below) == []


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) in STORY], ids=HOUSE.name_of)
def test_the_story_needs_nothing_of_the_world(path: Path) -> None:
    assert set(imported(path)) & WORLD == set()


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
    faces = ("ingest.cli.", "ingest.adapters.vectors.edge.")  # made of typer, rich and the front's server
    compiled = {
        "ingest.keyword.max_score",
        "ingest.keyword.compiled_loops",
    }  # imported by the opening of an index: numba takes a second
    names = [name for name in map(HOUSE.name_of, HOUSE.modules) if not name.startswith(faces)]
    names = [name for name in names if name not in compiled]
    script = LOOK.replace("LIBRARIES", repr(sorted(WORLD | {"scipy", "docutils", "tokenizers", "numba"})))
    result = subprocess.run(
        [sys.executable, "-c", script, *names], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert json.loads(result.stdout) == [{}, [], 1, []]


@pytest.mark.parametrize("room", ["errors", "ids", "ports", "pipeline", "search", "settings"])
def test_a_room_can_be_imported_alone(room: str) -> None:
    command = [sys.executable, "-c", f"import ingest.{room}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-1000:]
