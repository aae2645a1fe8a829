"""The rules in a page's own style sheets, and what they and an inline style say about one element.

Only what changes how text is read: whether an element is shown as a block, and how the items of a list are marked.
Selectors of tags, names and simple attributes with descendants and children are understood; others are ignored.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

SHEETS = 2**18  # characters of style sheets that are read
_RULES = 20_000
_REMEMBERED = 10_000  # kinds of elements
_PER_KEY = 16  # rules for one name that are looked at; the last ones win anyway
_SELECTOR = 200  # characters; longer ones are ignored
_CACHED = 2000  # characters; longer inline styles are not cached
_BRACE = re.compile(r"[{}]")
_COMMENT = re.compile(r"/\*[^*]*(?:\*(?!/)[^*]*)*\*/")
_READ = re.compile(r"(?<![\w-])(?:display|float|list-style(?:-type)?|content|counter-reset|system)\s*:", re.I)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))")
_SPELLED = ("content", "list-style-type", "list-style", "prefix", "suffix")  # properties with text for readers
_PARTS = re.compile(r"\s*([>+~])\s*|\s+")
_COMPOUND = re.compile(
    r"(?P<tag>[a-z][a-z0-9-]*|\*)?(?P<names>(?:[.#][\w-]+|\[[\w-]+(?:=\"?'?[\w-]+'?\"?)?\])*)(?P<mark>::?(?:before|marker))?\Z"
)
_NAME = re.compile(r"[.#][\w-]+|\[[^\]]+\]")
_SHAPING = frozenset(("display", "float"))
_BLOCK = frozenset(("block", "flex", "grid", "table", "list-item", "table-row", "flow-root", "table-cell"))
_BOXES = frozenset(("flex", "inline-flex", "grid", "inline-grid"))
_BOX_RULE = re.compile(r"display\s*:\s*(?:inline-)?(?:flex|grid)", re.I)
_STYLED_BOXES = "boolean(//@style[contains(., 'flex') or contains(., 'grid')])"


class _Compound(NamedTuple):
    """A part of a selector: what one element must be."""

    tag: str
    names: tuple[str, ...]
    child: bool  # of the part before it, not only inside it

    def matches(self, element: Any) -> bool:
        """Return whether an element is of this kind."""
        return self.tag in ("", "*", element.tag) and all(_has(element, name) for name in self.names)


class _Rule(NamedTuple):
    parts: tuple[_Compound, ...]
    values: dict[str, str]
    weight: tuple[int, int, int]  # specificity, then order


def sheets_of(root: Any) -> str:
    """Return a page's own style sheets, without comments, up to a limit."""
    sheets = "\n".join("".join(style.itertext()) for style in root.iter("style"))[:SHEETS]
    return _COMMENT.sub(" ", sheets) if "/*" in sheets else sheets


def rules(sheets: str) -> list[tuple[int, str, str]]:
    """Return (depth, selector, body) of the innermost rules; depth is 1 or more inside `@media` and the like."""
    found: list[tuple[int, str, str]] = []
    opened: list[str] = []
    at = 0
    for brace in _BRACE.finditer(sheets):
        text = sheets[at : brace.start()]
        at = brace.end()
        if brace.group() == "{":
            opened.append(text.rpartition(";")[2])
        elif opened:
            found.append((len(opened) - 1, opened.pop(), text))
            if len(found) >= _RULES:
                break
    return found


def declarations(style: str) -> dict[str, str]:
    """Return property → value of an inline style, in lower case, without `!important`."""
    found = {}
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


_known = lru_cache(maxsize=1024)(declarations)  # pages repeat their styles


def inline_style(element: Any) -> dict[str, str]:
    """Return property → value of an element's own style."""
    style = (element.get("style") or "")[:SHEETS].lower()
    return _known(style) if len(style) < _CACHED else declarations(style)


class PageStyles:
    """What style sheets and inline styles say about the elements of one page."""

    def __init__(self, sheets: str = "", root: Any = None) -> None:
        """Read the rules that count, from what `sheets_of` returns for a page."""
        self._rules: dict[str, list[_Rule]] = {}
        self._found: dict[tuple[str, str, str, str], tuple[_Rule, ...]] = {}
        self._shaped: dict[tuple[str, str, str], bool] = {}
        self._rows: dict[Any, bool] = {}  # whether an element is a row of boxes
        self._inside: dict[tuple[int, Any], bool] = {}
        self._by_attribute = False
        self._set: set[str] = set()  # properties that a rule sets
        self._counters: dict[str, dict[str, str]] = {}
        self._boxes = root is not None and bool(root.xpath(_STYLED_BOXES))
        for order, (depth, selectors, body) in enumerate(rules(sheets) if _READ.search(sheets) else ()):
            if depth == 0 and _READ.search(body):
                self._keep(selectors.strip().lower(), _spelled(body), order)
        self._boxes = self._boxes or bool(_BOX_RULE.search(sheets))

    def _keep(self, selectors: str, values: dict[str, str], order: int) -> None:
        if selectors.startswith("@counter-style"):
            self._counters[selectors.removeprefix("@counter-style").strip()] = values
            return
        for selector in selectors.split(",")[:_PER_KEY]:
            parts, mark = _parsed(selector.strip()) if len(selector) < _SELECTOR else ((), "")
            if not parts:
                continue
            names = [name for part in parts for name in part.names]
            if not names:  # sites reset all lists, and bring numbers back in sheets that are not in the page
                values = {name: value for name, value in values.items() if (name[:10], value) != ("list-style", "none")}
            identities = sum(name[0] == "#" for name in names)
            tags = sum(bool(part.tag.strip("*")) for part in parts)
            own = parts[-1].names
            key = mark + next((name for name in own if name[0] != "["), parts[-1].tag or f"{own[0].partition('=')[0]}")
            self._by_attribute = self._by_attribute or "[" in key
            kept = self._rules.setdefault(key.rstrip("]"), [])
            kept.append(_Rule(parts, values, (identities, len(names) - identities, tags * _RULES + order)))
            self._set.update(mark + name for name in values)
            if len(kept) > _PER_KEY:
                kept.pop(0)

    def value(self, element: Any, name: str, mark: str = "") -> str:
        """Return the value of a property, "" when nothing sets it; `mark` "::" asks for the text before an element."""
        own = "" if mark or "style" not in element.attrib else inline_style(element).get(name, "")
        if own or mark + name not in self._set:
            return own
        best, value = (-1, -1, -1), ""
        for rule in self._rules_for(element, name, mark):
            if rule.weight > best and self._selects(rule.parts, element):
                best, value = rule.weight, rule.values[name]
        return value

    def _rules_for(self, element: Any, name: str, mark: str) -> tuple[_Rule, ...]:
        """Return the rules for a property whose last part has the tag, a class, the id or an attribute of one."""
        attributes = element.attrib
        key = mark + name, element.tag, attributes.get("class", ""), attributes.get("id", "")
        found = self._found.get(key)
        if found is None:
            kept = (rule for one in _keys(*key[1:]) for rule in self._rules.get(mark + one, ()))
            found = tuple(rule for rule in kept if name in rule.values)
            if len(self._found) < _REMEMBERED:
                self._found[key] = found
        if self._by_attribute and len(attributes):
            more = (rule for one in attributes for rule in self._rules.get(f"{mark}[{one}", ()))
            return (*found, *(rule for rule in more if name in rule.values))
        return found

    def _selects(self, parts: tuple[_Compound, ...], element: Any) -> bool:
        """Return whether a selector selects an element: its last part is the element, the others are around it."""
        if not parts[-1].matches(element):
            return False
        around = element.getparent() if len(parts) > 1 else None
        if around is None:
            return len(parts) == 1
        key = id(parts), around  # the rules are kept as long as this
        known = self._inside.get(key)
        if known is None:
            known = _is_inside(parts, around)
            if len(self._inside) < _REMEMBERED:
                self._inside[key] = known
        return known

    def counter_style(self, name: str) -> tuple[str, str, str] | None:
        """Return the system, prefix and suffix of a counter style that the page defines, None for other names."""
        found = self._counters.get(name)
        if found is None:
            return None
        base = found.get("system", "").lower().removeprefix("extends").strip()
        return base, unquoted(found.get("prefix", "")), unquoted(found.get("suffix", '". "'))

    def is_block(self, element: Any) -> bool:
        """Return whether an element that is inline by its tag is shown as a block."""
        if "style" not in element.attrib and (self._set.isdisjoint(_SHAPING) or not self._is_shaped(element)):
            return False
        return self.value(element, "display") in _BLOCK or self.value(element, "float") in ("left", "right")

    def _is_shaped(self, element: Any) -> bool:
        """Return whether any rule whose last part may be an element says how it is shown."""
        attributes = element.attrib
        key = element.tag, attributes.get("class", ""), attributes.get("id", "")
        known = self._shaped.get(key)
        if known is None:
            known = any(
                not _SHAPING.isdisjoint(rule.values) for one in _keys(*key) for rule in self._rules.get(one, ())
            )
            if len(self._shaped) < _REMEMBERED:
                self._shaped[key] = known
        if known or not self._by_attribute or not len(attributes):
            return known
        return any(
            not _SHAPING.isdisjoint(rule.values) for one in attributes for rule in self._rules.get(f"[{one}", ())
        )

    def is_box(self, element: Any) -> bool:
        """Return whether an element stands apart from its neighbours, in a row of boxes."""
        around = element.getparent() if self._boxes else None
        if around is None:
            return False
        known = self._rows.get(around)
        if known is None:
            known = self.value(around, "display") in _BOXES
            if len(self._rows) < _REMEMBERED:
                self._rows[around] = known
        return known


def unquoted(value: str) -> str:
    """Return the text of a CSS string, escapes resolved."""
    return _ESCAPE.sub(_escaped, value.strip().strip("\"'"))


def _escaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0x20 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else " "


def _spelled(body: str) -> dict[str, str]:
    """Return property → value in lower case, but texts for readers as they are spelled."""
    values = declarations(body.lower())
    if not any(name in values for name in _SPELLED):
        return values
    exact = {name.lower(): value for name, value in declarations(body).items()}
    return {name: exact.get(name, value) if '"' in value or "'" in value else value for name, value in values.items()}


def _keys(tag: str, names: str, identity: str) -> list[str]:
    classes = names.lower().split()[:_PER_KEY] if names else ()
    return [tag, "*", *(f".{name}" for name in classes), *([f"#{identity.lower()}"] if identity else ())]


@lru_cache(maxsize=1024)
def _classes(names: str) -> frozenset[str]:
    return frozenset(names.lower().split())


def _has(element: Any, name: str) -> bool:
    if name[0] == ".":
        return name[1:] in _classes(element.get("class", ""))
    if name[0] == "#":
        return bool(name[1:] == element.get("id", "").lower())
    attribute, equals, value = name[1:-1].partition("=")
    wanted = value.strip("\"'")
    return attribute in element.attrib and (not equals or element.get(attribute, "").lower() == wanted)


@lru_cache(maxsize=1024)
def _parsed(selector: str) -> tuple[tuple[_Compound, ...], str]:
    """Return the parts of a selector and "::" if it selects the text before an element; no part if not understood."""
    parts: list[_Compound] = []
    at, child, mark = 0, False, ""
    for gap in [*_PARTS.finditer(selector), None]:
        match = _COMPOUND.match(selector[at : gap.start() if gap else len(selector)])
        if match is None or not match.group() or mark or (gap and gap[1] in ("+", "~")):
            return (), ""
        names = _NAME.findall(match["names"])
        parts.append(_Compound(match["tag"] or "", tuple(names), child))
        mark = "::" if match["mark"] else ""
        at, child = (gap.end(), gap[1] == ">") if gap else (at, child)
    return tuple(parts), mark


def _is_inside(parts: tuple[_Compound, ...], around: Any) -> bool:
    """Return whether an element and those around it are what the parts before the last ask for."""
    child, left = parts[-1].child, len(parts) - 1
    for element in (around, *around.iterancestors()):
        if parts[left - 1].matches(element):
            left -= 1
            child = parts[left].child
            if not left:
                return True
        elif child:
            return False
    return False
