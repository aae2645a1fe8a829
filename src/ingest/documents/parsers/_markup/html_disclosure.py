"""Finds what a click on a page opens: panels of accordions and tabs, dialogs, further slides, "show more".

Such parts are closed when the page is loaded, but they are content. A closed part is opened by a control that a reader
can see: one that names it (`aria-controls`, `href="#…"`, `data-target`, `popovertarget`, …), one that it names
(`aria-labelledby`), or one that stands where an accordion has the head of a panel. A control inside a closed part
counts once that part is opened; what only controls inside itself could open stays closed.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterator
from itertools import islice
from typing import Any

from ingest.documents.parsers._markup.html_chrome import link_share
from ingest.documents.parsers._markup.html_controls import Controls, identities, is_control
from ingest.documents.parsers._markup.html_scripted import awaits_clicks

_PER_TARGET = 8  # controls of one part that are looked at
_LEVELS = 3  # around a part where the name of an accordion, of tabs or of a carousel is looked for
_HEAD = 400  # characters of what may be the head of a panel
_INSIDE = 40  # elements that may be in a head
_BUTTONS = 2  # controls that may be in a head
_BUTTON = "self::button or self::a or @onclick or @role='button'"
_NOWHERE = ("#", "javascript:")
_NAMING = ("aria-controls", "data-target", "data-bs-target", "popovertarget", "commandfor")
_MENU_SHARE = 0.8  # of the text in links
_INERT = frozenset(("template", "noscript", "script", "style", "head", "iframe", "textarea", "select", "object", "svg"))
_WHOLE = ("html", "body", "main")
_HEADS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "dt", "button", "summary", "label"))
_FOLDS = re.compile(
    r"accordion|faq|collaps|toggl|expan[ds]|disclos|spoiler|fold|details|answer|caret|reveal|navframe|next(?:element)?sibling"
)
_TABS = re.compile(r"(?:^|[\s_-])tabs?(?:$|[\s_-])|tab-?(?:pane|panel|content|list|set|bar)")
_SLIDES = re.compile(r"carousel|slide|swiper|slick|gallery")
_MOVES = re.compile(r"prev|next|arrow|dot|bullet|indicator|pag|slide|carousel|forward|back|weiter|zurück")
_MORE = re.compile(r"more|full|rest|extra|remaining|trunc|long|hidden|expand|collaps|toggl|read")
_HINTS = re.compile(f"{_FOLDS.pattern}|{_TABS.pattern}|{_SLIDES.pattern}|{_MORE.pattern}")
_DULL = frozenset(("class", "style", "hidden", "align", "width", "height", "dir", "lang", "title"))
_FOLDABLE = "mw-collapsible"  # MediaWiki's script adds the control
_NAMED_HEAD = re.compile(r"question|title|head|trigger|toggl|label|summary|btn|button|control|caret|term|name")
_SHOWS_MORE = re.compile(r"more|mehr|plus|más|expand|show|read|see all|toggl|full")


class Disclosure:
    """The parts of one page that a click opens, and the controls that open them; found when first asked for."""

    def __init__(self, root: Any, find: Callable[[], list[Any]], is_gone: Callable[[Any], bool]) -> None:
        """Remember the page. `find` returns what is closed, in order; `is_gone` what is hidden for good."""
        self._root, self._find, self._is_gone = root, find, is_gone
        self._opened: dict[Any, Any] | None = None
        self._controls: frozenset[Any] = frozenset()
        self._scripts: bool | None = None

    def is_opened(self, part: Any) -> bool:
        """Return whether a click opens an element."""
        return (_may_be_opened(part) or self._may_be_scripted()) and part in self._read()

    def opens(self, control: Any) -> bool:
        """Return whether an element is a control that opens another."""
        return bool(self._read()) and control in self._controls

    def _may_be_scripted(self) -> bool:
        """Return whether a script inside the page may open parts, by any of their names."""
        if self._scripts is None:
            self._scripts = awaits_clicks(self._root)
        return self._scripts

    def _read(self) -> dict[Any, Any]:
        if self._opened is None:
            closed = self._find()
            self._opened = _opened(self._root, closed, self._is_gone) if closed else {}
            self._controls = frozenset(self._opened.values())
        return self._opened


def _may_be_opened(part: Any) -> bool:
    """Return whether anything about a part lets it be named by a control or belong to one; told without a search."""
    if part.tag == "dd" or not _DULL.issuperset(part.keys()) or any(identities(part)):
        return True
    if any(_HINTS.search(_names(element)) for element in (part, *_around(part))):
        return True
    head = _head(part, ())
    if head is None:
        return False
    return bool(_HINTS.search(_names(head)) or head.xpath("boolean(descendant-or-self::*[@aria-expanded or @onclick])"))


def _opened(root: Any, closed: list[Any], is_gone: Callable[[Any], bool]) -> dict[Any, Any]:
    """Return the parts that are opened, each with its control. Takes each pair once, whatever it waits for."""
    controls, beside = Controls(root, closed), _Neighbours()
    shut = set(closed)
    waiting: dict[Any, list[tuple[Any, Any]]] = defaultdict(list)
    opened: dict[Any, Any] = {}
    todo = deque((part, control) for part in closed for control in _controls(part, controls, beside, shut))
    while todo:
        part, control = todo.popleft()
        if part in opened:
            continue
        around = [control, *control.iterancestors()]
        if any(element.tag in _INERT or is_gone(element) for element in around):
            continue
        block = next((element for element in around if element in shut and element not in opened), None)
        if block is not None:
            waiting[block].append((part, control))
        elif not _is_menu(part, control):
            opened[part] = control
            todo += waiting.pop(part, ())
    return opened


def _controls(part: Any, controls: Controls, beside: "_Neighbours", shut: set[Any]) -> Iterator[Any]:
    """Yield the elements that may open a part, best first."""
    named = controls.of(part)[:_PER_TARGET]
    yield from named
    if part.get("role") in ("dialog", "alertdialog") or part.tag == "dialog" or "popover" in part.attrib:
        return
    yield from (around for around in _around(part) if _FOLDABLE in _names(around).split())
    names = [_names(part), *(_names(around) for around in _around(part))]
    head = _head(part, shut)
    if head is not None and (control := _control_in(head, part, names, shut)) is not None:
        yield control
    if part.get("role") == "tabpanel" or _TABS.search(names[0]):
        yield from beside(part, "@role='tab'")
    if part.get("aria-roledescription") == "slide" or any(_SLIDES.search(name) for name in names[:2]):
        yield from filter(_moves_slides, beside(part, _BUTTON))
    if _MORE.search(names[0]) and (control := _more(part)) is not None:
        yield control


def _control_in(head: Any, part: Any, names: list[str], shut: set[Any]) -> Any:
    """Return what can be clicked in the head of a panel, None if it does not look like the head of this one."""
    inside = [head, *islice(head.iterdescendants(), _INSIDE)]
    controls = [one for one in inside if is_control(one)]
    if len(inside) > _INSIDE or len(controls) > _BUTTONS or any(one in shut for one in inside):
        return None
    if any(_names_another(one, part) for one in controls):
        return None
    if expands := [one for one in controls if "aria-expanded" in one.attrib]:
        return expands[0] if len(expands) == 1 else None
    own = _names(head)
    names = [*names, *((one.get("onclick") or "")[:500].lower() for one in controls)]
    if not any(_FOLDS.search(name) or _TABS.search(name) for name in (own, *names)):
        return None
    if buttons := [one for one in controls if one.tag != "a" or (one.get("href") or "#").startswith(_NOWHERE)]:
        return buttons[0]
    return head if not controls and (head.tag in _HEADS or _NAMED_HEAD.search(own)) else None


def _names_another(control: Any, part: Any) -> bool:
    """Return whether a control names what it opens, and that is not this part."""
    named = [word.lstrip("#") for name in _NAMING for word in control.get(name, "").split()]
    return bool(named) and part.get("id") not in named


def _head(part: Any, shut: Container[Any]) -> Any:
    """Return the element before a part, or before what begins with it; None if it is too long for a head."""
    at = part
    for _ in range(_LEVELS):
        found = at.getprevious()
        if found is not None and part.tag == "dd":
            found = next(
                (before for before in (found, *found.itersiblings(preceding=True)) if before.tag == "dt"), None
            )
        if found is not None:
            label = "@value" if found.tag == "input" else "."
            text = int(found.xpath(f"string-length(normalize-space({label}))"))
            return found if found not in shut and 0 < text <= _HEAD else None
        at = at.getparent()
        if at is None or at.tag in _WHOLE or (at.text or "").strip():
            return None
    return None


def _moves_slides(control: Any) -> bool:
    named = f"{_names(control)} {control.get('aria-label', '')} {control.get('onclick', '')}".lower()
    elsewhere = control.tag == "a" and not (control.get("href") or "#").startswith(_NOWHERE)
    return is_control(control) and not elsewhere and bool(_MOVES.search(named))


def _more(part: Any) -> Any:
    """Return the control behind a part that shows more of the text, None without one."""
    for at in (part, *_around(part)):
        found = at.getnext()
        if found is None:
            continue
        control = next((one for one in [found, *found.iterdescendants()][:10] if is_control(one)), None)
        if control is not None:
            text = f"{_names(control)} {''.join(islice(control.itertext(), _INSIDE))[:60].lower()}"
            return control if _SHOWS_MORE.search(text) else None
    return None


class _Neighbours:
    """Looks for controls in what is around a part, once in each element."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, str], list[Any]] = {}

    def __call__(self, part: Any, wanted: str) -> list[Any]:
        """Return the controls in the nearest element around a part that has any, at most `_PER_TARGET`."""
        for around in _around(part):
            key = around, wanted
            if key not in self._known:
                self._known[key] = around.xpath(f"(.//*[{wanted}])[position() <= {_PER_TARGET}]")
            if found := [one for one in self._known[key] if one is not part]:
                return found
        return []


def _around(part: Any) -> Iterator[Any]:
    """Yield the nearest elements around a part, not the page itself."""
    for level, around in enumerate(part.iterancestors()):
        if level >= _LEVELS or around.tag in _WHOLE:
            return
        yield around


def _names(element: Any) -> str:
    attributes = element.attrib
    own = f"{element.tag} " if "-" in element.tag else ""  # of an element that the page defines itself
    return f"{own}{attributes.get('class', '')} {attributes.get('id', '')}".lower()[:500]


def _is_menu(part: Any, control: Any) -> bool:
    """Return whether a part is a menu of the site: little else than links, and not inside the page's content."""
    if link_share(part) < _MENU_SHARE or not part.xpath("boolean(.//a)"):
        return False
    if control.get("aria-haspopup", "false") != "false":
        return True
    return not any(
        around.tag in ("main", "article") or _FOLDS.search(_names(around)) for around in part.iterancestors()
    )
