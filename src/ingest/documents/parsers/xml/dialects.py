"""Renames the elements of XML vocabularies to those of HTML, so that one walk can read them all.

Known by name: JATS, DocBook, DITA, TEI, CALS tables, USPTO patents. For unknown elements there are rules: one with text
is a paragraph, one that begins with a title is a section, adjacent leaves with different names are a record's fields,
and so are attributes in documents that have most of their text in them.
"""

from typing import Any

from ingest.documents.parsers.xml.attributes import tell_attributes
from ingest.documents.parsers.xml.vocabularies import (
    DROPPED,
    FIGURES,
    INLINE,
    INLINE_INSIDE,
    KNOWN,
    LOOSE,
    NAMED,
    RENAMED,
    TITLES,
)

_BLOCK = frozenset(("p", "li", "td", "th", "dt", "dd", "h1", "figcaption", "pre"))
_MADE = {"ingest-record": "ul", "ingest-field": "li"}
_HTML = frozenset(("noscript", "math", "table", "h1", "h2", "h3", "h4", "h5", "h6", "caption"))
_FIELDS = 100  # per record
_NUMBERED = {  # values of `list-type` (JATS), `numeration` (DocBook), `type` and `rend` (TEI) → of `type` in HTML
    **dict.fromkeys(("order", "ordered", "numbered", "arabic"), "1"),
    **dict.fromkeys(("alpha-lower", "loweralpha"), "a"),
    **dict.fromkeys(("alpha-upper", "upperalpha"), "A"),
    **dict.fromkeys(("roman-lower", "lowerroman"), "i"),
    **dict.fromkeys(("roman-upper", "upperroman"), "I"),
}
_TITLE_LENGTH = 300  # characters; a longer name of a record is not a title


def to_html(root: Any) -> None:
    """Rename all elements of a tree without namespaces, in place. One pass, no recursion."""
    from lxml import etree

    known = root.tag in KNOWN
    _prepare(root)
    if not known:
        tell_attributes(root)
        _records(root)
    base = 1 + (root.find(".//h1") is not None)
    sections = inside = 0
    closing: list[tuple[int, int]] = []  # what each open element added to `sections` and `inside`
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            section, block = closing.pop()
            sections -= section
            inside -= block
            continue
        titled = _section_title(element, known=known) if not inside else None
        section = int(titled is not None)
        if titled is None and not inside and element.tag in LOOSE:
            titled = element  # a heading between paragraphs
        if titled is not None:
            level = _level(titled) or base + sections
            titled.tag = f"h{min(level, 6)}" if level <= 6 else "div"
            if level > 6:
                titled.set("role", "heading")
                titled.set("aria-level", str(level))
        name = _name(element, inside=bool(inside), known=known)
        element.tag = name
        block = int(name in _BLOCK or (name[0] == "h" and name[1:].isdigit()) or element.get("role") == "heading")
        sections += section
        inside += block
        closing.append((section, block))


def _prepare(root: Any) -> None:
    """Drop what is not text for readers, add the titles that a style sheet would add, merge labels, span cells."""
    for element in list(root.iter(*DROPPED)):
        if element.tag != "address" and element is not root:
            for title in element.iter("invention-title", "title-of-invention", "b540"):
                _before(element, "h1", " ".join(title.itertext()))
            element.clear(keep_tail=True)
            element.tag = "noscript"
    for title in list(root.iter("article-title", "invention-title", "title-of-invention")):
        if title.getparent() is None or title.getparent().tag in ("title-group", "technical-information", root.tag):
            title.tag = "h1"
        else:
            title.tag = "span"  # of a citation
    for element in root.iter(*NAMED):
        if next((child for child in element if child.tag in TITLES), None) is None:
            _first(element, "title", NAMED[element.tag])
    for found in list(root.iter("list", "orderedlist")) if root.tag in KNOWN else ():
        _number(found)
    for label in list(root.iter("label")):
        _merge_label(label)
    _tables(root)
    _citations(root)
    _formulas(root)


def _number(found: Any) -> None:
    """Say as HTML does how the items of a list are numbered; items with labels of their own need no numbers."""
    names = ("list-type", "numeration", "type", "rend")
    kind = next((_NUMBERED[value] for name in names if (value := found.get(name, "")) in _NUMBERED), "")
    found.attrib.pop("type", None)
    if not kind and found.tag == "list":
        return
    found.tag = "orderedlist"
    found.set("type", kind or "1")
    found.set("start", found.get("startingnumber", ""))
    if found.find("*/label") is not None:
        found.set("style", "list-style-type: none")


def _name(element: Any, *, inside: bool, known: bool) -> str:
    """Return the HTML name of an element; `inside` a block of text, anything but a block is inline."""
    tag: str = element.tag
    if element.get("role") == "heading":
        return "div"
    if tag in _HTML:
        return tag
    made = _MADE.get(tag) or (_mapped(element, tag, inside=inside) if known else "")
    if made:
        return made
    if inside or (known and tag in INLINE):
        return "span"
    return "p" if _holds_text(element) else "div"


def _mapped(element: Any, tag: str, *, inside: bool) -> str:
    """Return the HTML name of an element of a known vocabulary, "" when it has none here."""
    if tag == "list":
        return "ul"
    if inside and tag in INLINE_INSIDE:
        return "span"
    if tag == "ref" and (element.getparent() is None or element.getparent().tag == "p"):
        return "span"
    return RENAMED.get(tag, "")


def _holds_text(element: Any) -> bool:
    """Return whether an element has text of its own."""
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _section_title(element: Any, *, known: bool) -> Any:
    """Return the child that is an element's section title, None when the element is not a section."""
    if element.tag in ("caption", "figcaption", "li", "table", "list-item", "tr") or not len(element):
        return None
    for child in element[:3]:
        if child.tag in TITLES and (len(element) > 1 or known):
            return child
        if not known and child.tag in ("name", "label", "subject") and not len(child) and len(element) > 1:
            return child if 0 < len((child.text or "").strip()) <= _TITLE_LENGTH else None
    return None


def _level(title: Any) -> int:
    """Return the level of a USPTO heading, one below the patent's title, 0 for other elements."""
    level = (title.get("level") or title.get("lvl") or "").strip()
    return int(level) + 1 if title.tag in ("heading", "h") and level.isdigit() and len(level) == 1 else 0


def _merge_label(label: Any) -> None:
    """Put the number of a section, figure or table before its title or caption."""
    parent = label.getparent()
    if parent is None:
        return
    following = label.getnext()
    text = " ".join("".join(label.itertext()).split())
    if following is not None and following.tag in ("title", "caption", "p") and text:
        inner = following[0] if following.tag == "caption" and len(following) else following
        inner.text = f"{text} {(inner.text or '').lstrip()}"
        label.tag = "noscript"
    else:
        label.tag = "caption" if parent.tag in FIGURES else "span"
        label.tail = f" {label.tail or ''}"


def _tables(root: Any) -> None:
    """Turn CALS tables (tgroup, entry) into HTML tables."""
    for group in list(root.iter("tgroup")):
        if (parent := group.getparent()) is not None and parent.tag in ("table", "informaltable", "tables"):
            parent.tag = "div" if parent.tag == "table" else parent.tag
        group.tag = "table"
    for cell in root.iter("entry"):
        more = cell.get("morerows") or ""
        if more.isdigit() and len(more) < 6:
            cell.set("rowspan", str(int(more) + 1))


def _citations(root: Any) -> None:
    """Separate the parts of citations that are stored as fields."""
    for citation in root.iter("element-citation", "name", "string-name"):
        if citation.tag == "name" and citation.find("surname") is None:
            continue
        for child in citation[:-1]:
            child.tail = (child.tail or "").strip() or (" " if citation.tag != "element-citation" else ", ")
    for contributor in root.iter("contrib", "person-group"):
        for child in contributor:
            child.tail = f"{(child.tail or '').strip()} "
        contributor.tail = f", {(contributor.tail or '').strip()}"


def _records(root: Any) -> None:
    """Mark elements whose children are leaves with different names: fields, whose names explain their values."""
    for element in list(root.iter()):
        names = [child.tag for child in element[: _FIELDS + 1]]
        if not 2 <= len(names) <= _FIELDS or len(set(names)) < len(names) or _holds_text(element):
            continue
        if any(len(child) or len(child.text or "") > _TITLE_LENGTH for child in element):
            continue
        if element.tag.startswith("ingest-"):
            continue
        title = _section_title(element, known=False)
        fields = [child for child in element if child is not title and (child.text or "").strip()]
        if not fields:
            continue
        record = element
        if title is not None:
            record = element.makeelement("ingest-record")
            element.insert(element.index(fields[0]), record)
        record.tag = "ingest-record"
        for child in fields:
            child.text, child.tag = f"{child.tag}: {(child.text or '').strip()}", "ingest-field"
            if record is not element:
                record.append(child)


def _formulas(root: Any) -> None:
    """Keep one of a formula's forms; a surrounding TeX document is left out."""
    for tex in list(root.iter("tex-math")):
        around = tex.getparent()
        if around is not None and around.find(".//math") is not None:
            tex.tag = "noscript"
        elif r"\begin{document}" in (text := "".join(tex.itertext())):
            tex.text = text.partition(r"\begin{document}")[2].partition(r"\end{document}")[0].strip(" $\n")


def _first(element: Any, tag: str, text: str) -> None:
    child = element.makeelement(tag)
    child.text, child.tail, element.text = text, element.text, None
    element.insert(0, child)


def _before(element: Any, tag: str, text: str) -> None:
    added = element.makeelement(tag)
    added.text = text
    parent = element.getparent()
    parent.insert(parent.index(element), added)
