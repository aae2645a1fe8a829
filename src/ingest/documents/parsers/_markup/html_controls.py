"""The controls of a page, and which parts of it each of them names."""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ingest.documents.parsers._markup.html_scripted import scripted

_LONGEST = 1000  # characters of an attribute
_LEVELS = 3  # around a link
_WRAPPERS = 5  # elements of which each holds nothing but the next
_PER_VALUE = 64  # parts with the same value that are looked at
_CONTROLS = frozenset(("button", "a", "summary", "label", "area"))
_ROLES = frozenset(("button", "tab", "switch", "link", "checkbox", "radio", "treeitem", "menuitem", "option"))
_PRESSED = ("button", "submit", "image", "checkbox", "radio")  # types of `<input>`
_CLICKS = (
    "onclick",
    "@click",
    "x-on:click",
    "v-on:click",
    "ng-click",
    "data-toggle",
    "data-bs-toggle",
    "uk-toggle",
)
_NAMES = frozenset(
    ("aria-controls", "popovertarget", "commandfor", "interesttarget", "interestfor", "uk-toggle", "data-action")
)
_TARGETS = re.compile(
    r"data-(?:[\w-]*[-_])?(?:target|toggle|controls?|panels?|pane|tabs?|accordion|collapse|opens?|show|reveal|modal|dialog"
    r"|popover|drawer|content|slide|expand|section|href|trigger|fancybox|src)(?:[-_][\w-]*)?\Z"
)
_PLAIN = frozenset(("class", "id", "style", "src", "title", "alt", "rel", "type", "name", "value", "width", "height"))
_EXPLICIT = re.compile(
    r"data-(?:[\w-]*[-_])?(?:target|toggle|tabs?|panel|accordion|collapse|trigger|modal)(?:[-_][\w-]*)?\Z"
)
_SHARED = re.compile(
    r"data-(?:[\w-]*[-_])?(?:tab|panel|pane|slide|section|faq|accordion|content|step)(?:[-_](?:id|name|index))?\Z"
)
_SCRIPTS = re.compile(r"(?:on|@|x-on:|v-on:|ng-)(?:click|mouse\w+|focus|press|toggle|change|pointer\w+)")
_NAMING = re.compile(f"{_TARGETS.pattern}|{_SCRIPTS.pattern}")
_SHOWN_BY = ("x-show", "v-show", "ng-show", "v-if", "ng-if", "x-collapse")
_SCOPES = ("x-data", "v-scope", "ng-controller")
_PANELS = ("tabpanel", "region", "dialog", "alertdialog", "note", "tooltip", "doc-footnote")
_WORD = re.compile(r"[\w:.-]+")
_QUOTED = re.compile(
    r"[\"'`]#?([\w:.-]+)[\"'`]|\b([A-Za-z_]\w*)\s*\.\s*(?:show|style|classList|hidden|toggle|open)", re.A
)
_VARIABLE = re.compile(r"[A-Za-z_$][\w$]*", re.A)
_SWITCHES = re.compile(
    r"tab|accordion|collaps|toggl|expand|spoiler|pill|panel|modal|dialog|popup|lightbox|footnote|reveal|slide"
)
_LOOKS = re.compile(r"tab|link|btn|button|toggl|trigger|head|title|question|accordion")


def is_control(element: Any) -> bool:
    """Return whether a reader can click an element: it is a control by name, role or script, and there is a label."""
    attributes = element.attrib
    tag = element.tag
    if "disabled" in attributes:
        return False
    by_name = tag in _CONTROLS or (tag == "input" and attributes.get("type", "").lower() in _PRESSED)
    if not (by_name or attributes.get("role") in _ROLES or any(name in attributes for name in _CLICKS)):
        return False
    if any(attributes.get(name, "").strip() for name in ("aria-label", "title", "value", "aria-labelledby")):
        return True
    return len(element) > 0 or bool((element.text or "").strip())


def identities(part: Any) -> Iterator[str]:
    """Yield the names by which a control may mean a part: its own, and those of an element that is all it holds."""
    for _ in range(_WRAPPERS):
        if identity := part.get("id"):
            yield identity
        if len(part) != 1 or (part.text or "").strip() or (part[0].tail or "").strip():
            return
        part = part[0]


class Controls:
    """Which controls name a part."""

    def __init__(self, root: Any, parts: list[Any]) -> None:
        """Find the controls that name one of these parts."""
        self._named: dict[Any, list[Any]] = defaultdict(list)
        self._by_id = {identity: part for part in reversed(parts) for identity in identities(part)}
        self._by_id |= {identity: part for part in reversed(parts) if (identity := part.get("id"))}
        self._by_value: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._by_variable: dict[tuple[Any, str], list[Any]] = defaultdict(list)
        self._links: dict[Any, frozenset[str]] = {}
        self._by_class: dict[str, list[Any]] = defaultdict(list)
        for part in parts:
            self._index(part)
        for control in root.iter("*") if self._is_any_named() else ():
            if len(control.attrib):
                for part in self._targets(control):
                    self._named[part].append(control)
        self._add_labels(root, parts)
        for part, controls in scripted(root, parts).items():
            self._named[part] += controls

    def of(self, part: Any) -> list[Any]:
        """Return the controls that name a part, in order."""
        return self._named.get(part, [])

    def _index(self, part: Any) -> None:
        for name in (part.get("class") or "")[:_LONGEST].split():
            if len(found := self._by_class[f".{name}"]) < _PER_VALUE:
                found.append(part)
        for name, value in part.attrib.items():
            if name in _SHOWN_BY and (variable := _VARIABLE.search(value[:_LONGEST])):
                found = self._by_variable[_scope(part), variable.group()]
            elif name[:5] == "data-" and name[-7:] == "-target":  # of a controller, as Stimulus calls it
                found = self._by_value["data-action", name[5:-7]]
            elif name[:5] == "data-" and value and len(value) < _LONGEST and _SHARED.match(name):
                found = self._by_value[name, value]
            else:
                continue
            if len(found) < _PER_VALUE:
                found.append(part)

    def _is_any_named(self) -> bool:
        return bool(self._by_id or self._by_value or self._by_variable or self._by_class)

    def _targets(self, control: Any) -> list[Any]:
        """Return the parts that an element names, if it is a control."""
        found: list[Any] = []
        for name, whole in control.items():
            if name in _PLAIN or not (name in _NAMES or name == "href" or _NAMING.match(name)):
                continue
            value, real = whole[:_LONGEST], is_control(control)
            if name == "href" and value[:1] == "#":
                part = self._by_id.get(value[1:])
                found += [part] if part is not None and real and self._is_switch(control, part) else []
            elif _SCRIPTS.match(name) or (name == "href" and value[:11].lower() == "javascript:"):
                found += self._in_script(control, value) if real else ()
            elif (real and name != "href") or (_EXPLICIT.match(name) and _looks_clickable(control)):
                words = _WORD.findall(value)
                parts = [self._by_id.get(word) for word in words]
                parts += [part for word in words if word[0] == "." for part in self._by_class.get(word, ())]
                parts += self._by_value.get((name, value), ())
                for word in words if name == "data-action" else ():
                    parts += self._by_value.get((name, word), ())
                found += [part for part in parts if part is not None and part is not control]
        return found

    def _in_script(self, control: Any, script: str) -> list[Any]:
        """Return the parts that a script in an attribute names."""
        words = [quoted or name for quoted, name in _QUOTED.findall(script)]
        found = [part for word in words if (part := self._by_id.get(word)) is not None]
        if self._by_variable:
            scope = _scope(control)
            for variable in set(_VARIABLE.findall(script)):
                found += self._by_variable.get((scope, variable), ())
        return found

    def _is_switch(self, link: Any, part: Any) -> bool:
        """Return whether a link to a part of the page shows it, and is not only a link to a place.

        It says so, or the part or what is around it, or other links beside it lead to neighbours of the part.
        """
        if any(name[:5] in ("role", "aria-", "data-", "rel", "oncli") or name[-4:] == "type" for name in link.attrib):
            return True
        if part.get("role") in _PANELS:
            return True
        around = [found for found in islice(link.iterancestors(), _LEVELS) if found.tag not in ("body", "main")]
        if any(_SWITCHES.search(_named(found)) for found in (link, part, *around)):
            return True
        beside = [found for found in (part.getprevious(), part.getnext()) if found is not None and found.get("id")]
        return any(f"#{found.get('id')}" in self._hrefs(element) for element in around[1:] for found in beside)

    def _hrefs(self, element: Any) -> frozenset[str]:
        if element not in self._links:
            self._links[element] = frozenset(element.xpath(".//a[starts-with(@href, '#')]/@href"))
        return self._links[element]

    def _add_labels(self, root: Any, parts: list[Any]) -> None:
        """Add the controls that panels themselves name as their labels."""
        panels = [part for part in parts if part.get("role") in ("tabpanel", "region")]
        names = {part: (part.get("aria-labelledby") or "").split()[:_LEVELS] for part in panels}
        wanted = {name for found in names.values() for name in found}
        if not wanted:
            return
        known = {identity: element for element in root.xpath("//*[@id]") if (identity := element.get("id")) in wanted}
        for part, identities in names.items():
            for label in (known[identity] for identity in identities if identity in known):
                inside = [label, *islice(label.iterdescendants(), _LEVELS)]
                self._named[part] += [one for one in inside if is_control(one)][:1]


def _named(element: Any) -> str:
    return f"{element.get('class') or ''} {element.get('id') or ''}"[:_LONGEST].lower()


def _looks_clickable(element: Any) -> bool:
    """Return whether an element without the role of a control is named like one, and has a label."""
    return bool(_LOOKS.search(_named(element))) and any(text.strip() for text in islice(element.itertext(), _LEVELS))


def _scope(element: Any) -> Any:
    """Return the nearest element around one that has variables of its own, None without one."""
    around = (element, *element.iterancestors())
    return next((found for found in around if any(name in found.attrib for name in _SCOPES)), None)
