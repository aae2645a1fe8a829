"""Writes PDF files glyph by glyph, as producers do for Hebrew and Arabic: each glyph has a text and a place."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, Writer

EM = 1000
WIDE, NARROW = 500, 300  # of glyphs, in thousandths
SPACE = 250
DOT = "\0"  # a dot inside or above a letter that is not in the font's table


@dataclass
class Shown:
    """A glyph on a page; `y` is the base line, from the top."""

    text: str  # by the font's table; "" for one that is not in it
    x: float
    y: float
    size: float = 10
    actual: str = ""  # the text of a span of its own


def line(x: float, y: float, seen: Iterable[str], size: float = 10) -> list[Shown]:
    """Return the glyphs of a line, from left to right from `x` on."""
    found = []
    for text in seen:
        found.append(Shown(text, x, y, size))
        x += advance(text, size)
    return found


def right_line(x: float, y: float, seen: Sequence[str], size: float = 10) -> list[Shown]:
    """Return the glyphs of a line that ends at `x`."""
    return line(x - sum(advance(text, size) for text in seen), y, seen, size)


def advance(text: str, size: float) -> float:
    return _width(text) * size / EM


def _width(text: str) -> int:
    if _is_mark(text):
        return 0
    return SPACE if text == " " else NARROW if text in "fijlrtI" else WIDE


def _is_mark(text: str) -> bool:
    return unicodedata.category(text[:1] or "a") == "Mn"


def glyph_file(pages: Sequence[Iterable[Shown]], drawn: str = "", one_by_one: bool = False) -> bytes:
    """Return a PDF file.

    Args:
        pages: Glyphs in the order of the content.
        drawn: Other content of each page.
        one_by_one: Each glyph is a text object, spaces included; else those of a line are one string.
    """
    contents, codes = [], dict[str, int]()
    for page in pages:
        shown = list(page)
        for glyph in shown:
            codes.setdefault(glyph.text, len(codes) + 1)
        lines: list[list[Shown]] = []
        for glyph in shown:
            whole = not one_by_one and not glyph.actual and lines and not lines[-1][-1].actual
            last = lines[-1][-1] if lines else None
            if whole and last and last.y == glyph.y and abs(last.x + advance(last.text, last.size) - glyph.x) < 0.01:
                lines[-1].append(glyph)
            else:
                lines.append([glyph])
        contents.append(drawn + "".join(_string(part, codes) for part in lines))
    return _file(contents, codes)


def _string(part: Sequence[Shown], codes: dict[str, int]) -> str:
    first = part[0]
    string = "".join(f"{codes[glyph.text]:02X}" for glyph in part)
    shown = f"BT /F1 {first.size} Tf {first.x:.3f} {HEIGHT - first.y:.3f} Td <{string}> Tj ET\n"
    if not first.actual:
        return shown
    return f"/Span <</ActualText <FEFF{first.actual.encode('utf-16-be').hex()}>>> BDC\n{shown}EMC\n"


def _file(contents: Sequence[str], codes: dict[str, int]) -> bytes:
    writer = Writer()
    known = [(code, text) for text, code in codes.items() if text.strip(DOT)]
    rows = "".join(f"<{code:02X}> <{text.encode('utf-16-be').hex()}>\n" for code, text in known)
    head = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def\n"
    ranges = f"1 begincodespacerange <00> <FF> endcodespacerange {len(known)} beginbfchar\n{rows}endbfchar\n"
    table = writer.stream(f"{head}{ranges}endcmap end end".encode())
    drawn = []
    for text in codes:
        box = (
            ""
            if text == " "
            else "100 750 100 100 re f"
            if _is_mark(text) or text == DOT
            else f"50 0 {_width(text) - 100} 700 re f"
        )
        drawn.append(writer.stream(f"{_width(text)} 0 d0 {box}".encode()))
    font = writer.add(
        f"<< /Type /Font /Subtype /Type3 /FontBBox [0 -200 {WIDE} 900] /FontMatrix [0.001 0 0 0.001 0 0] "
        f"/CharProcs << {' '.join(f'/g{code} {at} 0 R' for code, at in enumerate(drawn, 1))} >> "
        f"/Encoding << /Type /Encoding /Differences [1 {' '.join(f'/g{code}' for code in codes.values())}] >> "
        f"/FirstChar 1 /LastChar {len(codes)} /Widths [{' '.join(str(_width(text)) for text in codes)}] "
        f"/ToUnicode {table} 0 R >>"
    )
    streams = [writer.stream(content.encode("latin-1")) for content in contents]
    tree = len(writer.bodies) + len(streams) + 1
    kids = [
        writer.add(
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
            f"/Resources << /Font << /F1 {font} 0 R >> >> /Contents {stream} 0 R >>"
        )
        for stream in streams
    ]
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    assert writer.add(f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>") == tree
    root = writer.add(f"<< /Type /Catalog /Pages {tree} 0 R >>")
    return writer.file(f"/Root {root} 0 R")
