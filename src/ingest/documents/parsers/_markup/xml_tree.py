"""XML sources to lxml trees: declared entities are refused, external files never read, and depth is limited."""

import re
from html.entities import html5
from typing import Any
from xml.parsers import expat

from ingest.documents.parsers._markup.html_tree import check_depth, without_namespaces
from ingest.errors import MalformedDocument, OversizedDocument

_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}\?>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9.-]{0,40};)")
_XML_ENTITIES = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))
_GREEK_NAMES = (
    "a",
    "b",
    "g",
    "d",
    "e",
    "z",
    "ee",
    "th",
    "i",
    "k",
    "l",
    "m",
    "n",
    "x",
    "o",
    "p",
    "r",
    "s",
    "t",
    "u",
    "ph",
    "kh",
    "ps",
    "oh",
)
_GREEK = {
    f"{name}gr;": letter for name, letter in zip(_GREEK_NAMES, "αβγδεζηθικλμνξοπρστυφχψω", strict=True)
}  # names of ISO 8879 that HTML lacks


def xml_tree(source: str, path: str, *, nesting: int) -> Any:
    """Return the root element without namespaces, comments and processing instructions.

    HTML's named characters (`&nbsp;`) are decoded; other names stay as written.

    Raises:
        MalformedDocument: Not well-formed, or it declares entities.
        OversizedDocument: Elements are nested deeper than `nesting`.
    """
    from lxml import etree

    if "<!ENTITY" in source:
        _refuse_entities(source, path)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True
    )
    plain = _ENTITY.sub(_named, _DECLARATION.sub("", source.removeprefix("\ufeff"), count=1))
    try:
        root = etree.fromstring(plain.lstrip().encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error).lower():
            raise OversizedDocument(f"{path}: {error}") from error
        raise MalformedDocument(f"{path}: not well-formed XML: {error}") from error
    check_depth(root, nesting, path)
    without_namespaces(root)
    for element in root.iter():
        if not element.tag.islower():
            element.tag = element.tag.lower()
    return root


class _PrologueEnds(Exception):
    """The first element was reached."""


def _refuse_entities(source: str, path: str) -> None:
    """Raise MalformedDocument when the document declares entities that could occur in text; pictures (NDATA) cannot.

    libxml2 expands entities in attributes even if that is switched off, so this must come first.
    """

    def declared(*declaration: Any) -> None:
        name, notation = declaration[0], declaration[6]
        if notation is None:
            raise MalformedDocument(f"{path}: declares entities (the first is {name[:100]!r}): refused, not expanded")

    def started(*_: Any) -> None:
        raise _PrologueEnds

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = declared
    parser.StartElementHandler = started
    try:
        parser.Parse(_DECLARATION.sub("", source.removeprefix("\ufeff"), count=1).lstrip(), True)
    except _PrologueEnds:
        return
    except expat.ExpatError as error:
        raise MalformedDocument(f"{path}: not well-formed XML: {error}") from error


def _named(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _XML_ENTITIES else html5.get(name) or _GREEK.get(name, f"&amp;{name}")
