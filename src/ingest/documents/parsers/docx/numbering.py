"""Labels of automatically numbered paragraphs, which readers see although the text does not contain them."""

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers._office.ooxml import W
from ingest.documents.parsers.docx.styles import value

_PLACE = re.compile(r"%([1-9])")
_BULLET = "-"
_LARGEST = 100_000  # highest start value; larger ones are damage
_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


@dataclass
class _Level:
    form: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class Numbering:
    """The lists of one document and the current count of each; labels must be requested in document order."""

    _lists: dict[str, tuple[str, dict[int, _Level]]] = field(default_factory=dict)  # numId → (counter, levels)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)
    _started: set[str] = field(default_factory=set)
    _restarts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Any) -> "Numbering":
        """Read the root of `numbering.xml`, None for a document without one."""
        lists: dict[str, Any] = {}
        restarts: dict[str, dict[int, int]] = {}
        if root is None:
            return cls()
        abstracts = {one.get(W + "abstractNumId") or "": _levels(one) for one in root.findall(W + "abstractNum")}
        links = {
            value(one.find(W + "styleLink")): one.get(W + "abstractNumId") for one in root.findall(W + "abstractNum")
        }
        refers = {
            one.get(W + "abstractNumId"): value(one.find(W + "numStyleLink")) for one in root.findall(W + "abstractNum")
        }
        for number in root.findall(W + "num"):
            key, abstract = number.get(W + "numId") or "", value(number.find(W + "abstractNumId"))
            abstract = links.get(refers.get(abstract, "") or "\0", abstract) or abstract
            levels = dict(abstracts.get(abstract, {}))
            for change in number.findall(W + "lvlOverride"):
                at = _number(change.get(W + "ilvl"), 0)
                if change.find(W + "lvl") is not None:
                    levels[at] = _level(change.find(W + "lvl"))
                if change.find(W + "startOverride") is not None:
                    restarts.setdefault(key, {})[at] = _number(value(change.find(W + "startOverride")), 1)
            lists[key] = (abstract, levels)
        return cls(lists, _restarts=restarts)

    def label(self, key: str, level: int) -> str:
        """Count the next paragraph of a list and return its label: "-" for bullets, "" for empty labels."""
        if key not in self._lists:
            return _BULLET
        counter, levels = self._lists[key]
        counts = self._counts.setdefault(counter, {})
        if key not in self._started:
            self._started.add(key)
            for at, start in self._restarts.get(key, {}).items():
                counts[at] = start - 1
        here = levels.get(level, _Level())
        counts[level] = counts.get(level, here.start - 1) + 1
        for deeper in [at for at in counts if at > level]:
            del counts[deeper]
        if here.form == "bullet":
            return _BULLET

        def number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            other = levels.get(at, _Level("decimal"))
            return _written(counts.setdefault(at, other.start), other.form)

        return " ".join(_PLACE.sub(number, here.text).split()) if here.form != "none" else ""


def _levels(abstract: Any) -> dict[int, _Level]:
    return {_number(level.get(W + "ilvl"), 0): _level(level) for level in abstract.findall(W + "lvl")}


def _level(element: Any) -> _Level:
    form = value(element.find(W + "numFmt")) or "decimal"
    return _Level(form, value(element.find(W + "lvlText")), _number(value(element.find(W + "start")), 1))


def _number(text: str | None, default: int) -> int:
    return min(int(text), _LARGEST) if text and text.isdecimal() and len(text) < 10 else default


def _written(number: int, form: str) -> str:
    """Return a number as a list shows it; numerals of other scripts become digits."""
    if form == "decimalZero":
        return f"{number:02d}"
    if form in ("lowerLetter", "upperLetter") and number > 0:
        repeated, letter = divmod(number - 1, 26)
        text = chr(ord("a") + letter) * (min(repeated, 50) + 1)
        return text.upper() if form == "upperLetter" else text
    if form in ("lowerRoman", "upperRoman") and 0 < number < 5000:
        text = ""
        for amount, sign in _ROMAN:
            text += sign * (number // amount)
            number %= amount
        return text.upper() if form == "upperRoman" else text
    return str(number)
