"""Names tell: one name, one idea, in the house and in its tests."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.house import ROOT, Function, House, tree

HOUSE = House(ROOT)
UNIT = ROOT / "tests" / "unit"
INTEGRATION = ROOT / "tests" / "integration"

FACE = ("cli",)  # a command has the name of what it starts
SAME = {
    "documents": "the rows that `documents/` makes are `records/documents.py`",
    "lake": "the class that the package is about",
    "parser": "one in the package of each format",
    "text": "runs of text in one format, one in the package of each format",
}
"""Names that stand twice, and why it is the same idea."""


def names() -> dict[str, list[Path]]:
    """Return the modules and packages of each name, those of commands left out."""
    found = defaultdict(list)
    for path in HOUSE.modules:
        place = path.parent if path.name == "__init__.py" else path.with_suffix("")
        parts = place.relative_to(HOUSE.package.parent).parts
        if parts[1:-1] != FACE:
            found[place.name].append(place)
    return found


def test_no_two_modules_of_one_name_have_different_ideas() -> None:
    twice = {name: places for name, places in names().items() if len(places) > 1}
    assert {name: places for name, places in twice.items() if name not in SAME} == {}
    assert set(SAME) - set(twice) == set(), "stands once only now: take it out of the list"


ENTRY = {
    "find": "one alternative of a package, by what names it there",
    "fingerprint": "of what decides about the work of the module",
    "main": "of a program",
    "names": "those of a package, and of all parsers, third parties' too",
    "open_reranker": "the re-rankers', and who chooses one",
    "open_source": "the sources'",
    "parse": "the parsers', and who chooses one",
    "plain_title": "a heading as its reader sees it, in one format",
    "starts_program": "the parsers', and who asks the right one",
    "variant": "the parsers'",
}
"""Functions whose names stand twice: what every alternative must have, and why else it is the same idea."""


def definitions() -> Iterator[tuple[str, ast.stmt, Path]]:
    """Yield what each module defines in public: the name, the statement, the module."""
    for path in (*HOUSE.modules, *HOUSE.flows, *HOUSE.conformance):
        for node in tree(path).body:
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                names = [node.name] if isinstance(node, ast.ClassDef | Function) else []
            yield from ((name, node, path) for name in names if not name.startswith("_"))


def test_the_name_of_a_class_names_nothing_else() -> None:
    classes = {name for name, node, _ in definitions() if isinstance(node, ast.ClassDef)}
    stands = Counter(name for name, _, _ in definitions() if name in classes)
    assert {name: times for name, times in stands.items() if times > 1} == {}


def test_a_function_has_a_name_of_its_own_unless_each_alternative_must_have_it() -> None:
    """Commands and flows have the name of what they start."""
    faces = (HOUSE.package / "cli", HOUSE.flows[0].parent)
    places = defaultdict(list)
    for name, node, path in definitions():
        if isinstance(node, Function) and not any(path.is_relative_to(face) for face in faces):
            places[name].append(HOUSE.name_of(path))
    twice = {name: places for name, places in places.items() if len(places) > 1}
    assert {name: places for name, places in twice.items() if name not in ENTRY} == {}
    assert set(ENTRY) - set(twice) == set(), "stands once only now: take it out of the list"


MIXED = ("utils", "util", "helpers", "helper", "common", "base", "manager", "misc")


def test_no_module_is_named_after_nothing() -> None:
    assert sorted(set(names()) & set(MIXED)) == []


def test_unit_tests_mirror_the_house() -> None:
    """`a/test_b.py` or `a/test_b_more.py` tests `a/b.py` or `a/b/`; in the folder `b` it may test all of it."""
    lost = [path.relative_to(UNIT) for path in sorted(UNIT.rglob("test_*.py")) if not has_module(path)]
    assert list(map(str, lost)) == []


def has_module(path: Path) -> bool:
    """Tell whether the module or package that a test's place and name tell is there."""
    folder = HOUSE.package / path.parent.relative_to(UNIT)
    words = path.stem.removeprefix("test_").split("_")
    return folder.is_dir() and any(
        (folder / name).with_suffix(".py").exists() or (folder / name).is_dir() or name == folder.name
        for name in ("_".join(words[:n]) for n in range(1, len(words) + 1))
    )


def test_integration_tests_stand_in_rooms_that_are_there() -> None:
    folders = {path.parent.relative_to(INTEGRATION) for path in INTEGRATION.rglob("test_*.py")}
    places = (HOUSE.package, HOUSE.package.parent, ROOT)
    assert [str(f) for f in sorted(folders) if not any((place / f).is_dir() for place in places)] == []
