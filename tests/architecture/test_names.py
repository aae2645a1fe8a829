"""Names tell: one name, one idea, in the house and in its tests."""

from collections import defaultdict
from pathlib import Path

from tests.architecture.house import ROOT, House

HOUSE = House(ROOT)
UNIT = ROOT / "tests" / "unit"
INTEGRATION = ROOT / "tests" / "integration"

FACE = ("cli",)  # a command has the name of what it starts
SAME = {
    "documents": "the rows that `documents/` makes are `records/documents.py`",
    "keyword": "the step that builds the index of `keyword/`",
    "lake": "the class that the package is about",
    "parser": "one in the package of each format",
    "points": "the nouns, and what makes them of chunks",
    "sandbox": "the port, and its adapters",
    "services": "the record, and its opening",
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
