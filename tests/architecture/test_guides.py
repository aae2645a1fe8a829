"""What README, ARCHITECTURE and CONTRIBUTING say of the house is true."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, House, is_package, lines, tree

HOUSE = House(ROOT)
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
ARCHITECTURE_LINES = 150
WALKS = ("One document", "One question")
STATIONS = 10
STATION = re.compile(r"\d+\. `(?P<file>[^`]+\.py)` `(?P<name>[\w.]+)`")
READING = re.compile(r"Read in this order, about (?P<lines>[\d,]+) lines:\n\n(?P<items>(?:- .*\n(?:  .*\n)*)+)")


def section(page: Path, heading: str) -> str:
    """Return the text under a heading of the second level."""
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def map_of_readme() -> list[str]:
    """Return the paths that the README's map names, from the repository's root."""
    paths, folder = [], ""
    for line in filter(None, section(ROOT / "README.md", "Map").split("```")[1].splitlines()):
        indented = line.startswith("  ")
        named = re.split(r"\s{3,}|\t", line.strip())[0].split()
        paths += [(folder if indented else "") + name for name in named]
        folder = folder if indented else named[0]
    return paths


def test_the_map_of_the_readme_names_what_is_there() -> None:
    paths = map_of_readme()
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_map_of_the_readme_leaves_no_room_out() -> None:
    rooms = {path.removeprefix("src/ingest/").strip("/") for path in map_of_readme() if path.startswith("src/ingest/")}
    there = {path.name for path in HOUSE.package.iterdir() if is_package(path) or path.suffix == ".py"}
    assert there - {"__init__.py"} == rooms - {""}


def test_the_map_of_the_readme_leaves_no_folder_out() -> None:
    named = {path.split("/")[0] for path in map_of_readme()}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.rglob("*.*")) and not hidden(path)}
    assert there - named == set()


def hidden(path: Path) -> bool:
    """Tell folders of tools and of what they build."""
    return path.name.startswith(".") or path.name in ("build", "dist")


def test_the_architecture_stays_short() -> None:
    assert lines(ARCHITECTURE) < ARCHITECTURE_LINES


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_through_the_house_names_files_and_functions_that_are_there(walk: str) -> None:
    numbered = re.findall(r"^\d+\. .*", section(ARCHITECTURE, walk), re.MULTILINE)
    stations = [STATION.match(line) for line in numbered]
    assert 5 <= len(stations) <= STATIONS
    assert [line for line, station in zip(numbered, stations, strict=True) if station is None] == []
    missing = [station[0] for station in stations if station and not defines(ROOT / station["file"], station["name"])]
    assert missing == []


def test_the_two_walks_end_the_architecture() -> None:
    headings = re.findall(r"^## (.*)$", ARCHITECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(headings[-2:]) == WALKS


def defines(path: Path, name: str) -> bool:
    """Tell whether a module defines a function, a class, or a method written `Class.method`."""
    body = tree(path).body if path.exists() else []
    for part in name.split("."):
        found = [n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        node = next((n for n in found if n.name == part), None)
        if node is None:
            return False
        body = node.body
    return True


def test_the_reading_list_is_as_long_as_it_says() -> None:
    reading = READING.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert reading
    paths = [ROOT / name for item in reading["items"].splitlines() for name in re.findall(r"^- `([^`]+)`", item)]
    assert len(paths) >= 5
    assert [path for path in paths if not path.exists()] == []
    total = sum(lines(file) for path in paths for file in (sorted(path.glob("*.py")) if path.is_dir() else [path]))
    said = int(reading["lines"].replace(",", ""))
    assert said == pytest.approx(total, rel=0.15)


def test_where_things_are_is_one_file_each_that_is_there() -> None:
    rows = re.findall(
        r"^\| (.+\S) \| `([^`|]+)` \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) >= 12
    assert [file for _, file in rows if not (ROOT / file).is_file()] == []
    assert len({file for _, file in rows}) == len(rows)


LINK = re.compile(r"\[[^\]]+\]\((?P<file>[^)#\s]*)(?:#(?P<place>[^)\s]+))?\)")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"])


def places(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made where Markdown is shown."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in LINK.finditer(text) if "://" not in link["file"]]
    targets = [(link, (page.parent / link["file"]).resolve() if link["file"] else page) for link in links]
    assert [link[0] for link, target in targets if not target.exists()] == []
    assert [link[0] for link, target in targets if link["place"] and link["place"] not in places(target)] == []


PROMISED = re.compile(r"`(?P<file>tests/[^`:]+)(?:::(?P<name>\w+))?[^`]*`")


def test_each_promise_is_held_by_tests_that_are_there() -> None:
    rows = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").splitlines()
    numbered = {match[1]: row for row in rows if (match := re.match(r"\| (\d+) \|", row))}
    assert [str(n) for n in range(1, len(numbered) + 1)] == list(numbered)
    missing = []
    for number, row in numbered.items():
        named = [(ROOT / found["file"], found["name"]) for found in PROMISED.finditer(row)]
        gone = [(path, name) for path, name in named if not path.exists() or f"def {name}(" not in path.read_text()]
        missing += [f"{number}: {path}::{name}" for path, name in gone] or ([] if named else [f"{number}: no test"])
    assert missing == []
