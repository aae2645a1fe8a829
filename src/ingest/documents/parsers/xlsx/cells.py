"""What the cells of a spreadsheet show: number formats, dates, formulas without a value, hidden text."""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, NamedTuple

from ingest.documents.parsers._office.number_formats import NumberFormat, built_in, plain_number
from ingest.documents.parsers._office.ooxml import A, Package, S
from ingest.documents.parsers._reading.raised_figures import marked_script
from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, with_symbols
from ingest.documents.parsers._reading.table_blocks import is_number
from ingest.documents.parsers.xlsx.formulas import Formulas

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # characters that XML cannot hold
_WHITE = ("FFFFFFFF", "00FFFFFF", "FFFFFF")
_VALUE, _FORMULA, _TEXT, _RUN = S + "v", S + "f", S + "t", S + "r"
_STRINGS = ("inlineStr", "s", "str")
_PLAIN = NumberFormat("General")
_UNCOMPUTED = ("0", "0.0")  # what programs store that do not compute, if they ask for it when the file is opened


@dataclass(frozen=True, slots=True)
class CellLook:
    """What a cell's style does to its value."""

    form: NumberFormat = _PLAIN
    hidden: bool = False  # white without a fill
    font: str = ""  # if it is one of symbols


class CellText(NamedTuple):
    """What a cell shows.

    Attributes:
        text: "" for an empty cell.
        figure: The number behind it, where the text does not look like one: "12.5" for "12.5 kg".
        hidden: Nobody sees the text.
    """

    text: str = ""
    figure: str = ""
    hidden: bool = False


@dataclass
class Cells:
    """Turns stored cells into the text that they show."""

    strings: list[str] = field(default_factory=list)
    with_fonts: set[int] = field(default_factory=set)  # strings whose parts have fonts of their own
    looks: list[CellLook] = field(default_factory=list)
    recomputed: bool = False  # values of formulas are to be computed when the file is opened
    _known: dict[str | None, CellLook] = field(default_factory=dict)  # by what cells name, from `looks`

    def show(self, cell: Any, place: tuple[int, int], formulas: Formulas) -> CellText:
        """Return what a `c` element shows: its value as formatted; errors as Excel writes them (#N/A).

        A formula without a value shows itself.

        Args:
            cell: The element.
            place: Its row and column.
            formulas: Those of its sheet so far.
        """
        kind, look = cell.get("t", "n"), self._look(cell)
        stored = formula = None
        for child in cell:
            if child.tag == _VALUE:
                stored = child.text or ""
            elif child.tag == _FORMULA:
                formula = child
        if formula is not None:
            written = formulas.read(formula, place)
            lacks = not stored and (kind != "str" or stored is None)
            if written and (lacks or (self.recomputed and kind == "n" and stored in _UNCOMPUTED)):
                return CellText(f"={written}", "0", look.hidden)
        if kind == "n" and stored is not None:
            shown = _number(stored, look)
        else:
            text = self._string(cell, kind, stored or "")
            shown = _text(text, look) if kind in _STRINGS else CellText(text, "", look.hidden)
        if look.font and not self._has_fonts(cell, kind, stored or ""):
            return shown._replace(text=with_symbols(shown.text, look.font))
        return shown

    def _has_fonts(self, cell: Any, kind: str, stored: str) -> bool:
        """Return whether the parts of a cell's text have fonts of their own."""
        if kind == "inlineStr":
            return cell.find(f"{S}is/{S}r") is not None
        return kind == "s" and stored.strip().isdecimal() and len(stored) < 10 and int(stored) in self.with_fonts

    def _string(self, cell: Any, kind: str, stored: str) -> str:
        """Return the value of a cell that is not a number."""
        if kind == "inlineStr":
            inline = cell.find(S + "is")
            return "" if inline is None else rich(inline)
        if kind == "s":
            index = int(stored) if stored.strip().isdecimal() and len(stored) < 10 else len(self.strings)
            return self.strings[index] if index < len(self.strings) else ""
        if kind == "b":
            return "" if not stored else "TRUE" if stored.strip().lower() in ("1", "true") else "FALSE"
        return _unescaped(stored) if kind == "str" else _date(stored) if kind == "d" else stored

    def _look(self, cell: Any) -> CellLook:
        """Return the style of a cell."""
        name = cell.get("s")
        found = self._known.get(name)
        if found is None:
            index = name or "0"
            known = index.isdecimal() and len(index) < 7 and int(index) < len(self.looks)
            found = self._known[name] = self.looks[int(index)] if known else CellLook()
        return found


def _text(value: str, look: CellLook) -> CellText:
    if not value.strip():
        return CellText()
    shown = look.form.text(value)
    if shown is value:
        return CellText(value, "", look.hidden)
    return CellText(shown if shown.strip() else value, "", look.hidden or not shown.strip())


def _number(stored: str, look: CellLook) -> CellText:
    try:
        number = float(stored)
    except ValueError:
        return CellText(stored, "", look.hidden)
    if not math.isfinite(number):
        return CellText(stored, "", look.hidden)
    if look.form.is_plain:
        return CellText(plain_number(number), "", look.hidden)
    shown = look.form.number(number)
    if not shown:
        return CellText(plain_number(number), "", True) if number else CellText()  # a zero that is not shown is none
    known = look.form.has_moments or is_number(shown)
    figure = "" if known else plain_number(number)
    return CellText(shown, figure, look.hidden)


def _date(stored: str) -> str:
    """Return a date that is stored as one, in the form of all other dates."""
    try:
        moment = datetime.fromisoformat(stored.strip()).replace(tzinfo=None)
    except ValueError:
        return stored
    return moment.isoformat(" ", "seconds") if moment.time() != time.min else moment.date().isoformat()


def rich(element: Any) -> str:
    """Return the text of a string item as its fonts show it, without phonetic readings."""
    if len(element) == 1 and element[0].tag == _TEXT:  # as nearly all are
        return _unescaped(element[0].text or "")
    parts = [child.text or "" for child in element.findall(_TEXT)]
    for run in element.findall(_RUN):
        font, shift = run.find(f"{S}rPr/{S}rFont"), run.find(f"{S}rPr/{S}vertAlign")
        text = run.findtext(_TEXT) or ""
        if shift is not None and (kind := shift.get("val") or "baseline") != "baseline":
            text = marked_script(text, parts[-1] if parts else "", "", raised=kind == "superscript")
        parts.append(text if font is None else with_symbols(text, font.get("val") or ""))
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def read_cells(package: Package, workbook: str, root: Any) -> Cells:
    """Return the strings and styles of a workbook. Raises: MalformedDocument, OversizedDocument."""
    properties, computing = root.find(S + "workbookPr"), root.find(S + "calcPr")
    cells = Cells(recomputed=computing is not None and computing.get("fullCalcOnLoad") in ("1", "true"))
    for part in package.related(workbook, "sharedStrings"):
        for item in package.elements(part, S + "si"):
            if next(item.iterchildren(_RUN), None) is not None:
                cells.with_fonts.add(len(cells.strings))
            cells.strings.append(rich(item))
    from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    for part in package.related(workbook, "styles"):
        cells.looks = _looks(package.xml(part), from_1904)
    return cells


def _looks(root: Any, from_1904: bool) -> list[CellLook]:
    """Return the style of each index that a cell can have."""
    codes = {form.get("numFmtId"): form.get("formatCode") or "" for form in root.iterfind(f"{S}numFmts/{S}numFmt")}
    white = [_is_white(font.find(S + "color")) for font in root.iterfind(f"{S}fonts/{S}font")]
    faces = [font.find(S + "name") for font in root.iterfind(f"{S}fonts/{S}font")]
    names = ["" if face is None else face.get("val") or "" for face in faces]
    symbols = [name if is_symbol_font(name) else "" for name in names]
    filled = [
        fill.find(f"{S}patternFill") is None or fill.find(f"{S}patternFill").get("patternType", "none") != "none"
        for fill in root.iterfind(f"{S}fills/{S}fill")
    ]
    forms: dict[str, NumberFormat] = {}
    looks = []
    for style in root.iterfind(f"{S}cellXfs/{S}xf"):
        key = style.get("numFmtId") or "0"
        code = codes.get(key, built_in(int(key) if key.isdecimal() and len(key) < 6 else 0))
        if code not in forms:
            forms[code] = NumberFormat(code, from_1904)
        font, fill = _index(style.get("fontId"), len(white)), _index(style.get("fillId"), len(filled))
        unseen = font >= 0 and white[font] and not (fill >= 0 and filled[fill])
        looks.append(CellLook(forms[code], unseen, symbols[font] if font >= 0 else ""))
    return looks


def _is_white(color: Any) -> bool:
    return color is not None and ((color.get("rgb") or "").upper() in _WHITE or color.get("theme") == "0")


def _index(text: str | None, length: int) -> int:
    """Return a place in a list, -1 for one that it does not have."""
    index = int(text) if text and text.isdecimal() and len(text) < 7 else length
    return index if index < length else -1


def drawing_lines(root: Any, paragraph: Any) -> list[str]:
    """Return the lines of the shapes in a sheet's drawing."""
    return [line for element in root.iter(A + "p") for line in paragraph(element)]
