"""Text that pages show inside other elements: pages in `<iframe srcdoc>`, and words in SVG drawings."""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._markup.html_tree import settable, tree

_FRAMES = 1000  # of a page with those inside them
_INLINE = frozenset(("a", "b", "button", "code", "em", "li", "p", "span", "td", "th", *(f"h{n}" for n in range(1, 7))))
_UNSHOWN = frozenset(("defs", "symbol", "metadata", "title", "desc", "style", "script", "clippath", "mask", "marker"))
_NEW_PLACE = ("x", "y", "dy")  # attributes of a part of a text that stands apart


def show_drawn(root: Any, path: str, nesting: int) -> None:
    """Put what frames and drawings say into the page, in their places.

    Raises: OversizedDocument.
    """
    found = list(root.iter("iframe", "svg"))
    left = _FRAMES
    while found:
        element = found.pop()
        if element.tag == "svg":
            _show_drawing(element)
        elif (source := element.get("srcdoc")) and left:
            left -= 1
            found += _show_frame(element, source, path, nesting)


def _show_frame(frame: Any, source: str, path: str, nesting: int) -> list[Any]:
    """Put the page of a frame into the page around it; return the frames and drawings in it."""
    page = tree(source, path, nesting=nesting)
    body = None if page is None else page.find("body")
    if body is None:
        return []
    for sheet in list(body.iter("style")):  # it would count for the whole page
        sheet.text = None
    del frame.attrib["srcdoc"]
    frame.tag, frame.text = "div", settable(body.text)
    frame[:] = list(body)
    return list(frame.iter("iframe", "svg"))


def _show_drawing(svg: Any) -> None:
    """Put the words of a drawing, and the HTML in it, in its place; a drawing without any is left as it is."""
    parts = [part for part in _parts(svg) if part.tag == "div" or part.text]
    if not parts:
        return
    around = svg.getparent()
    inline = around is not None and around.tag in _INLINE
    tail = svg.tail
    svg[:] = parts
    svg.tag, svg.text, svg.tail = "span" if inline else "div", None, tail
    for part in parts:
        part.tail = " "
        if part.tag == "line" and not inline:
            part.tag = "span"
            part.append(part.makeelement("br"))
        elif inline:
            part.tag = "span"


def _parts(svg: Any) -> Iterator[Any]:
    """Yield an element `line` per text of a drawing, and a `div` for HTML in it."""
    from lxml import etree

    walker = etree.iterwalk(svg, events=("start",))
    for _, element in walker:
        tag = str(element.tag).lower()
        if tag in _UNSHOWN or element.get("display") == "none" or element.get("visibility") == "hidden":
            walker.skip_subtree()
        elif tag == "text":
            walker.skip_subtree()
            line = element.makeelement("line")
            line.text = settable(" ".join(_words(element).split()))
            yield line
        elif tag == "foreignobject":
            walker.skip_subtree()
            made = element.makeelement("div")
            made.text = settable(element.text)
            made[:] = list(element)
            yield made


def _words(text: Any) -> str:
    """Return what a text says; parts with a place of their own stand apart."""
    from lxml import etree

    said = []
    for event, part in etree.iterwalk(text, events=("start", "end")):
        if event == "start":
            apart = part is not text and any(name in part.attrib for name in _NEW_PLACE)
            said.append(f" {part.text or ''}" if apart else part.text or "")
        elif part is not text:
            said.append(part.tail or "")
    return "".join(said)
