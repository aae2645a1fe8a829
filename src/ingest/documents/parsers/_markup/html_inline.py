"""The text of an HTML element as a reader sees it, for cells, headings and captions."""

from typing import Any

from ingest.documents.parsers._markup.html_chrome import DROPPED, Chrome
from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_tabs import TabLabels

BREAK = "\0"  # stands for an explicit line break; no document contains it
BLOCKS = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "listing",
        "main",
        "menu",
        "ol",
        "optgroup",
        "p",
        "plaintext",
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "xmp",
        "option",
    )
)
SPECIAL = frozenset(("br", "img", "math", "rt", "q", "input", "label", "wbr"))
LONG_TABLE = 200  # characters; a longer table inside a cell is a block of its own
_OPENING = {"rt": "(", "q": "“", "label": " "}
_CLOSING = {"rt": ")", "q": "”", "label": " "}
_ANCHOR_SIGNS = ("", "¶", "#", "§", "🔗", "\uf0c1")
_TELLING = frozenset(("class", "id", "style", "role", "hidden", "aria-hidden", "popover", "color"))  # attributes
_JUDGED = DROPPED | {"header", "footer", "button"}  # whatever their attributes
_REMEMBERED = 10_000  # sets of attributes
_TEX = ("application/x-tex", "application/x-latex", "latex", "tex")


def opening(element: Any, tag: str) -> tuple[str, bool]:
    """Return the text with which an element of `SPECIAL` begins, and whether its content is read."""
    if tag == "br":
        return BREAK, True
    if tag == "img":
        alt = " ".join((element.get("alt") or "").split())
        return f" {alt} " if alt else " ", False
    if tag == "math":
        return f" {formula(element)} ", False
    if tag == "input":
        if element.get("type", "").lower() != "checkbox" or not _in_item(element):
            return "", False
        return "[x] " if "checked" in element.attrib else "[ ] ", False
    return _OPENING.get(tag, ""), True


def closing(tag: str) -> str:
    """Return the text with which an element of `SPECIAL` ends."""
    return _CLOSING.get(tag, "")


def formula(math: Any) -> str:
    """Return a formula: its alternative text, its TeX source, or else its characters."""
    if alternative := math.get("alttext"):
        return " ".join(alternative.split())
    for note in math.iter("annotation"):
        if note.get("encoding", "").lower() in _TEX:
            return " ".join("".join(note.itertext()).split())
    for note in list(math.iter("annotation", "annotation-xml")):
        note.clear(keep_tail=True)
    return " ".join(" ".join(math.itertext()).split())


class Inline:
    """Collects text; hidden parts and long tables in it are set aside for separate blocks."""

    def __init__(self, hiding: Hiding, chrome: Chrome, tabs: TabLabels | None = None) -> None:
        """Start with nothing set aside."""
        self.hiding, self.chrome, self.styles = hiding, chrome, hiding.styles
        self.tabs = tabs
        self.hidden: list[str] = []
        self.tables: list[Any] = []
        self._plain: dict[tuple[tuple[str, str], ...], bool] = {}  # by attributes

    def is_plain(self, element: Any, tag: str) -> bool:
        """Return whether an element is surely content that readers see, an ordinary one of its tag."""
        if tag in _JUDGED or (tag == "a" and is_anchor(element)):
            return False
        attributes = element.items()
        telling = tuple([one for one in attributes if one[0] in _TELLING]) if attributes else ()
        if not telling:
            return True
        known = self._plain.get(telling)
        if known is None:
            told = dict(telling)
            known = Chrome.surely_content(told) and self.hiding.surely_shown(told)
            if len(self._plain) < _REMEMBERED:
                self._plain[telling] = known
        return known

    def text(self, element: Any) -> str:
        """Return an element's text on one line."""
        if not len(element):
            return " ".join((element.text or "").split())
        return " ".join("".join(self._parts(element)).replace(BREAK, " ").split())

    def aside(self, element: Any) -> None:
        """Set the text of a hidden element aside."""
        text = " ".join(" ".join(seen(element)).split())
        if text:
            self.hidden.append(text)

    def _parts(self, root: Any) -> list[str]:
        """Return the pieces of text in an element. A walk of its own: those of lxml cost more than most cells hold."""
        parts = [root.text or ""]
        open_ = [(root, "", iter(root))]
        while open_:
            element, tag, children = open_[-1]
            for child in children:
                inner = child.tag
                if not isinstance(inner, str):  # an entity that nothing declares
                    continue
                if not self.skipped(child, inner, parts, exact=False):
                    if child.text:
                        parts.append(child.text)
                    if len(child):
                        open_.append((child, inner, iter(child)))
                        break
                self._end(child, inner, parts)
            else:
                open_.pop()
                if tag:
                    self._end(element, tag, parts)
        return parts

    def _end(self, element: Any, tag: str, parts: list[str]) -> None:
        if tag in SPECIAL:
            parts.append(closing(tag))
        elif self.stands_apart(element, tag):
            parts.append(" ")
        if element.tail:
            parts.append(element.tail)

    def skipped(self, element: Any, tag: str, parts: list[str], *, exact: bool) -> bool:
        """Return whether an element's content is left out; add what replaces it."""
        if tag in SPECIAL:
            text, read = opening(element, tag)
            parts.append(text)
            return not read
        if not self.is_plain(element, tag):
            if self.is_left_out(element, tag):
                return True
            if self.hiding(element):
                self.aside(element)
                return True
        if tag == "table" and not exact and element.xpath(f"string-length(.) > {LONG_TABLE}"):
            self.tables.append(element)
            return True
        if not exact and self.stands_apart(element, tag):
            parts.append(" ")
        return False

    def is_left_out(self, element: Any, tag: str) -> bool:
        """Return whether an element is no content of the page."""
        if tag in DROPPED:
            if tag == "dialog":
                return "open" not in element.attrib and not self.hiding.disclosure.is_opened(element)
            return not (tag == "template" and "shadowrootmode" in element.attrib)
        return self.chrome(element, tag) or (tag == "a" and is_anchor(element))

    def stands_apart(self, element: Any, tag: str) -> bool:
        """Return whether the text of an element is no part of a word around it."""
        return tag in BLOCKS or is_apart(tag) or self.styles.is_block(element) or self.styles.is_box(element)


def is_apart(tag: str) -> bool:
    """Return whether elements are boxes in a line: buttons, and those that a page defines itself."""
    return tag == "button" or "-" in tag


def is_anchor(link: Any) -> bool:
    """Return whether a link is only the anchor sign after a heading, for copying its address."""
    if len(link) > 1 or ((text := link.text) and len(text.strip()) > 1):
        return False
    return "".join(link.itertext()).strip() in _ANCHOR_SIGNS[1:]


def seen(element: Any) -> list[str]:
    """Return the pieces of text in an element, without scripts and styles."""
    return element.xpath(".//text()[not(parent::script or parent::style or parent::template)]")  # type: ignore[no-any-return]


def _in_item(element: Any) -> bool:
    around = element.getparent()
    return around is not None and (around.tag == "li" or (around.tag in ("p", "label") and _in_item(around)))
