"""The lines of code in HTML: of `<pre>`, whose lines may be elements of their own, and of tables of numbered lines."""

import re
from typing import Any

from ingest.documents.parsers._markup.html_chrome import LINE_NUMBERS
from ingest.documents.parsers._markup.html_inline import BLOCKS, BREAK, SPECIAL, Inline, closing

CODE = ("pre", "listing", "xmp", "plaintext")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush:?|sourceCode|src|highlight-source)[-\s]([\w+#-]+)")
_LINES = frozenset(  # classes of elements that are a line of code
    (
        "line",
        "ec-line",
        "token-line",
        "code-line",
        "codeline",
        "cm-line",
        "codemirror-line",
        "view-line",
        "ace_line",
        "react-file-line",
        "react-code-text",
        "highlight-line",
        "source-line",
        "crayon-line",
    )
)
_EDITORS = frozenset(("cm-content", "codemirror-code", "view-lines", "ace_text-layer", "react-code-lines", "enlighter"))
_NUMBERS = re.compile(rf"{LINE_NUMBERS.pattern}|(?:^|[\s_-])(?:gl|lnt?|ln-num(?:ber)?s?|linenodiv)(?:$|[\s_-])")
_PLACE = re.compile(r"#[A-Za-z_-]{0,20}(\d+)")  # of a line
_CODE_CELL = re.compile(r"(?:^|[\s_-])(?:code|lntd|lines?|source|content|src)(?:$|[\s_-])")
_FRAMES = frozenset(("table", "tbody", "thead", "tfoot", "tr", "ul", "ol", "menu", "dl"))  # white space in them is none
_UNBROKEN = _FRAMES - {"tr"} | {"td", "th"}  # a row is a line, whatever is around and in it


def code_language(pre: Any) -> str:
    """Return the language from the attributes of a `<pre>`, its `<code>`, or the two elements around it."""
    around = pre.getparent()
    parents = [] if around is None else [around, around.getparent()]
    for element in (pre, *pre.iter("code"), *parents):
        if element is None:
            continue
        if match := _LANGUAGE.search((element.get("class") or "")[:1000]):
            return match[1].lower()
        for name in ("data-language", "data-lang"):
            if (named := (element.get(name) or "").strip().lower()) and len(named) < 40:
                return named
    return ""


def is_editor(element: Any) -> bool:
    """Return whether an element holds the lines of an editor that shows code, or those that Doxygen shows."""
    names = element.get("class")
    if not names:
        return False
    words = names.lower().split()
    if "fragment" in words:
        return len(element) > 0 and _is_named(element[0])
    return not _EDITORS.isdisjoint(words)


def is_line_number(element: Any) -> bool:
    """Return whether an element inside code holds nothing but numbers of lines."""
    attributes = element.attrib
    if _is_number_link(element):
        return True
    number = attributes.get("data-line-number")
    if not len(attributes) or (number is None and not _NUMBERS.search(attributes.get("class", "").lower())):
        return False
    text = "".join("".join(element.itertext()).split())
    return text in ("", number) if number is not None else not text or text.isdigit()


def _is_number_link(element: Any) -> bool:
    """Return whether an element is a number that links to itself, as those of lines do, or holds nothing else."""
    link = element[0] if len(element) == 1 and not (element.text or "").strip() else element
    if link.tag != "a" or len(link) or (link is not element and (link.tail or "").strip()):
        return False
    name = (link.get("href") or "")[:60]
    place = _PLACE.fullmatch(name)
    own = element.get("id"), link.get("id"), link.get("name")
    return place is not None and place[1] == (link.text or "").strip() and name[1:] in own


def is_code_table(rows: list[list[Any]]) -> bool:
    """Return whether the rows of a table are lines of code behind their numbers, or all numbers beside all lines."""
    if len(rows) > 1 and rows[0] and all(cell.tag == "th" for cell in rows[0]) and _is_surely_number(rows[0][0]):
        rows = rows[1:]
    if not rows or not all(2 <= len(cells) <= 3 for cells in (rows[0], rows[-1])):
        return False
    for *numbers, code in (rows[0], rows[-1]):
        if next(code.iter("pre"), None) is not None or not all(is_line_number(cell) for cell in numbers):
            return False
        if not (_CODE_CELL.search((code.get("class") or "").lower()) or all(map(_is_surely_number, numbers))):
            return False
    return True


def _is_surely_number(cell: Any) -> bool:
    return bool(LINE_NUMBERS.search((cell.get("class") or "").lower())) or _is_number_link(cell)


def code_lines(root: Any, inline: Inline) -> list[str]:
    """Return the lines of an element with their white space, as `<pre>` shows them."""
    return _lines_inside(root, inline) if len(root) else _unified(root.text or "").split("\n")


def _lines_inside(root: Any, inline: Inline) -> list[str]:
    from lxml import etree

    code = _CodeLines()
    own: list[tuple[Any, bool]] = []  # open elements with lines of their own, and whether each is a line itself
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag
        if event == "start":
            if element is not root and _left_out(element, tag, inline, code):
                walker.skip_subtree()
                continue
            if element is not root and _is_own(element, tag, inline, code):
                own.append((element, _counts(element, tag, [around for around, counts in own if counts])))
                code.begin()
            if element.text and not (tag in _FRAMES and element.text.isspace()):
                code.text(element.text)
            continue
        if element is root:
            break
        if own and own[-1][0] is element:
            code.end(counts=own.pop()[1], block=tag in BLOCKS)
        elif tag in SPECIAL:
            code.text(closing(tag))
        if element.tail and not (element.tail.isspace() and element.getparent().tag in _FRAMES):
            code.text(element.tail)
    return code.finish()


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _left_out(element: Any, tag: str, inline: Inline, code: "_CodeLines") -> bool:
    parts: list[str] = []
    if is_line_number(element) or inline.skipped(element, tag, parts, exact=True):
        code.text("".join(parts))
        return True
    for part in parts:
        code.line_break() if part == BREAK else code.text(part)
    if tag in ("td", "th") and not code.is_blank():
        code.text(" ")
    return False


def _is_own(element: Any, tag: str, inline: Inline, code: "_CodeLines") -> bool:
    """Return whether an element has lines of its own."""
    if tag in BLOCKS:
        return tag not in _UNBROKEN
    if inline.styles.is_block(element):
        return True
    if tag == "code" and element.getparent().tag == "pre":
        beside = element.getnext(), element.getprevious()
        if not any(found is not None and found.tag == tag for found in beside):
            return False
    elif not _is_named(element) and "data-line" not in element.attrib:
        return False
    tail = element.tail or ""
    return code.is_blank() and (not tail or (tail.isspace() and "\n" in tail))


def _is_named(element: Any) -> bool:
    names = element.get("class")
    return bool(names) and not _LINES.isdisjoint(names.lower().split())


def _counts(element: Any, tag: str, around: list[Any]) -> bool:
    """Return whether an element is a line even without text: by its name, or as it looks like the lines beside it."""
    if around:
        return _is_named(element) and not any(map(_is_named, around))
    if tag in ("li", "tr") or _is_named(element):
        return True
    beside = element.getnext(), element.getprevious()
    return any(found is not None and (found.tag, found.get("class")) == (tag, element.get("class")) for found in beside)


class _CodeLines:
    """Builds lines from text, line breaks, and elements that are lines of their own.

    The border of such an element and a line feed beside it are one border: no line is doubled.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._behind = ""  # "block" or "inline" when an element that is a line has just ended
        self._open: list[int] = []  # for each open element: how many lines there were

    def is_blank(self) -> bool:
        """Return whether nothing but white space is on the line so far."""
        return not "".join(self._line).strip()

    def text(self, text: str) -> None:
        """Add text, whose line feeds end lines."""
        if not text:
            return
        first, *rest = _unified(text).split("\n")
        if first:
            self._line.append(first)
            self._behind = "" if first.strip() else self._behind
        for piece in rest:
            if self._behind:
                self._line, self._behind = [], ""
            else:
                self._end()
            if piece:
                self._line.append(piece)

    def line_break(self) -> None:
        """Add a `<br>`; behind an inline element that is a line it only ends that line."""
        if self._behind != "inline":
            self._end()
        self._behind = ""

    def begin(self) -> None:
        """Begin an element that is a line or several."""
        self._border()
        self._open.append(len(self.lines))
        self._behind = ""

    def end(self, *, counts: bool, block: bool) -> None:
        """End an element; one without a line is an empty line if it `counts`."""
        self._border()
        if self._open.pop() == len(self.lines) and counts:
            self._end()
        self._behind = "block" if block else "inline"

    def finish(self) -> list[str]:
        """Return the lines."""
        if self._line:
            self._end()
        return self.lines

    def _border(self) -> None:
        if self.is_blank():
            self._line = []
        else:
            self._end()

    def _end(self) -> None:
        self.lines.append("".join(self._line))
        self._line = []
