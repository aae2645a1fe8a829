"""What the cells of a spreadsheet show: number formats, dates, hidden text."""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from ingest.documents.parsers._office.ooxml import A, Package, S

_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]', re.I)  # literal text, fillers, colours, conditions
_SHARE = re.compile(r"0(?:\.(0+))?%")
_NOTHING = ";;;"
_LAST_DAY = 2958466  # 10000-01-01, the first day beyond the format's range
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # days are counted from 0
_NO_LEAP_DAY = 60  # 1900-02-29, which did not exist but is counted: earlier days are off by one
_DAY = 86_400_000  # milliseconds
_BUILTIN_SHARES = {9: 0, 10: 2}
_BUILTIN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_DURATION = 46
_WHITE = ("FFFFFFFF", "00FFFFFF", "FFFFFF")


@dataclass(frozen=True, slots=True)
class CellLook:
    """What a cell's style does to its value."""

    form: str = ""  # date, duration, share
    digits: int = 0  # of a percentage, after the decimal point
    hidden: bool = False  # white without a fill, or a number format that shows nothing


@dataclass
class Cells:
    """Turns stored cells into the text that they show."""

    strings: list[str] = field(default_factory=list)
    looks: list[CellLook] = field(default_factory=list)
    from_1904: bool = False

    def text(self, cell: Any) -> str:
        """Return the text that a `c` element shows: cached values of formulas, ISO dates, integers without a point.

        Errors stay as Excel writes them (#N/A); a formula without a cached value shows nothing.
        """
        kind, stored = cell.get("t", "n"), cell.findtext(S + "v")
        if kind == "inlineStr":
            inline = cell.find(S + "is")
            return "" if inline is None else rich(inline)
        if stored is None:
            return ""
        if kind == "s":
            index = int(stored) if stored.strip().isdecimal() and len(stored) < 10 else len(self.strings)
            return self.strings[index] if index < len(self.strings) else ""
        if kind == "b":
            return "TRUE" if stored.strip() == "1" else "FALSE"
        return self._number(stored, self.look(cell)) if kind == "n" else stored

    def look(self, cell: Any) -> CellLook:
        """Return the style of a cell."""
        index = cell.get("s") or "0"
        known = index.isdecimal() and len(index) < 7 and int(index) < len(self.looks)
        return self.looks[int(index)] if known else CellLook()

    def _number(self, stored: str, look: CellLook) -> str:
        try:
            number = float(stored)
        except ValueError:
            return stored
        if not math.isfinite(number):
            return stored
        if look.form in ("date", "duration") and 0 <= number < _LAST_DAY:
            return self._moment(number, look.form)
        if look.form == "share":
            return f"{number * 100:.{look.digits}f}%"
        return plain_number(number)

    def _moment(self, number: float, form: str) -> str:
        """Return a duration as h:mm:ss, or a number of days since the epoch as date, time, or both."""
        if form == "duration":
            seconds = round(round(timedelta(number).total_seconds(), 3))  # milliseconds first, as dates are
            return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        days, share = divmod(number, 1)
        clock = timedelta(milliseconds=round(share * _DAY))
        if not days and not clock.days:
            return (datetime.min + clock).time().isoformat()
        if days < _NO_LEAP_DAY and not self.from_1904:
            days += 1
        try:
            found = (_EPOCH_1904 if self.from_1904 else _EPOCH_1900) + timedelta(days) + clock
        except OverflowError:
            return plain_number(number)
        return found.isoformat(" ") if found.time() != time() else found.date().isoformat()


def plain_number(number: float) -> str:
    """Return a number with at most 15 significant digits, as Excel does; integers without a point."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else f"{number:.15g}"


def rich(element: Any) -> str:
    """Return the text of a string item, without phonetic readings."""
    parts = [child.text or "" for child in element.findall(S + "t")]
    parts += [run.findtext(S + "t") or "" for run in element.findall(S + "r")]
    return "".join(parts)


def read_cells(package: Package, workbook: str, root: Any) -> Cells:
    """Return the strings and styles of a workbook. Raises: MalformedDocument, OversizedDocument."""
    properties = root.find(S + "workbookPr")
    cells = Cells(from_1904=properties is not None and properties.get("date1904") in ("1", "true"))
    for part in package.related(workbook, "sharedStrings"):
        cells.strings += [rich(item) for item in package.elements(part, S + "si")]
    for part in package.related(workbook, "styles"):
        cells.looks = _looks(package.xml(part))
    return cells


def _looks(root: Any) -> list[CellLook]:
    """Return the style of each index that a cell can have."""
    codes = {form.get("numFmtId"): form.get("formatCode") or "" for form in root.iterfind(f"{S}numFmts/{S}numFmt")}
    white = [_is_white(font.find(S + "color")) for font in root.iterfind(f"{S}fonts/{S}font")]
    filled = [
        fill.find(f"{S}patternFill") is None or fill.find(f"{S}patternFill").get("patternType", "none") != "none"
        for fill in root.iterfind(f"{S}fills/{S}fill")
    ]
    looks = []
    for style in root.iterfind(f"{S}cellXfs/{S}xf"):
        form, digits, nothing = _form(style.get("numFmtId") or "0", codes)
        font, fill = _at(white, style.get("fontId")), _at(filled, style.get("fillId"))
        looks.append(CellLook(form, digits, nothing or (font and not fill)))
    return looks


def _is_white(color: Any) -> bool:
    return color is not None and ((color.get("rgb") or "").upper() in _WHITE or color.get("theme") == "0")


def _at(values: list[bool], index: str | None) -> bool:
    return bool(index) and str(index).isdecimal() and int(str(index)) < len(values) and values[int(str(index))]


def _form(key: str, codes: dict[str, str]) -> tuple[str, int, bool]:
    """Return a number format's form and digits, and whether it shows nothing."""
    code = codes.get(key)
    if code is None:
        number = int(key) if key.isdecimal() and len(key) < 6 else 0
        if number in _BUILTIN_SHARES:
            return "share", _BUILTIN_SHARES[number], False
        form = "date" if number in _BUILTIN_DATES else ""
        return ("duration" if number == _DURATION else form), 0, False
    if code.strip() == _NOTHING:
        return "", 0, True
    bare = _QUOTED.sub("", code).split(";")[0]
    if share := _SHARE.search(bare):
        return "share", min(len(share[1] or ""), 10), False
    lower = bare.lower()
    if "[" in lower:
        return "duration", 0, False
    return ("date" if set(lower) & set("ymdhs") and "general" not in lower else ""), 0, False


def drawing_lines(root: Any, paragraph: Any) -> list[str]:
    """Return the lines of the shapes in a sheet's drawing."""
    return [line for element in root.iter(A + "p") for line in paragraph(element)]
