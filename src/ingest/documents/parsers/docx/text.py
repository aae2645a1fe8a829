"""The text of DOCX paragraphs: runs as readers see them, and what is attached to them (notes, text boxes, figures)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ingest.documents.parsers._office.omml import equation
from ingest.documents.parsers._office.ooxml import MC, C, M, W
from ingest.documents.parsers._reading.raised_figures import marked_script
from ingest.documents.parsers.docx.signs import (
    EMOJI,
    check_box,
    field_symbol,
    form_field,
    is_word_end,
    sign_of,
    text_in_fonts,
)
from ingest.documents.parsers.docx.styles import (
    Fonts,
    Style,
    Styles,
    flag,
    is_hidden,
    is_shaded,
    run_properties,
    value,
)

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
_DROPPED = frozenset(
    W + name for name in ("del", "moveFrom", "pPr", "rPr", "delText", "sdtPr", "sdtEndPr", "annotationRef")
)
_BOX = W + "txbxContent"
_RUN, _RUN_PROPERTIES, _TEXT, _RUBY, _MATH = W + "r", W + "rPr", W + "t", W + "ruby", M + "oMath"
_SIGNS = {W + "tab": "\t", W + "ptab": "\t", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "\u2011"}
_SYMBOLS = (W + "sym", EMOJI)
_VERSIONS = frozenset(MC + name for name in ("AlternateContent", "Choice", "Fallback"))
_RAISED = 4  # half points: a run that is raised by less stands in its line
_BEFORE = 40  # characters before raised text that are looked at
_INSTRUCTION = 1000  # characters of a field's instruction in one run
_NOTES = {W + "footnoteReference": "footnote", W + "endnoteReference": "endnote"}


@dataclass
class Paragraph:
    """The visible text of one paragraph, and what is attached to it."""

    text: str = ""
    hidden: str = ""
    monospaced: bool = True  # of all its visible text
    notes: list[tuple[str, str, str]] = field(default_factory=list)  # kind, id, mark shown in the text
    comments: list[str] = field(default_factory=list)  # ids
    boxes: list[Any] = field(default_factory=list)  # contents of text boxes
    figures: list[Any] = field(default_factory=list)  # elements that refer to a chart or diagram
    pictures: list[str] = field(default_factory=list)  # alternative texts
    seam: bool = False  # the last page ended behind the text, between two words
    instruction: str = ""  # of the field that is open
    result: int = 0  # where its result begins in the text


class Texts:
    """Reads paragraphs of one document; counts its notes."""

    def __init__(self, styles: Styles, white_page: bool, hyphenated: Callable[[], bool]) -> None:
        """Start.

        Args:
            styles: The document's.
            white_page: The page has no background colour, so white text is not seen.
            hyphenated: Returns whether words are divided where lines end, so that a page can end inside a word.
        """
        self._styles, self._white_page = styles, white_page
        self._hyphenated: Callable[[], bool] = cache(hyphenated)
        self._counts = {"footnote": 0, "endnote": 0}
        nothing: dict[str, str] = {}
        self._plain = nothing, False, self._seen(nothing, False)  # of runs without properties of their own

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
            if tag == _RUN:
                self._run(child, base, on_white, found)
            elif tag == _RUBY:
                self._ruby(child, base, on_white, found)
            elif tag == _MATH:
                _add(found, equation(child), False, False)
            elif tag == W + "commentRangeEnd":
                found.comments.append(child.get(W + "id") or "")
            elif tag == W + "sdt" and (state := check_box(child)):
                _add(found, state, False, True)
            else:
                before = len(found.text)
                self._walk(child, base, on_white, found)
                if tag == W + "fldSimple" and before == len(found.text):
                    _add(found, field_symbol(child.get(W + "instr") or ""), False, True)

    def _run(self, run: Any, base: dict[str, str], on_white: bool, found: Paragraph) -> None:
        own = run.find(_RUN_PROPERTIES)
        if own is not None:
            style = self._styles.get(value(own.find(W + "rStyle")) or None)
            properties = base | dict(style.run) | dict(run_properties(own))
            on_white = on_white and not style.shaded
            start = len(found.text)
            self._members(run, base, on_white, self._seen(properties, on_white), found)
            if (shift := _shift(properties, found.text[:start])) and not properties.get("vanish"):
                before, text = found.text[:start], found.text[start:]
                found.text = before + marked_script(text, before[-_BEFORE:], "", raised=shift == "superscript")
            return
        if self._plain[0] is not base or self._plain[1] != on_white:  # most runs of a paragraph look like it
            self._plain = base, on_white, self._seen(base, on_white)
        self._members(run, base, on_white, self._plain[2], found)

    def _seen(self, properties: dict[str, str], on_white: bool) -> tuple[Fonts, bool]:
        """Return the fonts of a run, and whether it is hidden."""
        return self._styles.fonts(properties), is_hidden(properties, on_white)

    def _members(
        self, run: Any, base: dict[str, str], on_white: bool, seen: tuple[Fonts, bool], found: Paragraph
    ) -> None:
        """Add the content of a run; of what is stored in several versions, one is left."""
        fonts, hidden = seen
        for child in run:
            tag = child.tag
            if tag == _RUN_PROPERTIES:
                continue
            text = _written(child, fonts)
            if text is not None:
                _add(found, text, hidden, fonts.is_monospaced or tag != _TEXT)
            elif tag in _VERSIONS:
                self._members(child, base, on_white, seen, found)
            elif tag == _RUBY:
                self._ruby(child, base, on_white, found)
            elif isinstance(tag, str) and tag not in _DROPPED:
                self._marked(child, hidden, found)

    def _marked(self, element: Any, hidden: bool, found: Paragraph) -> None:
        """Add what a member of a run stands for: a note, the end of a page, a part of a field, a drawing."""
        tag = element.tag
        if tag in _NOTES:
            self._note(element, hidden, found)
        elif tag == W + "lastRenderedPageBreak":
            found.seam = is_word_end(found.text[-1:]) and not self._hyphenated()
        elif tag == W + "commentReference":
            found.comments.append(element.get(W + "id") or "")
        elif tag == W + "fldChar":
            _field(element, hidden, found)
        elif tag == W + "instrText":
            found.instruction += (element.text or "")[: _INSTRUCTION - len(found.instruction)]
        else:
            _drawn(element, found)

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


def _shift(properties: dict[str, str], before: str) -> str:
    """Return "superscript", "subscript" or "": a run may be raised by a distance too, if it touches a word."""
    script = properties.get("script", "baseline")
    offset = properties.get("offset", "")
    if script != "baseline" or not offset or not before[-1:].strip():
        return "" if script == "baseline" else script
    up = not offset.startswith("-")
    height = offset.lstrip("+-")
    far = height.isdecimal() and len(height) < 4 and int(height) >= _RAISED
    return ("superscript" if up else "subscript") if far else ""


def _add(found: Paragraph, text: str, hidden: bool, monospaced: bool) -> None:
    if hidden:
        found.hidden += text
        found.text += " " if text.strip() and not found.text.endswith((" ", "\n")) else ""
    elif text:
        found.text += f" {text}" if found.seam and is_word_end(text[0]) else text
        found.seam = False
        found.monospaced = found.monospaced and (monospaced or not text.strip())


def _written(element: Any, fonts: Fonts) -> str | None:
    """Return the text of a member of a run, None for other members."""
    tag = element.tag
    if tag == _TEXT:
        text = element.text or ""
        return text if text.isascii() and not fonts.has_symbols else text_in_fonts(text, fonts).replace("\u00ad", "")
    if tag in _SYMBOLS:
        return sign_of(element, fonts.wide or fonts.ascii)
    return _SIGNS.get(tag)


def _field(element: Any, hidden: bool, found: Paragraph) -> None:
    """Add what a field shows if the document does not hold it as text. `element`: a `w:fldChar`."""
    kind = element.get(W + "fldCharType")
    if kind == "begin":
        found.instruction = ""
        _add(found, form_field(element), hidden, True)
        found.result = len(found.text)
    elif kind == "separate":
        found.result = len(found.text)
    elif kind == "end":
        if len(found.text) == found.result:
            _add(found, field_symbol(found.instruction), hidden, True)
        found.instruction = ""


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
