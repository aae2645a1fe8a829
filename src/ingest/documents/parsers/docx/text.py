"""The text of DOCX paragraphs: runs as readers see them, and what is attached to them (notes, text boxes, figures)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.documents.parsers._office.omml import equation
from ingest.documents.parsers._office.ooxml import C, M, W
from ingest.documents.parsers.docx.styles import (
    Style,
    Styles,
    flag,
    is_hidden,
    is_monospaced,
    is_shaded,
    run_properties,
    value,
)

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_DROPPED = frozenset(
    W + name for name in ("del", "moveFrom", "pPr", "rPr", "instrText", "delText", "sdtPr", "sdtEndPr", "annotationRef")
)
_BOX = W + "txbxContent"
_SIGNS = {W + "tab": "\t", W + "ptab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "\u2011"}
_NOTES = {W + "footnoteReference": "footnote", W + "endnoteReference": "endnote"}


@dataclass
class Paragraph:
    """The visible text of one paragraph, and what is attached to it."""

    text: str = ""
    hidden: str = ""
    monospaced: bool = True  # of all its visible text
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # kind, id, mark shown in the text
    boxes: list[Any] = field(default_factory=list)  # contents of text boxes
    figures: list[Any] = field(default_factory=list)  # elements that refer to a chart or diagram
    pictures: list[str] = field(default_factory=list)  # alternative texts


class Texts:
    """Reads paragraphs of one document; counts its notes."""

    def __init__(self, styles: Styles, white_page: bool) -> None:
        """`white_page`: the page has no background colour, so white text is not seen."""
        self._styles, self._white_page = styles, white_page
        self._counts = {"footnote": 0, "endnote": 0}

    def read(self, element: Any, style: Style, on_white: bool) -> Paragraph:
        """Return the content of a `w:p`.

        Args:
            element: The paragraph.
            style: Its style.
            on_white: Whether its background is white according to what surrounds it.
        """
        found = Paragraph()
        properties = element.find(W + "pPr")
        on_white = on_white and self._white_page and not style.shaded and not is_shaded(properties)
        base = dict(self._styles.base) | dict(style.run)
        self._walk(element, base, on_white, found)
        return found

    def _walk(self, element: Any, base: dict[str, str], on_white: bool, found: Paragraph) -> None:
        """Add the content of an element; insertions, links, fields and content controls are transparent."""
        for child in element:
            tag = child.tag
            if not isinstance(tag, str) or tag in _DROPPED:
                continue
            if tag == W + "r":
                self._run(child, base, on_white, found)
            elif tag == W + "ruby":
                self._ruby(child, base, on_white, found)
            elif tag == M + "oMath":
                _add(found, equation(child), False, False)
            else:
                self._walk(child, base, on_white, found)

    def _run(self, run: Any, base: dict[str, str], on_white: bool, found: Paragraph) -> None:
        own = run.find(W + "rPr")
        properties = base
        if own is not None:
            style = self._styles.get(value(own.find(W + "rStyle")) or None)
            properties = base | dict(style.run) | dict(run_properties(own))
            on_white = on_white and not style.shaded
        hidden, monospaced = is_hidden(properties, on_white), is_monospaced(properties)
        for child in run:
            tag = child.tag
            if tag == W + "t":
                _add(found, child.text or "", hidden, monospaced)
            elif tag in _SIGNS:
                if tag != W + "br" or child.get(W + "type") in (None, "textWrapping"):
                    _add(found, _SIGNS[tag], hidden, monospaced)
            elif tag == W + "sym":
                _add(found, _symbol(child), hidden, True)
            elif tag in _NOTES:
                self._note(child, hidden, found)
            elif tag == W + "ruby":
                self._ruby(child, base, on_white, found)
            elif isinstance(tag, str) and tag not in _DROPPED:
                _drawn(child, found)

    def _ruby(self, element: Any, base: dict[str, str], on_white: bool, found: Paragraph) -> None:
        """Add text followed by its phonetic reading in brackets."""
        for name, before, behind in (("rubyBase", "", ""), ("rt", "(", ")")):
            part = element.find(W + name)
            if part is not None:
                _add(found, before, False, True)
                self._walk(part, {key: text for key, text in base.items() if key != "size"}, on_white, found)
                _add(found, behind, False, True)

    def _note(self, element: Any, hidden: bool, found: Paragraph) -> None:
        kind, key = _NOTES[element.tag], element.get(W + "id") or ""
        mark = ""
        if not flag(element.get(W + "customMarkFollows"), False):
            self._counts[kind] += 1
            mark = f"[{'' if kind == 'footnote' else 'e'}{self._counts[kind]}]"
            _add(found, mark, hidden, True)
        found.notes.append((kind, key, mark))


def _add(found: Paragraph, text: str, hidden: bool, monospaced: bool) -> None:
    if hidden:
        found.hidden += text
        found.text += " " if text.strip() and not found.text.endswith((" ", "\n")) else ""
    elif text:
        found.text += text
        found.monospaced = found.monospaced and (monospaced or not text.strip())


def _symbol(element: Any) -> str:
    """Return a character of a symbol font: its own code, or the ASCII one that such fonts repeat."""
    try:
        code = int(element.get(W + "char") or "", 16)
        return chr(code) if 32 <= code < 0xD800 or 0xE000 <= code < 0x110000 else ""
    except ValueError:
        return ""


def _drawn(element: Any, found: Paragraph) -> None:
    """Add the content of a drawing, picture or object."""
    for child in _outermost(element):
        tag = child.tag
        if tag == _BOX:
            found.boxes.append(child)
        elif tag in (C + "chart", _DIAGRAM):
            found.figures.append(child)
        elif (text := " ".join((child.get("descr") or child.get("alt") or "").split())).count(" "):  # no file names
            found.pictures.append(text)


def _outermost(element: Any) -> Iterator[Any]:
    """Yield text boxes and figures, but not those inside text boxes."""
    tag = element.tag
    if not isinstance(tag, str):
        return
    if tag == _BOX or tag in (C + "chart", _DIAGRAM):
        yield element
        return
    if tag.endswith(("}docPr", "}shape")):
        yield element
    for child in element:
        yield from _outermost(child)
