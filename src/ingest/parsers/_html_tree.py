"""What is done to an HTML tree before `unstructured` sees it, because it would lose it or show too much."""

import re
from typing import Any

from ingest.errors import MalformedDocument

_ENCODING = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)|<\?xml[^>]{0,100}encoding=[\"']([\w.-]+)", re.I
)
_DECLARED_IN = 4096  # bytes in which a page names its encoding (HTML: the first 1,024)
_DROPPED = ("script", "style", "noscript", "template", "nav", "iframe", "object", "embed", "dialog")
_RENAMED = {
    "details": "div", "summary": "p", "figure": "div", "figcaption": "p", "hgroup": "div", "search": "div",
    "form": "div", "label": "span",  # some servers wrap the whole page in a form
}  # fmt: skip
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ANCHOR_SIGNS = ("", "¶", "#", "§", "🔗", "\uf0c1")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush:?|sourceCode)[-\s]([\w+#-]+)")


def declared_encoding(data: bytes) -> str:
    """Return the encoding that a page names for itself, "" when it names none."""
    match = _ENCODING.search(data[:_DECLARED_IN])
    return (match[1] or match[2]).decode("ascii").lower() if match else ""


def tree(source: str, path: str = "") -> Any:
    """Return the root element, None when there is none. Comments are dropped; no entity or file is fetched.

    Raises: MalformedDocument when a limit of libxml2 is reached (256 elements deep): the rest would be lost silently.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = etree.fromstring(source.encode(), parser)
    except etree.XMLSyntaxError:
        root = None
    for fault in parser.error_log:
        if fault.level == etree.ErrorLevels.FATAL and fault.type_name == "ERR_RESOURCE_LIMIT":
            raise MalformedDocument(f"{path}: line {fault.line}: {fault.message.strip()}")
    return root


def page_title(root: Any) -> str:
    """Return the text of `<title>`."""
    return " ".join((root.findtext(".//head/title") or "").split())


def page_language(root: Any) -> str:
    """Return the main part of the page's `lang`, as in "en", "" when it says none."""
    return (root.get("lang") or "").partition("-")[0].lower()


def clean(root: Any) -> str:
    """Change the tree and return it as HTML.

    Dropped: what no reader sees, navigation, the link sign behind a heading. Renamed: elements that `unstructured`
    would drop with their text, and headings in lists, quotes and tables, which start no section.
    """
    from lxml import etree

    etree.strip_elements(root, *_DROPPED, with_tail=False)
    for element in root.xpath("//*[@hidden] | //*[@role='navigation']"):
        _drop(element)
    for heading in root.iter(*_HEADINGS):
        for link in heading.findall(".//a"):
            if "".join(link.itertext()).strip() in _ANCHOR_SIGNS and not link.findall(".//img"):
                _drop(link)
    inside = " | ".join(
        f"//{outer}//{heading}" for outer in ("li", "blockquote", "td", "th", "dd") for heading in _HEADINGS
    )
    for heading in root.xpath(inside):
        heading.tag = "p"
    for element in root.iter(*_RENAMED):
        element.tag = _RENAMED[element.tag]
    page: str = etree.tostring(root, encoding="unicode", method="html")
    return page


def languages(root: Any) -> list[str]:
    """Return the language of each `<pre>` with text in the part of the page that is read, in order."""
    main = root.find(".//main")
    part = main if main is not None else root
    return [_language(pre) for pre in part.iter("pre") if "".join(pre.itertext()).strip()]


def _language(pre: Any) -> str:
    """Return the language in the classes of a `<pre>`, its `<code>`, or the two elements around it."""
    parents = [parent for parent in (pre.getparent(), pre.getparent().getparent()) if parent is not None]
    for element in (pre, *pre.iter("code"), *parents):
        if match := _LANGUAGE.search(element.get("class") or ""):
            return match[1].lower()
    return ""


def _drop(element: Any) -> None:
    """Remove an element, but keep the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    tail, before = element.tail or "", element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    parent.remove(element)


def table_rows(html: str) -> tuple[str, list[str], int]:
    """Return caption, rows as lines of cells between bars, and how many rows are the header.

    Header: the rows of `<thead>`, else a first row of `<th>` alone.
    """
    root = tree(html)
    if root is None:
        return "", [], 0
    caption = " ".join((root.findtext(".//caption") or "").split())
    rows: list[str] = []
    headers = 0
    for row in root.iter("tr"):
        cells = list(row.iter("th", "td"))
        texts = [" ".join(" ".join(cell.itertext()).split()) for cell in cells]
        if not any(texts):
            continue
        heading = row.getparent().tag == "thead" or (not rows and all(cell.tag == "th" for cell in cells))
        headers += 1 if heading and headers == len(rows) else 0
        rows.append(" | ".join(texts))
    return caption, rows, headers if headers < len(rows) else 0
