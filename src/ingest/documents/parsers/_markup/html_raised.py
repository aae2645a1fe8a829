"""Raised and lowered figures of HTML, in place: `10<sup>3</sup>` is another number than 103."""

from itertools import islice
from typing import Any

from ingest.documents.parsers._markup.html_inline import BLOCKS
from ingest.documents.parsers._markup.html_inline_styles import declarations
from ingest.documents.parsers._reading.raised_figures import marked_script

_INSIDE = 8  # elements in a raised one
_AROUND = 4  # elements around it in which the text before is looked for
_STYLE = 2000  # characters of a style
_BEFORE = 40  # characters of that text
_NAMES = {"sup": True, "super": True, "superscript": True, "sub": False, "subscript": False}  # also of classes


def write_scripts(root: Any) -> None:
    """Write raised and lowered figures as such; in XML too, as its vocabularies name them."""
    for element in root.iter(*_NAMES, "span", "hi"):
        raised = _NAMES.get(element.tag)
        if raised is None and len(element.attrib):
            raised = _by_attributes(element.attrib)
        if raised is not None:
            _write(element, raised=raised)


def _by_attributes(attributes: Any) -> bool | None:
    """Return whether an element is raised (or lowered) by its style or the name of its class, None if neither."""
    style = attributes.get("style")
    if style and "vertical-align" in style:
        return _NAMES.get(declarations(style[:_STYLE].lower()).get("vertical-align", ""))
    named = attributes.get("class") or attributes.get("rend") or ""
    if "su" not in named:
        return None
    return next((_NAMES[word] for word in named.lower().split() if word in _NAMES), None)


def _write(element: Any, *, raised: bool) -> None:
    """Write the text of an element, if it is in one piece."""
    inside = list(islice(element.iter(), _INSIDE + 1))
    texts = [node for node in inside if (node.text or "").strip()]
    tails = any((node.tail or "").strip() for node in inside[1:])
    if len(inside) > _INSIDE or len(texts) != 1 or tails:
        return
    before, behind = _before(element), element.tail or ""
    texts[0].text = marked_script(texts[0].text, before, behind, raised=raised)


def _before(element: Any) -> str:
    """Return the end of the text before an element, "" at the beginning of a block."""
    for _ in range(_AROUND):
        beside = element.getprevious()
        if beside is not None:
            text = beside.tail or ("" if beside.tag in BLOCKS or beside.tag == "br" else "".join(beside.itertext()))
            return str(text[-_BEFORE:])
        element = element.getparent()
        if element is None or element.text:
            return "" if element is None else str(element.text[-_BEFORE:])
        if element.tag in BLOCKS:
            return ""
    return ""
