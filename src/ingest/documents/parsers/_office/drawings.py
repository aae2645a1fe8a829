"""Text in drawings of Office documents: paragraphs of shapes, charts, diagrams."""

import math
from typing import Any

from ingest.documents.parsers._office.number_formats import NumberFormat
from ingest.documents.parsers._office.omml import equation
from ingest.documents.parsers._office.ooxml import A, C, M, Package, R
from ingest.documents.parsers._reading.raised_figures import marked_script
from ingest.documents.parsers._reading.symbol_fonts import is_symbol_font, with_symbols
from ingest.documents.parsers._reading.table_blocks import SEPARATOR
from ingest.records import BlockKind

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_CHART = C + "chart"
_RELATIONS = _DIAGRAM + "relIds"
_LATIN, _SPECIAL = A + "latin", A + "sym"
_POINTS = 10_000  # per chart; more is data, not a picture to read


def paragraph(element: Any) -> list[str]:
    """Return the lines of a DrawingML paragraph (`a:p`), white space collapsed."""
    parts = []
    for child in element.iter(A + "t", A + "br", M + "oMath"):
        if child.tag == A + "br":
            parts.append("\n")
        elif child.tag == M + "oMath":
            parts.append(equation(child))
        else:
            parts.append(_in_font(child, parts))
    text = "".join(parts).replace("\u00ad", "").replace("\v", "\n")  # soft hyphens; breaks of lines
    lines = [" ".join(line.split()) for line in text.split("\n")]
    return [line for line in lines if line]


def _in_font(element: Any, before: list[str]) -> str:
    """Return the text of an `a:t` as the fonts of its run show it, raised or lowered as the run is.

    A font for symbols (`a:sym`) shows what is not ASCII; PowerPoint stores a lone letter for a symbol that it put there
    itself, such as the face for ":)".
    """
    text = element.text or ""
    properties = next(element.getparent().iterchildren(A + "rPr"), None)
    if properties is not None and (shift := properties.get("baseline", "0").strip("%")) not in ("0", ""):
        return marked_script(text, before[-1] if before else "", "", raised=shift[0] != "-")
    named = () if properties is None else properties.iterchildren(_LATIN, _SPECIAL)
    fonts = {child.tag: child.get("typeface") or "" for child in named}
    if not fonts:  # as most runs
        return with_symbols(text, "")
    latin, special = fonts.get(_LATIN, ""), fonts.get(_SPECIAL, "")
    if is_symbol_font(latin) or not is_symbol_font(special):
        return with_symbols(text, latin)
    if len(text.strip()) == 1:
        return with_symbols(text, special)
    return "".join(each if each.isascii() else with_symbols(each, special) for each in text)


def figures(package: Package, part: str, element: Any) -> list[tuple[BlockKind, list[str], int]]:
    """Return block kind, lines and number of header lines of each chart and diagram to which an element refers."""
    relations = package.relations(part)
    found: list[tuple[BlockKind, list[str], int]] = []
    for reference in element.iter(_CHART, _RELATIONS):
        key = reference.get(R + "id") if reference.tag == _CHART else reference.get(R + "dm")
        relation = relations.get(key or "")
        if relation is None:
            continue
        root = package.xml(relation.target)
        if relation.kind == "chart":
            found.append((BlockKind.TABLE, *_chart(root)))
        elif relation.kind == "diagramData":
            found.append((BlockKind.LIST, _diagram(root), 0))
    return [figure for figure in found if figure[1]]


def _diagram(root: Any) -> list[str]:
    """Return the texts of a diagram's points, in stored order."""
    lines = []
    for point in root.iter(_DIAGRAM + "pt"):
        if point.get("type", "node") in ("node", "asst", "doc"):
            texts = [" ".join(paragraph(each)) for each in point.iter(A + "p")]
            lines.append(" ".join(filter(None, texts)))
    return [line for line in lines if line]


def _chart(root: Any) -> tuple[list[str], int]:
    """Return rows: title, axis titles, series names, then one per category; and the number of rows before those."""
    lines = [" ".join(" ".join(paragraph(each)) for each in title.iter(A + "p")) for title in root.iter(C + "title")]
    series = list(root.iter(C + "ser"))[:255]
    names = [" ".join(_points(one, "tx").values()) for one in series]
    categories: dict[int, str] = {}
    for one in series:
        categories = categories or _points(one, "cat") or _points(one, "xVal")
    values = [_points(one, "val") or _points(one, "yVal") for one in series]
    rows = sorted({index for points in (categories, *values) for index in points})[:_POINTS]
    if any(names):
        lines.append(SEPARATOR.join(["", *names]))
    lines = [line for line in lines if line.strip()]
    rest = [SEPARATOR.join([categories.get(i, ""), *(points.get(i, "") for points in values)]) for i in rows]
    return lines + rest, len(lines) if rest else 0


def _points(series: Any, name: str) -> dict[int, str]:
    """Return index → cached value of a part of a series, as its format shows it; of several levels, the innermost."""
    holder = series.find(C + name)
    found: dict[int, str] = {}
    forms: dict[str, NumberFormat] = {}
    for point in holder.iter(C + "pt") if holder is not None else ():
        index, value = point.get("idx") or "", point.findtext(C + "v") or ""
        if index.isdecimal() and len(index) < 8 and value.strip():
            code = point.get("formatCode") or point.getparent().findtext(C + "formatCode") or ""
            if code not in forms:
                forms[code] = NumberFormat(code)
            shown = _as_number(value, forms[code])
            found.setdefault(int(index), " ".join(shown.split()))
    return found


def _as_number(value: str, form: NumberFormat) -> str:
    """Return a number as a format shows it; other values, and numbers that it does not show, as they are."""
    try:
        number = float(value)
    except ValueError:
        return value
    return (form.number(number) if math.isfinite(number) and not form.is_plain else "") or value
