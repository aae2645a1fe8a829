"""Documents whose text is in attributes: settings, inventories, outlines. Attributes become fields, as elements do."""

from typing import Any

_DRAWN = frozenset(("svg", "xsl:stylesheet", "stylesheet"))  # whose attributes are coordinates or rules
_SPECIAL = (
    "{http://www.w3.org/XML/1998/namespace}",
    "{http://www.w3.org/2001/XMLSchema-instance}",
)
_MOST = 200  # attributes of one element
_LONGEST = 5000  # characters of a value; a longer one is data


def tell_attributes(root: Any) -> None:
    """Put a list of its attributes at the start of each element that has no text of its own.

    Only where most elements that say something say it in attributes alone: elsewhere they are settings of the text.
    """
    if root.tag in _DRAWN:
        return
    silent = [element for element in root.iter() if element.attrib and not _speaks(element) and not _in_text(element)]
    told = [(element, fields) for element in silent if (fields := _fields(element))]
    alone = sum(not len(element) for element, _ in told)
    texts = sum(map(_speaks, root.iter()))
    if not told or (texts and alone <= texts):
        return
    for element, fields in told:
        element.attrib.clear()
        record = element
        if len(element):
            record = element.makeelement("ingest-record")
            element.insert(0, record)
        record.tag = "ingest-record"
        for text in fields:
            field = record.makeelement("ingest-field")
            field.text = text
            record.append(field)


def _fields(element: Any) -> list[str]:
    """Return a line for each attribute; the name of the element stands in front of the first."""
    found = []
    for name, value in element.attrib.items()[:_MOST]:
        plain = " ".join(value.split())
        if name.startswith(_SPECIAL) or not any(map(str.isalnum, plain[:_LONGEST])) or len(plain) > _LONGEST:
            continue
        found.append(f"{name.rpartition('}')[2]}: {plain}")
    return [f"{element.tag} {found[0]}", *found[1:]] if found else []


def _speaks(element: Any) -> bool:
    """Return whether an element has text of its own."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _in_text(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and bool((element.tail or "").strip() or (parent.text or "").strip())
