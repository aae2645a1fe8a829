"""Finds what belongs to the site rather than the page, and where on the page the main content is."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ingest.documents.parsers._markup.html_inline_styles import values

DROPPED = frozenset(
    (
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "iframe",
        "frameset",
        "object",
        "embed",
        "applet",
        "dialog",
        "svg",
        "canvas",
        "audio",
        "video",
        "select",
        "input",
        "textarea",
        "datalist",
        "head",
        "rp",
        "meta",
        "link",
        "title",
        "col",
        "colgroup",
        "map",
        "progress",
        "meter",
    )
)
"""Elements that are never read, in HTML and in the HTML of e-mails, books and notebooks."""

_ROLES = frozenset(("navigation", "search", "dialog", "alertdialog", "menu", "menubar", "tablist", "toolbar"))
_DIALOGS = ("dialog", "alertdialog")
_ALWAYS = frozenset(
    (
        "headerlink",
        "mw-editsection",
        "linenos",
        "lineno",
        "linenumber",
        "linenodiv",
        "line-numbers-rows",
        "line-numbers-wrapper",
        "skip-link",
        "skip-to-content",
        "skiplink",
        "katex-html",
        "mathjax_preview",
        "mjx-chtml",
        "noprint",
        "anchorjs-link",
    )
)
_MENUS = frozenset(
    (
        "navbar",
        "nav",
        "menu",
        "navigation",
        "breadcrumb",
        "breadcrumbs",
        "pagination",
        "pager",
        "site-nav",
        "sidebar-nav",
        "main-nav",
        "footer-links",
        "social-links",
        "site-footer",
        "footer",
        "site-header",
    )
)
_CONSENT = re.compile(
    r"onetrust|cookiebot|cookieconsent|cookie-?law|didomi|osano|usercentrics|truste|qc-cmp|cc-(?:window|banner)"
    r"|(?:cookies?|consent|gdpr|ccpa)[-_]{0,2}(?:consent|banner|bar|notice|popup|modal|overlay|message|info|dialog|"
    r"alert|wrapper|container|disclaimer|prompt)|(?:banner|notice|popup|modal)[-_]{0,2}(?:cookies?|consent|gdpr)"
)
_CONSENT_HINT = re.compile("cook|consent|gdpr|ccpa|trust|cc-|didomi|osano|usercentrics")
_MENU_TAGS = frozenset(("div", "ul", "ol", "section", "aside", "p", "span", "td"))
_CONSENT_LENGTH = 4000  # characters; longer text about cookies is content
_SHOWS = ("tab", "pill", "collapse", "accordion", "list")  # what a button of Bootstrap may show
_PANEL_HEAD = re.compile(r"accordion|expansion|faq|collapsible|disclosure|spoiler|question")
LINE_NUMBERS = re.compile(
    r"(?:^|[\s_-])(?:gutter|line-?n(?:o|r|um(?:ber)?)s?|lines-?num(?:ber)?s?|blob-num|crayon-nums|phabricator-source-line)"
    r"(?:$|[\s_-])"
)
"""Classes of the numbers of lines of code."""
_NUMBER_HINT = re.compile("line|num|gutter")
_HINT = re.compile(f"{_NUMBER_HINT.pattern}|{_CONSENT_HINT.pattern}")
_DIGITS = "0123456789"  # in none of these names, and behind many ids
_NUMBER_TAGS = ("td", "th", "div", "pre", "span", "a")
_ICON_LENGTH = 2  # characters; without letters or digits and hidden from assistive technology, it is decoration
_SECTIONING = frozenset(("article", "section", "main", "aside", "blockquote", "figure", "li", "td", "details"))
_MOST = 0.5  # share of the page's text that `<main>` must hold to stand for the page
_MOST_ARTICLES = 0.7
_MENU_SHARE = 0.8  # of the text in links
_EDGE_SHARE = 0.4  # of the text in links, in the page's own header or footer
_WHOLE = ("html", "body", "main", "article")


def scope(root: Any) -> list[Any]:
    """Return the elements to read, in order: `<main>`, the articles, or the whole page if those lack much of its text.

    A first-level heading before them is read too.
    """
    by_role = "main" in values(root, "role")  # told in a fraction of the time of the expression
    found = root.xpath(".//main | .//*[@role='main']") if by_role else list(root.iter("main"))
    mains = _outermost([main for main in found if main is not root])
    articles = [] if mains else _outermost(list(root.iter("article")))
    chosen, least = (mains, _MOST) if mains else (articles, _MOST_ARTICLES)
    if not chosen:
        return [root]
    outside = sum(length(element) for element in _outermost(list(root.iter(*DROPPED))))
    inside = sum(length(element) - _dropped_length(element) for element in chosen)
    whole = length(root) - outside
    if inside <= 0 or inside < least * whole:
        return [root]
    top = next(root.iter("h1"), None)
    if top is None or any(next(element.iter("h1"), None) is not None for element in chosen):
        return chosen
    return chosen if any(around.tag in DROPPED for around in top.iterancestors()) else [top, *chosen]


def length(element: Any) -> int:
    """Return the number of characters in an element, including white space. Runs in C."""
    return int(_expressions()[0](element))


def link_share(element: Any) -> float:
    """Return the share of an element's text that is in links, 1 without text."""
    normalized = _expressions()[1]
    whole = int(normalized(element))
    links = sum(int(normalized(link)) for link in element.iter("a"))
    return links / whole if whole else 1.0


@lru_cache(maxsize=1)
def _expressions() -> tuple[Any, Any]:
    """Return functions from an element to the length of its text, and to that with white space collapsed."""
    from lxml import etree

    return etree.XPath("string-length(.)"), etree.XPath("string-length(normalize-space(.))")


_Told = Callable[[Any], bool]


def _never(_: Any) -> bool:
    return False


class Chrome:
    """Finds the elements of one page that are part of the site: menus, consent banners, its own header and footer."""

    def __init__(self, root: Any, opens: _Told = _never, is_opened: _Told = _never) -> None:
        """Remember how much text the page has: an element with half of it is content, whatever its name.

        `opens` returns whether an element is a control that opens another, `is_opened` whether a control opens it.
        """
        self._half = length(root) / 2
        self._opens, self._is_opened = opens, is_opened

    def __call__(self, element: Any, tag: str) -> bool:
        """Return whether an element and everything in it is left out."""
        if tag in ("header", "footer"):
            return self._is_minor(element) and _is_edge(element)
        if tag == "button":
            return not (_is_text_button(element) or self._opens(element))
        return len(element.attrib) > 0 and (self._by_role(element, tag) or self._by_name(element, tag))

    @staticmethod
    def surely_content(attributes: dict[str, str]) -> bool:
        """Return whether attributes alone tell that an element is no part of the site, whatever its tag."""
        if "role" in attributes or "aria-hidden" in attributes:
            return False
        names = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()
        return all(_is_dull(name.rstrip(_DIGITS)) for name in names.split())

    def _by_role(self, element: Any, tag: str) -> bool:
        attributes = element.attrib
        role = attributes.get("role")
        if role is not None and (role in _ROLES or (role in ("banner", "contentinfo") and _is_edge(element))):
            holds = role == "tablist" and element.xpath("boolean(.//*[@role='tabpanel'])")
            return self._is_minor(element) and not holds and not (role in _DIALOGS and self._is_opened(element))
        return attributes.get("aria-hidden") == "true" and _is_icon(element, tag)

    def _by_name(self, element: Any, tag: str) -> bool:
        attributes = element.attrib
        named = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()
        if len(named) == 1 or tag in _WHOLE:
            return False
        names = named.split()
        if not _ALWAYS.isdisjoint(names):
            return True
        if tag in _NUMBER_TAGS and _NUMBER_HINT.search(named) and LINE_NUMBERS.search(named[:500]):
            return "".join("".join(element.itertext()).split()).isdigit()
        if tag in _MENU_TAGS and not _MENUS.isdisjoint(names):
            return self._is_minor(element) and link_share(element) >= _MENU_SHARE
        if _CONSENT_HINT.search(named) and _CONSENT.search(named[:500]):
            return length(element) < _CONSENT_LENGTH and self._is_minor(element)
        return False

    def _is_minor(self, element: Any) -> bool:
        return length(element) < self._half


@lru_cache(maxsize=4096)
def _is_dull(name: str) -> bool:
    """Return whether a class or an id is none of those that menus, banners and numbers of lines have."""
    return name not in _ALWAYS and name not in _MENUS and not _HINT.search(name)


def _is_edge(element: Any) -> bool:
    """Return whether a header or footer is the page's own and mostly links: those of articles are content."""
    if any(around.tag in _SECTIONING for around in element.iterancestors()):
        return False
    if next(element.iter("h1", "h2"), None) is not None and element.tag == "header":
        return False
    return link_share(element) >= _EDGE_SHARE


def _is_text_button(button: Any) -> bool:
    """Return whether a button shows or hides content that it names, as the questions of an FAQ do."""
    attributes = button.attrib
    if "aria-expanded" in attributes or "aria-controls" in attributes:
        return True
    if any(attributes.get(name) in _SHOWS for name in ("data-bs-toggle", "data-toggle")):
        return True
    if _PANEL_HEAD.search(attributes.get("class", "")[:500].lower()):
        return True
    around = button.getparent()
    for _ in range(2):
        if around is None:
            return False
        if around.tag in ("h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary"):
            return True
        around = around.getparent()
    return False


def _is_icon(element: Any, tag: str) -> bool:
    """Return whether an element hidden from assistive technology is decoration."""
    if tag in ("svg", "i", "a"):
        return True
    if length(element) > 100:
        return False
    text = "".join("".join(element.itertext()).split())
    return len(text) <= _ICON_LENGTH and not any(character.isalnum() for character in text)


def _outermost(elements: list[Any]) -> list[Any]:
    """Return the elements that are not inside another one of them; `elements` are in document order."""
    known = set(elements)
    return [element for element in elements if known.isdisjoint(element.iterancestors())]


def _dropped_length(element: Any) -> int:
    return sum(length(inner) for inner in _outermost(list(element.iter(*DROPPED))))
