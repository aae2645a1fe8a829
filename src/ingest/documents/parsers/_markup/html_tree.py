"""HTML and XHTML sources to lxml trees: no entity, file or URL is fetched, and depth is limited."""

import re
from functools import lru_cache
from html.entities import html5
from typing import Any

from ingest.documents.parsers._reading.charsets import REPLACEMENT, meant_by_meta
from ingest.documents.parsers._reading.titles import stated_title
from ingest.errors import OversizedDocument

_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:()+-]+)", re.I)
_XML_ENCODING = re.compile(rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']\s*([\w.:()+-]+)", re.I)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_DECLARED_IN = 4096  # bytes that are searched for a declared encoding (HTML allows the first 1,024)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30};)")
_XML_ENTITIES = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))
_DOCTYPE = re.compile(r"<!DOCTYPE\b[^>\[]{0,1000}(\[)?", re.I)
_DECLARATION = re.compile(r"<\?xml[^>]{0,200}\?>")
NESTING = 200  # levels of elements
_CLOSERS = re.compile(
    r"<(/?)(p|address|article|aside|blockquote|center|details|dialog|dir|div|dl|dd|dt|fieldset|figcaption|figure|footer|form"
    r"|h[1-6]|header|hgroup|hr|li|main|menu|nav|ol|pre|search|section|summary|table|t[dhr]|ul)(?![\w-])",
    re.I,
)
_PARAGRAPH_END = re.compile(r"</p(?![\w-])", re.I)
_PRE = re.compile(r"<(/?)pre(?![\w-])[^<>]{0,4000}>", re.I)
_ENDS_PRE = re.compile(r"<(?:ul|dl|li|table|form|fieldset)(?![\w-])", re.I)
_RAW_TEXT = re.compile(r"<(?:xmp|plaintext)(?![\w-])", re.I)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_AFTER_NAME = " >\t\n\r\f/"
_STEPS = 400  # per XPath expression; libxml2 refuses more than 500


def settable(text: str | None) -> str:
    """Return a text of the tree without the control characters that lxml reads from HTML but does not write into it."""
    return _NOT_XML.sub("", text or "")


def declared_encoding(data: bytes) -> str:
    """Return the label of the encoding that a page or an XML document declares, "" when it declares none."""
    head = _COMMENT.sub(b"", data[:_DECLARED_IN])
    found = [match for match in (_META.search(head), _XML_ENCODING.search(head)) if match]
    if not found:
        return ""
    first = min(found, key=lambda match: match.start())
    label = first[1].decode("ascii")
    meant = meant_by_meta(label)
    return label if meant == REPLACEMENT and first.re is _XML_ENCODING else meant


def tree(source: str, path: str = "", *, nesting: int = NESTING) -> Any:
    """Return the root element of HTML, None when there is none; comments are dropped.

    Raises: OversizedDocument when elements are nested deeper than `nesting`, or another limit of libxml2 is reached.
    """
    from lxml import etree

    source = _with_whole_code(_with_stray_ends(source))
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )  # without huge_tree, libxml2 itself allows 256 levels and 10 MB per text
    try:
        root = etree.fromstring(source.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    for fault in parser.error_log:
        if fault.type_name == "ERR_NO_MEMORY":
            raise MemoryError
        if fault.level == etree.ErrorLevels.FATAL and fault.type_name == "ERR_RESOURCE_LIMIT":
            raise OversizedDocument(f"{path}: line {fault.line}: {fault.message.strip()}")
    check_depth(root, nesting, path)
    return root


def _with_stray_ends(source: str) -> str:
    """Return HTML with an empty paragraph for each `</p>` behind an element that had ended the paragraph already.

    Browsers do the same (HTML Standard, "in body"), but libxml2 ignores such a tag: texts before and behind it join.
    """
    pieces: list[str] = []
    at = behind = 0
    capital = "<P" in source
    for end in _PARAGRAPH_END.finditer(source):
        place = end.start()
        start = max(source.rfind("<p", behind, place), source.rfind("<P", behind, place) if capital else -1)
        alone = start < 0 or source[start + 2] not in _AFTER_NAME or _CLOSERS.search(source, start + 2, place)
        if alone and _is_stray(source, behind, place):
            pieces += [source[at:place], "<p>"]
            at = place
        behind = end.end()
    return "".join([*pieces, source[at:]]) if pieces and not _RAW_TEXT.search(source) else source


def _with_whole_code(source: str) -> str:
    """Return HTML with an element around what is in `<pre>`, if libxml2 would end it there, which browsers do not."""
    pieces: list[str] = []
    at = start = 0  # of the content of the open `<pre>`
    for tag in _PRE.finditer(source):
        if start and tag[1] and _ENDS_PRE.search(source, start, tag.start()):
            pieces += [source[at:start], "<span>"]
            at = start
        start = 0 if tag[1] else tag.end()
    return "".join([*pieces, source[at:]]) if pieces and not _RAW_TEXT.search(source) else source


def _is_stray(source: str, behind: int, place: int) -> bool:
    """Return whether no paragraph is open at `place`: none began since the last one ended, or an element ended it."""
    opened, ends = False, True
    for found in _CLOSERS.finditer(source, behind, place):
        opened = opened or found[2] in "pP"
        ends = found[1] != ""
    return ends or not opened


def xhtml_tree(source: str, path: str = "", *, nesting: int = NESTING) -> Any:
    """Return the root element of XHTML without namespaces; a source that is not well-formed is read as HTML.

    Raises: OversizedDocument, as `tree` does.
    """
    from lxml import etree

    doctype = _DOCTYPE.search(source, 0, _DECLARED_IN)
    if doctype and doctype[1]:  # an internal subset may declare entities, which HTML ignores
        return tree(source, path, nesting=nesting)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True, remove_pis=True
    )
    plain = _ENTITY.sub(_named, _DECLARATION.sub("", source.removeprefix("\ufeff"), count=1))
    try:
        root = etree.fromstring(plain.lstrip().encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return tree(source, path, nesting=nesting)
    check_depth(root, nesting, path)
    without_namespaces(root)
    return root


def check_depth(root: Any, nesting: int, path: str) -> None:
    """Raise OversizedDocument when elements are nested deeper than `nesting` levels. Linear time, in C."""
    level = [] if root is None else [root]
    left = nesting
    while level and left > _STEPS:
        level = [found for element in level for found in _below(_STEPS)(element)]
        left -= _STEPS
    if level and any(map(_below(max(left, 1)), level)):
        raise OversizedDocument(f"{path}: elements nested deeper than the limit of {nesting} levels")


@lru_cache(maxsize=8)
def _below(levels: int) -> Any:
    """Return a function from an element to the elements that are so many levels below it."""
    from lxml import etree

    return etree.XPath("/".join("*" * levels))


def without_namespaces(root: Any) -> None:
    """Rename every element to its local name."""
    for element in root.iter("{*}*"):
        tag = element.tag
        if tag[0] == "{":
            element.tag = tag[tag.index("}") + 1 :].lower()


def _named(match: re.Match[str]) -> str:
    """Return the character of an HTML entity; the text itself for XML's own five and for unknown names."""
    name = match[1]
    return match[0] if name in _XML_ENTITIES else html5.get(name, match[0])


def page_title(root: Any) -> str:
    """Return the text of `<title>`, or else the Open Graph title; "" if neither is a title."""
    titles = (head.find("title") for head in root.iter("head") if head is not root)
    found = next((title for title in titles if title is not None), None)
    title = stated_title("".join(found.itertext())) if found is not None else ""
    meta = root.find(".//meta[@property='og:title']") if not title else None
    return title if meta is None else stated_title(meta.get("content") or "")


def page_language(root: Any) -> str:
    """Return the primary language of the page's `lang`, such as "en", "" without one."""
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    return str(language).strip().partition("-")[0].partition("_")[0].lower()
