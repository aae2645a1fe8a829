"""Elements whose style keeps the line feeds of their text, as `<pre>` does: `white-space: pre-wrap`."""

import re
from typing import Any

from ingest.documents.parsers._markup.html_inline_styles import inline_style

_MONOSPACED = re.compile(r"mono|courier|consolas|menlo|lucida console|cascadia|fira code|source code")


def keeps_lines(element: Any) -> bool:
    """Return whether an element's own style keeps line feeds."""
    style = element.get("style")
    return bool(style) and "white-space" in style.lower() and _kept(element) != ""


def is_styled_as_code(element: Any) -> bool:
    """Return whether an element with such a style keeps all white space, in a font for code."""
    style = inline_style(element)
    font = style.get("font-family", "") + style.get("font", "")
    return _kept(element) != "pre-line" and (element.tag == "code" or bool(_MONOSPACED.search(font)))


def break_lines(element: Any) -> None:
    """Put a `<br>` in place of each line feed in the text of an element."""
    for node in list(element.iter()):
        if node.text and "\n" in node.text and not node.text.isspace():
            node.text, *lines = node.text.split("\n")
            _insert(node, 0, lines)
        if node is not element and node.tail and "\n" in node.tail and not node.tail.isspace():
            node.tail, *lines = node.tail.split("\n")
            _insert(node.getparent(), node.getparent().index(node) + 1, lines)


def _kept(element: Any) -> str:
    value = inline_style(element).get("white-space", "")
    return value if value.startswith(("pre", "break-spaces")) else ""


def _insert(parent: Any, at: int, lines: list[str]) -> None:
    added = []
    for line in lines:
        added.append(parent.makeelement("br"))
        added[-1].tail = line
    parent[at:at] = added
