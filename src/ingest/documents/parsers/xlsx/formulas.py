"""Formulas and references of a sheet. What several cells share is stored once; the others have their own references."""

import re
from functools import lru_cache
from typing import Any

_LONGEST = 8192  # characters, of the format
_ROWS, _COLUMNS = 1048576, 16384
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})\Z")
_PREFIX = re.compile(r"_xlfn\.(?:_xlws\.)?|_xludf\.|_xlpm\.")  # of functions and names that older programs lack
_PART = re.compile(
    r"""
    "[^"]*" | '[^']*'
    | (?<![\w.$])(?P<column>\$?[A-Z]{1,3})(?P<row>\$?[0-9]{1,7})(?![\w(.!])
    | (?<![\w.$])(?P<left>\$?[A-Z]{1,3}):(?P<right>\$?[A-Z]{1,3})(?![\w(.!])
    | (?<![\w.$])(?P<top>\$?[0-9]{1,7}):(?P<bottom>\$?[0-9]{1,7})(?![\w(.!])
    """,
    re.X,
)


class Formulas:
    """Reads the formulas of one sheet in order."""

    def __init__(self) -> None:
        """Start with none."""
        self._shared: dict[str, tuple[str, tuple[int, int]]] = {}

    def read(self, element: Any, place: tuple[int, int]) -> str:
        """Return the formula of an `f` element at a row and column, "" when there is none or it is too long."""
        text = (element.text or "").strip()
        if len(text) > _LONGEST or element.get("t") == "dataTable":
            return ""
        key = element.get("si") if element.get("t") == "shared" else None
        if key is not None:
            if text:
                self._shared[key] = text, place
            elif key in self._shared:
                text, first = self._shared[key]
                text = copied_formula(text, place[0] - first[0], place[1] - first[1])
        return _PREFIX.sub("", text)


def copied_formula(formula: str, down: int, right: int) -> str:
    """Return a formula whose relative references point to other cells, as if it had been copied there."""

    def shift(match: re.Match[str]) -> str:
        if match["column"]:
            return _column(match["column"], right) + _row(match["row"], down)
        if match["left"]:
            return f"{_column(match['left'], right)}:{_column(match['right'], right)}"
        if match["top"]:
            return f"{_row(match['top'], down)}:{_row(match['bottom'], down)}"
        return match[0]

    return _PART.sub(shift, formula)


@lru_cache(maxsize=1000)
def column_number(letters: str) -> int:
    """Return a column's number, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def cell_place(name: str) -> tuple[int, int] | None:
    """Return the row and column of a cell such as B2, None for other names."""
    match = _PLACE.match(name)
    return (int(match[2]), column_number(match[1])) if match else None


def cell_column(name: str) -> int | None:
    """Return the column of a cell such as B2, None for other names."""
    match = _PLACE.match(name)
    return column_number(match[1]) if match else None


def _column(name: str, by: int) -> str:
    if name.startswith("$"):
        return name
    number = (column_number(name) + by - 1) % _COLUMNS + 1
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _row(name: str, by: int) -> str:
    return name if name.startswith("$") else str((int(name) + by - 1) % _ROWS + 1)
