"""The text of OpenDocument paragraphs, and what their styles mean."""

from collections.abc import Callable, Iterator
from typing import Any

_PREFIX = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TEXT, TABLE = f"{_PREFIX}office:1.0}}", f"{_PREFIX}text:1.0}}", f"{_PREFIX}table:1.0}}"
DRAW, PRESENTATION, STYLE = f"{_PREFIX}drawing:1.0}}", f"{_PREFIX}presentation:1.0}}", f"{_PREFIX}style:1.0}}"
_APART = frozenset(
    (
        TEXT + "note",
        OFFICE + "annotation",
        DRAW + "frame",
        DRAW + "text-box",
        TEXT + "ruby-text",
        TEXT + "tracked-changes",
    )
)
_SPACES = 1000  # that one element may represent
_MOST = 20_000_000  # times that one cell or row may be repeated
_CHAIN = 20  # styles based on styles
_ROLES = (
    ("title", "title"),
    ("preformatted", "code"),
    ("source code", "code"),
    ("quot", "quote"),
    ("caption", "caption"),
    ("illustration", "caption"),
    ("figure", "caption"),
)


class OdfStyles:
    """Names, parents and visibility of one document's styles."""

    def __init__(self, roots: list[Any]) -> None:
        """Read the styles below `roots`: first those of the content, then those of `styles.xml`."""
        self._styles: dict[str, Any] = {}
        self._lists: dict[str, Any] = {}
        for root in roots:
            for style in root.iter(STYLE + "style"):
                self._styles.setdefault(style.get(STYLE + "name") or "", style)
            for style in root.iter(TEXT + "list-style"):
                self._lists.setdefault(style.get(STYLE + "name") or "", style)

    def _chain(self, name: str | None) -> Iterator[tuple[str, Any]]:
        for _ in range(_CHAIN):
            style = self._styles.get(name or "")
            if style is None:
                if name:
                    yield name, None
                return
            yield name or "", style
            name = style.get(STYLE + "parent-style-name")

    def role(self, name: str | None) -> str:
        """Return a paragraph's role according to the names of its styles: title, code, quote, caption, or ""."""
        for each, _ in self._chain(name):
            plain = each.replace("_20_", " ").lower()
            for start, role in _ROLES:
                if plain.startswith(start):
                    return role
        return ""

    def is_hidden(self, name: str | None) -> bool:
        """Return whether text with a style is not displayed."""
        for _, style in self._chain(name):
            properties = None if style is None else style.find(STYLE + "text-properties")
            shown = None if properties is None else properties.get(TEXT + "display")
            if shown:
                return str(shown) == "none"
        return False

    def hidden(self, element: Any) -> bool:
        """Return whether a run is not displayed, because of its style or as hidden text."""
        return element.tag == TEXT + "hidden-text" or self.is_hidden(element.get(TEXT + "style-name"))

    def is_invisible(self, name: str | None) -> bool:
        """Return whether a sheet or slide with a style is not shown."""
        style = self._styles.get(name or "")
        if style is None:
            return False
        page, table = style.find(STYLE + "drawing-page-properties"), style.find(STYLE + "table-properties")
        hidden_page = page is not None and page.get(PRESENTATION + "visibility") == "hidden"
        return hidden_page or (table is not None and table.get(TABLE + "display") == "false")

    def is_numbered(self, name: str | None) -> bool:
        """Return whether the items of a list have numbers."""
        style = self._lists.get(name or "")
        return style is not None and len(style) > 0 and style[0].tag == TEXT + "list-level-style-number"


def paragraph_lines(
    element: Any, hidden: Callable[[Any], bool] | None = None, only_hidden: bool = False, keep_spaces: bool = False
) -> list[str]:
    """Return the lines of a paragraph, without notes, comments and frames.

    Args:
        element: A `text:p` or `text:h`.
        hidden: Returns whether a run is not displayed; None: all text is displayed.
        only_hidden: Return only the text that is not displayed.
        keep_spaces: For code; otherwise white space is collapsed.
    """
    parts: list[str] = []
    _walk(element, hidden, only_hidden, False, parts)
    found = "".join(parts).split("\n")
    if keep_spaces:
        return [line.rstrip() for line in found]
    return [line for part in found if (line := " ".join(part.split()))]


def _walk(element: Any, hidden: Callable[[Any], bool] | None, only: bool, inside: bool, parts: list[str]) -> None:
    """Append the text of an element; `inside`: it is in a hidden run."""

    def add(text: str | None, unseen: bool) -> None:
        if text and unseen is only:
            parts.append(text.replace("\n", " "))

    add(element.text, inside)
    for child in element:
        tag = child.tag
        if tag == TEXT + "note" and not only and not inside:
            parts.append(f"[{' '.join((child.findtext(TEXT + 'note-citation') or '').split())}]")
        elif tag == TEXT + "s":
            add(" " * min(repeated(child, TEXT + "c"), _SPACES), inside)
        elif tag == TEXT + "tab":
            add("\t", inside)
        elif tag == TEXT + "line-break" and inside is only:
            parts.append("\n")
        elif isinstance(tag, str) and tag not in _APART:
            _walk(child, hidden, only, inside or (hidden is not None and hidden(child)), parts)
        add(child.tail, inside)


def outside_notes(element: Any, tag: str) -> Iterator[Any]:
    """Yield the elements with a tag below a paragraph that are not in notes nor in others of their kind."""
    for child in element:
        if child.tag == tag:
            yield child
        elif isinstance(child.tag, str) and child.tag not in (TEXT + "note", OFFICE + "annotation"):
            yield from outside_notes(child, tag)


def repeated(element: Any, name: str) -> int:
    """Return the repeat count in an attribute, at least 1."""
    times = element.get(name) or "1"
    return min(max(int(times), 1), _MOST) if times.isdecimal() and len(times) < 9 else 1
